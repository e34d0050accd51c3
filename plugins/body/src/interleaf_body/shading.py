"""What a rasterised pixel shows: barycentric coordinates and attributes interpolated with them, compiled."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import math

import numpy as np

from interleaf_body.raster_kernels import AWAY, SUB, compiled, homogeneous, line


@compiled
def barycentric(points, a, b, c, fx, fy, cx, cy, xs, ys, inverse, x, y):
    """Perspective-correct weights of the vertices a and b at pixel (x, y) of a face that is seen there."""
    if xs[a] != AWAY and xs[b] != AWAY and xs[c] != AWAY:
        px, py = np.int64(x) * SUB + SUB // 2, np.int64(y) * SUB + SUB // 2
        ax, ay = px - np.int64(xs[a]), py - np.int64(ys[a])
        bx, by = px - np.int64(xs[b]), py - np.int64(ys[b])
        qx, qy = px - np.int64(xs[c]), py - np.int64(ys[c])
        e0 = np.float64(bx * qy - qx * by) * inverse[a]
        e1 = np.float64(qx * ay - ax * qy) * inverse[b]
        e2 = np.float64(ax * by - bx * ay) * inverse[c]
    else:
        p = homogeneous(points, a, fx, fy, cx, cy)
        q = homogeneous(points, b, fx, fy, cx, cy)
        r = homogeneous(points, c, fx, fy, cx, cy)
        sx, sy = x + 0.5, y + 0.5
        l0, l1, l2 = line(q, r), line(r, p), line(p, q)
        e0 = l0[0] * sx + l0[1] * sy + l0[2]
        e1 = l1[0] * sx + l1[1] * sy + l1[2]
        e2 = l2[0] * sx + l2[1] * sy + l2[2]
    whole = 1.0 / (e0 + e1 + e2)
    return e0 * whole, e1 * whole


@compiled
def weights(points, faces, fx, fy, cx, cy, xs, ys, inverse, face_id, box, bary):
    """bary [H, W, 2] of every pixel within the box."""
    for y in range(box[0], box[1] + 1):
        for x in range(box[2], box[3] + 1):
            f = face_id[y, x]
            if f >= 0:
                u, v = barycentric(points, faces[f, 0], faces[f, 1], faces[f, 2], fx, fy, cx, cy, xs, ys,
                                   inverse, x, y)  # fmt: skip
                bary[y, x, 0], bary[y, x, 1] = u, v


@compiled
def interpolated(face_id, bary, corners, values, out):
    """out [H, W, C] = values [N, C] at the corners [F, 3] of each pixel's face, weighted."""
    height, width = face_id.shape
    channels = values.shape[1]
    for y in range(height):
        for x in range(width):
            f = face_id[y, x]
            if f >= 0:
                u, v = bary[y, x, 0], bary[y, x, 1]
                w = np.float32(1) - u - v
                a, b, c = values[corners[f, 0]], values[corners[f, 1]], values[corners[f, 2]]
                for k in range(channels):
                    out[y, x, k] = u * a[k] + v * b[k] + w * c[k]


@compiled
def spread_back(face_id, bary, corners, upstream, gradient):
    """Adds to gradient [N, C] what ``interpolated`` passes back from upstream [H, W, C]."""
    height, width = face_id.shape
    channels = gradient.shape[1]
    for y in range(height):
        for x in range(width):
            f = face_id[y, x]
            if f >= 0:
                u, v = bary[y, x, 0], bary[y, x, 1]
                w = np.float32(1) - u - v
                for k in range(channels):
                    g = upstream[y, x, k]
                    gradient[corners[f, 0], k] += u * g
                    gradient[corners[f, 1], k] += v * g
                    gradient[corners[f, 2], k] += w * g


@compiled
def vertex_normals(points, faces, out):
    """Unit normals [V, 3] of vertices: their faces' mean normals, weighted by area; 0 where none is."""
    out[:] = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        ux, uy, uz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
        vx, vy, vz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        if math.isfinite(x + y + z):
            out[a, 0] += x
            out[a, 1] += y
            out[a, 2] += z
            out[b, 0] += x
            out[b, 1] += y
            out[b, 2] += z
            out[c, 0] += x
            out[c, 1] += y
            out[c, 2] += z
    for v in range(len(out)):
        length = math.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2)
        if length > 0:
            scale = np.float32(1) / np.float32(length)
            out[v, 0] *= scale
            out[v, 1] *= scale
            out[v, 2] *= scale


@compiled
def seen_from(world, rotation, translation, out):
    """out [V, 3] = world points in the camera's axes."""
    for v in range(len(world)):
        x, y, z = world[v, 0], world[v, 1], world[v, 2]
        for k in range(3):
            out[v, k] = (
                rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z
            ) + translation[k]


# Columns of a vertex's row while maps are drawn: snapped place and 1/z (0: it has none), normal, template.
# One row is one cache line; reading seven arrays instead took twice as long.
X, Y, W, N, P = 0, 1, 2, 3, 6
ROW = 16


@compiled
def pack(xs, ys, inverse, normals, rows):
    """Fill all columns of rows [V, ROW] but the template."""
    for v in range(len(xs)):
        known = xs[v] != AWAY
        rows[v, X], rows[v, Y] = np.float32(xs[v]), np.float32(ys[v])
        rows[v, W] = np.float32(inverse[v]) if known else np.float32(0)
        for k in range(3):
            rows[v, N + k] = normals[v, k]


@compiled
def shade(rows, points, faces, fx, fy, cx, cy, xs, ys, inverse, face_id, inv_z, box, corner_uv, part_of_face,
          out_normals, out_template, out_uv, out_part, out_depth):  # fmt: skip
    """The five usual maps in one pass; an output of no rows is left out."""
    with_normals, with_template = len(out_normals) > 0, len(out_template) > 0
    with_uv, with_part, with_depth = len(out_uv) > 0, len(out_part) > 0, len(out_depth) > 0
    smooth, one = with_normals or with_template or with_uv, np.float32(1)
    for row in range(box[0], box[1] + 1):
        y, py = (
            np.uintp(row),
            np.float32(row * SUB + SUB // 2),
        )  # unsigned: indices need no sign check
        for column in range(box[2], box[3] + 1):
            x, px = np.uintp(column), np.float32(column * SUB + SUB // 2)
            if face_id[y, x] < 0:
                continue
            f = np.uintp(face_id[y, x])
            if with_part:
                out_part[y, x] = part_of_face[f]
            if with_depth:
                out_depth[y, x] = one / inv_z[y, x]
            if not smooth:
                continue
            a, b, c = (
                rows[np.uintp(faces[f, 0])],
                rows[np.uintp(faces[f, 1])],
                rows[np.uintp(faces[f, 2])],
            )
            if a[W] * b[W] * c[W] > 0:
                ax, ay = np.float64(px - a[X]), np.float64(py - a[Y])
                bx, by = np.float64(px - b[X]), np.float64(py - b[Y])
                qx, qy = np.float64(px - c[X]), np.float64(py - c[Y])
                e0 = np.float32(bx * qy - qx * by) * a[W]
                e1 = np.float32(qx * ay - ax * qy) * b[W]
                scale = one / (e0 + e1 + np.float32(ax * by - bx * ay) * c[W])
                u, v = e0 * scale, e1 * scale
            else:
                du, dv = barycentric(points, faces[f, 0], faces[f, 1], faces[f, 2], fx, fy, cx, cy, xs, ys,
                                     inverse, column, row)  # fmt: skip
                u, v = np.float32(du), np.float32(dv)
            w = one - u - v
            if with_normals:
                nx = u * a[N] + v * b[N] + w * c[N]
                ny = u * a[N + 1] + v * b[N + 1] + w * c[N + 1]
                nz = u * a[N + 2] + v * b[N + 2] + w * c[N + 2]
                length = nx * nx + ny * ny + nz * nz
                unit = one / math.sqrt(length) if length > 0 else np.float32(0)
                out_normals[y, x, 0], out_normals[y, x, 1], out_normals[y, x, 2] = (
                    nx * unit,
                    ny * unit,
                    nz * unit,
                )
            if with_template:
                for k in range(3):
                    out_template[y, x, k] = u * a[P + k] + v * b[P + k] + w * c[P + k]
            if with_uv:
                t = corner_uv[f]
                out_uv[y, x, 0] = u * t[0] + v * t[2] + w * t[4]
                out_uv[y, x, 1] = u * t[1] + v * t[3] + w * t[5]
