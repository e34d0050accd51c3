"""The z-buffer, compiled.

Vertices are snapped to 1/256 pixel, so edge functions are exact integers: what two triangles share is
drawn once (top-left rule), in any order of faces. Nearest wins by greater 1/z in float32, the lower
face on ties. A triangle that reaches behind the near plane, or so far aside that integers would not
hold it, is drawn by its homogeneous edge functions without being cut up: 1/z <= 1/near decides each
pixel. Edges between two ordinary vertices stay exact there, too.

Image y points down: faces that look at the camera have negative area in pixels.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-overload, operator"
# (numba infers the types of compiled functions)

import math

import numba
import numpy as np

SUB = 256  # steps a pixel
FAR_ASIDE = 1 << 25  # in steps: beyond this products of coordinates leave 53 bits
AWAY = np.int32(-(1 << 31))  # marks a vertex that has no snapped place
compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@compiled
def project(points, fx, fy, cx, cy, near, xs, ys, inverse):
    """Snapped pixel coordinates xs, ys [V] and 1/z [V]; AWAY where a vertex is near, behind, or far aside."""
    for v in range(len(points)):
        x, y, z = np.float64(points[v, 0]), np.float64(points[v, 1]), np.float64(points[v, 2])
        xs[v] = AWAY
        if z >= near:
            w = 1.0 / z
            px = np.floor((fx * x * w + cx) * SUB + 0.5)
            py = np.floor((fy * y * w + cy) * SUB + 0.5)
            if abs(px) < FAR_ASIDE and abs(py) < FAR_ASIDE:
                xs[v], ys[v], inverse[v] = np.int32(px), np.int32(py), w


@compiled
def owns(dx, dy):
    """Whether an edge in direction (dx, dy), inside to its right in y-down pixels, is a top or left one."""
    return dy < 0 or (dy == 0 and dx > 0)


@compiled
def draw(points, faces, fx, fy, cx, cy, near, cull, xs, ys, inverse, face_id, inv_z, box):
    """All faces of one frame; box [4] becomes the rows and columns touched. Gives the number of faces
    skipped: with a vertex that is not finite, or without area."""
    height, width = face_id.shape
    top, bottom, left, right = height, -1, width, -1
    skipped = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, bx, cx_ = np.int64(xs[a]), np.int64(xs[b]), np.int64(xs[c])
        if ax == AWAY or bx == AWAY or cx_ == AWAY:
            touched, bad = draw_homogeneous(points, faces, f, fx, fy, cx, cy, near, cull, xs, ys,
                                            face_id, inv_z)  # fmt: skip
            skipped += bad
            if touched:
                top, bottom, left, right = 0, height - 1, 0, width - 1
            continue
        ay, by, cy_ = np.int64(ys[a]), np.int64(ys[b]), np.int64(ys[c])
        area = (bx - ax) * (cy_ - ay) - (cx_ - ax) * (by - ay)
        if area >= 0:
            if area == 0:
                skipped += flat(points, a, b, c)
                continue
            if cull:
                continue
            b, c = c, b  # seen from behind: the other way round is seen from the front
            bx, cx_, by, cy_ = cx_, bx, cy_, by
            area = -area
        x0 = max((min(ax, bx, cx_) + (SUB // 2 - 1)) >> 8, 0)
        x1 = min((max(ax, bx, cx_) - SUB // 2) >> 8, width - 1)
        if x0 > x1:
            continue
        y0 = max((min(ay, by, cy_) + (SUB // 2 - 1)) >> 8, 0)
        y1 = min((max(ay, by, cy_) - SUB // 2) >> 8, height - 1)
        if y0 > y1:
            continue
        # e0 = edge b→c, e1 = c→a, e2 = a→b at the centre of (x0, y0), positive inside (area < 0)
        px, py = x0 * SUB + SUB // 2, y0 * SUB + SUB // 2
        e0 = (cy_ - by) * (px - bx) - (cx_ - bx) * (py - by)
        e1 = (ay - cy_) * (px - cx_) - (ax - cx_) * (py - cy_)
        e2 = (by - ay) * (px - ax) - (bx - ax) * (py - ay)
        step = 1.0 / np.float64(-area)
        k0, k1, k2 = inverse[a] * step, inverse[b] * step, inverse[c] * step
        z_corner = np.float64(e0) * k0 + np.float64(e1) * k1 + np.float64(e2) * k2
        dx0, dx1, dx2 = (cy_ - by) * SUB, (ay - cy_) * SUB, (by - ay) * SUB
        dy0, dy1, dy2 = (bx - cx_) * SUB, (cx_ - ax) * SUB, (ax - bx) * SUB
        zx = np.float64(dx0) * k0 + np.float64(dx1) * k1 + np.float64(dx2) * k2
        zy = np.float64(dy0) * k0 + np.float64(dy1) * k1 + np.float64(dy2) * k2
        # an edge owns the centres on it or not: a bias of one step keeps the test a sign
        e0 -= 0 if owns(bx - cx_, by - cy_) else 1
        e1 -= 0 if owns(cx_ - ax, cy_ - ay) else 1
        e2 -= 0 if owns(ax - bx, ay - by) else 1
        top, bottom = min(top, y0), max(bottom, y1)
        left, right = min(left, x0), max(right, x1)
        for y in range(y0, y1 + 1):
            n = np.float64(y - y0)
            z_row = z_corner + zy * n
            w0, w1, w2 = e0, e1, e2
            for x in range(x0, x1 + 1):
                if (w0 | w1 | w2) >= 0:
                    z = np.float32(z_row + zx * np.float64(x - x0))
                    if z > inv_z[y, x]:
                        inv_z[y, x] = z
                        face_id[y, x] = f
                w0 += dx0
                w1 += dx1
                w2 += dx2
            e0 += dy0
            e1 += dy1
            e2 += dy2
    box[0], box[1], box[2], box[3] = top, bottom, left, right
    return skipped


@compiled
def flat(points, a, b, c):
    """1 where a triangle has no area in space, not only on the screen."""
    ax, ay, az = np.float64(points[a, 0]), np.float64(points[a, 1]), np.float64(points[a, 2])
    ux, uy, uz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
    vx, vy, vz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    return 1 if x * x + y * y + z * z == 0 else 0


@compiled
def homogeneous(points, v, fx, fy, cx, cy):
    """A vertex as (pixel x · z, pixel y · z, z)."""
    x, y, z = np.float64(points[v, 0]), np.float64(points[v, 1]), np.float64(points[v, 2])
    return fx * x + cx * z, fy * y + cy * z, z


@compiled
def line(p, q):
    """The edge function a x + b y + c of two homogeneous points; exactly odd in its arguments."""
    return p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]


@compiled
def reach(h, near, size, axis):
    """First and last pixel along an axis that the part of a triangle beyond the near plane can touch."""
    low, high = np.float64(size), -1.0
    for i in range(3):
        p, q = h[i], h[(i + 1) % 3]
        if p[2] >= near:
            low, high = min(low, p[axis] / p[2]), max(high, p[axis] / p[2])
        if (p[2] < near) != (q[2] < near):
            t = (near - p[2]) / (q[2] - p[2])
            cut = (p[axis] + t * (q[axis] - p[axis])) / near
            low, high = min(low, cut), max(high, cut)
    return np.int64(max(min(np.floor(low) - 1.0, size), 0)), np.int64(
        max(min(np.ceil(high) + 1.0, size - 1.0), -1.0)
    )


@compiled
def inside(e, a, b, xs, ys, va, vb, sign, px, py):
    """Whether a pixel's centre lies inside of edge va → vb (with line coefficients a, b; value e)."""
    if xs[va] != AWAY and xs[vb] != AWAY:
        dx, dy = np.int64(xs[vb]) - xs[va], np.int64(ys[vb]) - ys[va]
        exact = dy * (px - xs[va]) - dx * (py - ys[va])
        if sign > 0:
            dx, dy, exact = -dx, -dy, -exact
        return exact > 0 or (exact == 0 and owns(-dx, -dy))
    e, a, b = e * sign, a * sign, b * sign
    return e > 0 or (e == 0 and (a > 0 or (a == 0 and b > 0)))


@compiled
def draw_homogeneous(points, faces, f, fx, fy, cx, cy, near, cull, xs, ys, face_id, inv_z):
    """One face with a vertex that is near, behind or far aside: whether it may have been drawn, and 1 if it
    was skipped."""
    height, width = face_id.shape
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    for v in (a, b, c):
        if not math.isfinite(points[v, 0] + points[v, 1] + points[v, 2]):
            return False, 1
    p = homogeneous(points, a, fx, fy, cx, cy)
    q = homogeneous(points, b, fx, fy, cx, cy)
    r = homogeneous(points, c, fx, fy, cx, cy)
    if p[2] < near and q[2] < near and r[2] < near:
        return False, 0
    if flat(points, a, b, c):
        return False, 1
    l0, l1, l2 = line(q, r), line(r, p), line(p, q)
    det = p[0] * l0[0] + p[1] * l0[1] + p[2] * l0[2]
    if det == 0 or not math.isfinite(det):
        return False, 0
    if cull and det > 0:
        return False, 0
    sign = 1.0 if det > 0 else -1.0
    h = (p, q, r)
    x0, x1 = reach(h, near, width, 0)
    y0, y1 = reach(h, near, height, 1)
    nearest = np.float32(1.0 / near)
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            sx, sy = x + 0.5, y + 0.5
            e0 = l0[0] * sx + l0[1] * sy + l0[2]
            e1 = l1[0] * sx + l1[1] * sy + l1[2]
            e2 = l2[0] * sx + l2[1] * sy + l2[2]
            z = np.float32((e0 + e1 + e2) / det)
            if not (z > inv_z[y, x] and z <= nearest):
                continue
            px, py = x * SUB + SUB // 2, y * SUB + SUB // 2
            if (inside(e0, l0[0], l0[1], xs, ys, b, c, sign, px, py)
                    and inside(e1, l1[0], l1[1], xs, ys, c, a, sign, px, py)
                    and inside(e2, l2[0], l2[1], xs, ys, a, b, sign, px, py)):  # fmt: skip
                inv_z[y, x] = z
                face_id[y, x] = f
    return x0 <= x1 and y0 <= y1, 0
