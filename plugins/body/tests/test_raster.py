"""The rasteriser against its definition, and against what is known of spheres, outlines and edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf_body import quaternions as quat
from interleaf_body.backends import body_model
from interleaf_body.camera import Camera, framing, look_at
from interleaf_body.raster import MAPS, Canvas, Surface, interpolate, maps, rasterize


def camera(width=32, height=24, f=30.0, cx=None, cy=None):
    cx, cy = width / 2 if cx is None else cx, height / 2 if cy is None else cy
    return Camera(width, height, f, f, cx, cy, np.eye(3), np.zeros(3))


def soup(seed, count=40, grid=False, behind=False):
    """Random triangles; ``grid`` puts vertices where pixel centres and edges coincide."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (count, 3)).astype(np.float32)
    points[:, 2] = rng.uniform(-1.0 if behind else 0.5, 3, count)
    if grid:
        z = np.float32(2.0) ** rng.integers(0, 2, count).astype(np.float32)
        xy = rng.integers(-10, 42, (count, 2)) / 2
        points = np.concatenate([(xy - [16, 12]) * (z / 32)[:, None], z[:, None]], 1).astype(
            np.float32
        )
    faces = rng.integers(0, count, (count, 3)).astype(np.int32)
    return points, faces


def sphere(levels=5):
    """A closed sphere of radius 1: an octahedron, divided."""
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = np.array(
        [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    )
    for _ in range(levels):
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
        unique, place = np.unique(edges, axis=0, return_inverse=True)
        middle = points[unique].sum(1)
        m = place.reshape(3, -1).T + len(points)
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        a, b, c = faces.T
        x, y, z = m.T
        parts = [np.stack(p, 1) for p in ((a, x, z), (x, b, y), (z, y, c), (x, y, z))]
        faces = np.concatenate(parts)
    return points.astype(np.float32), faces.astype(np.int32)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
def test_any_soup_is_drawn_as_defined(seed, cull, grid, behind):
    torch = pytest.importorskip("torch")
    from interleaf_body.raster_reference import rasterize as defined

    points, faces = soup(seed, grid=grid, behind=behind and not grid)
    lens = (32.0, 32.0, 16.0, 12.0)
    view = camera(f=32.0)
    found = rasterize(points, faces, view, cull="back" if cull else "none", near=0.1)
    ids, bary, inv_z, skipped = defined(
        torch.from_numpy(points), torch.from_numpy(faces), lens, (24, 32), 0.1, cull
    )
    assert np.array_equal(found.face_id[0], ids.numpy())
    assert np.array_equal(found.inv_z[0], inv_z.numpy())
    assert np.abs(found.bary[0] - bary.numpy()).max() < 1e-5
    assert found.skipped[0] == skipped


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_the_order_of_faces_changes_nothing_but_their_numbers(seed, behind):
    points, faces = soup(seed, 60, behind=behind)
    order = np.random.default_rng(seed).permutation(len(faces))
    one = rasterize(points, faces, camera(), cull="none")
    two = rasterize(points, faces[order], camera(), cull="none")
    seen = one.face_id >= 0
    assert np.array_equal(seen, two.face_id >= 0) and np.array_equal(one.inv_z, two.inv_z)
    same = order[two.face_id[seen]] == one.face_id[seen]
    twins = np.sort(faces, 1)  # the same triangle twice in a soup is a tie
    assert (same | (twins[order[two.face_id[seen]]] == twins[one.face_id[seen]]).all(1)).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_a_divided_plane_is_drawn_once_and_without_gaps(seed, crossing):
    """Fans about a random point, on grid positions too: every pixel in exactly one triangle."""
    rng = np.random.default_rng(seed)
    corners = [[-4, -4], [4, -4], [4, 4], [-4, 4]]
    around = np.array(
        sorted(
            [*corners, *rng.uniform(-4, 4, (6, 2)).tolist()], key=lambda p: np.arctan2(p[1], p[0])
        )
    )
    scale = np.where(
        np.abs(around).max(1, keepdims=True) < 4, 4 / np.abs(around).max(1, keepdims=True), 1
    )
    around, middle = around * scale, np.round(rng.uniform(-0.5, 0.5, 2) * 16) / 16
    flat = np.concatenate([middle[None], around])
    z = np.full(len(flat), 2.0)
    if crossing:
        z = 1.5 + 0.6 * flat[:, 1]  # a floor that runs below the camera and behind it
    points = np.concatenate([flat, z[:, None]], 1).astype(np.float32)
    n = len(around)
    faces = np.array([[0, 1 + i, 1 + (i + 1) % n] for i in range(n)], np.int32)
    whole = rasterize(points, faces, camera(), cull="none", near=0.05)
    count = np.zeros((24, 32), int)
    for face in faces:
        count += rasterize(points, face[None], camera(), cull="none", near=0.05).face_id[0] >= 0
    assert count.max() <= 1
    assert np.array_equal(count == 1, whole.face_id[0] >= 0)
    if not crossing:
        assert (count == 1).all()
    else:
        inside = np.argwhere(whole.inv_z[0] > 0)
        expected = _floor_depth(inside)
        assert np.allclose(1 / whole.inv_z[0][tuple(inside.T)], expected, rtol=1e-3)


def _floor_depth(pixels):
    """z of the plane z = 1.5 + 0.6 y at pixels (row, column) of the test camera."""
    slope = (pixels[:, 0] + 0.5 - 12) / 30.0
    return 1.5 / (1 - 0.6 * slope)


def test_a_sphere_covers_its_area_and_is_as_far_as_it_is():
    points, faces = sphere(6)
    view = look_at([0, 0, 0], distance=4.0, width=512, height=512, diagonal=50)
    out = rasterize(view.seen(points), faces, view)
    seen = out.face_id[0] >= 0
    radius = view.fx * np.tan(np.arcsin(1 / 4.0))
    assert seen.sum() == pytest.approx(np.pi * radius**2, rel=5e-3)
    assert 1 / out.inv_z[0].max() == pytest.approx(3.0, abs=1e-3)
    behind = rasterize(view.seen(points), faces[:, ::-1], view)
    assert (
        1 / behind.inv_z[0].max() == pytest.approx(4 - 1 / 4, abs=0.3)
        or 1 / behind.inv_z[0].max() > 3.5
    )
    rows = np.where(seen.any(1))[0]
    for row in rows:  # no hole inside the outline
        columns = np.where(seen[row])[0]
        assert len(columns) == columns[-1] - columns[0] + 1


def test_doubling_the_picture_agrees_inside():
    points, faces = sphere(4)
    coarse = look_at([0, 0, 0], distance=4.0, width=64, height=64)
    fine = look_at([0, 0, 0], distance=4.0, width=128, height=128)
    one = rasterize(coarse.seen(points), faces, coarse).face_id[0] >= 0
    two = rasterize(fine.seen(points), faces, fine).face_id[0] >= 0
    vote = two.reshape(64, 2, 64, 2).mean((1, 3))
    clear = (vote == 0) | (vote == 1)
    assert (one[clear] == vote[clear].astype(bool)).mean() > 0.99


@pytest.mark.parametrize("yaw", [0, 70, 180, 250])
def test_a_body_has_no_hole_and_is_seen_from_its_front(yaw):
    body = body_model("capsule").bake()
    vertices = body(np.zeros((1, 22, 3), np.float32)).vertices
    surface = Surface.of(body, vertices[0])
    view = framing(vertices, yaw=yaw, width=200, height=160)
    out = maps(vertices, surface, view)
    both = rasterize(view.seen(vertices), surface.faces, view, cull="none").face_id[0] >= 0
    assert np.array_equal(out["depth"][0] > 0, both)  # a closed mesh shows no back face
    assert np.array_equal(out["part"][0] > 0, both)
    lengths = np.linalg.norm(out["normals"][0][both], axis=-1)
    assert np.allclose(lengths, 1, atol=1e-5)
    towards = view.place / np.linalg.norm(view.place)
    assert (out["normals"][0][both] @ towards).mean() > 0.5
    rays = _points_seen(view, out["depth"][0])
    distance = np.abs(rays[both][:, None] - vertices[0][None]).sum(-1).min(1)
    assert distance.max() < 0.2
    assert out["template"].min() >= 0 and out["template"].max() <= 1
    assert out["uv"].max() <= 1


def _points_seen(view, depth):
    y, x = np.indices(depth.shape) + 0.5
    seen = np.stack([(x - view.cx) / view.fx * depth, (y - view.cy) / view.fy * depth, depth], -1)
    return (seen - view.translation) @ view.rotation


def test_the_template_map_says_where_a_pixel_is_at_rest():
    body = body_model("capsule").bake()
    rest = body(np.zeros((1, 22, 3), np.float32)).vertices
    turned = quat.rotate(quat.from_rotvec(np.array([0, 0.4, 0.0])), rest).astype(np.float32)
    surface, view = Surface.of(body, rest[0]), framing(rest, width=128, height=128)
    out = maps(turned, surface, view)
    both = out["depth"][0] > 0
    low, high = rest[0].min(0), rest[0].max(0)
    back = quat.rotate(
        quat.from_rotvec(np.array([0, -0.4, 0.0])), _points_seen(view, out["depth"][0])[both]
    )
    assert np.abs(out["template"][0][both] * (high - low) + low - back).max() < 2e-3


def test_bad_triangles_are_skipped_and_counted():
    points, faces = sphere(2)
    view = look_at([0, 0, 0], distance=4.0, width=64, height=64)
    clean = rasterize(view.seen(points), faces, view)
    seen = np.concatenate([view.seen(points), [[np.nan, 0, 1], [np.inf, 0, 1], [0, 0, 2]]]).astype(
        np.float32
    )
    n = len(points)
    bad = np.array([[n, 0, 1], [n + 1, 1, 2], [n + 2, n + 2, 0], [3, 3, 3]], np.int32)
    out = rasterize(seen, np.concatenate([faces, bad]), view, cull="none")
    assert out.skipped[0] == 4 and clean.skipped[0] == 0
    assert np.array_equal(out.face_id >= 0, clean.face_id >= 0)


def test_wrong_meshes_are_refused():
    points, faces = sphere(0)
    for p, f, options in ((points[:, :2], faces, {}), (points, faces[:, :2], {}), (points, faces + 9, {}),
                          (points, faces - 1, {}), (points, faces, {"near": 0.0})):  # fmt: skip
        with pytest.raises(InvalidInput):
            rasterize(p, f, camera(), **options)


def test_frames_on_threads_are_the_frames():
    points, faces = sphere(3)
    view = look_at([0, 0, 0], distance=4.0, width=40, height=30)
    batch = np.stack([view.seen(points + np.array([0.05 * t, 0, 0], np.float32)) for t in range(5)])
    one, two = (rasterize(batch, faces, view, threads=n) for n in (1, 2))
    assert np.array_equal(one.face_id, two.face_id) and np.array_equal(one.bary, two.bary)
    assert not np.array_equal(one.face_id[0], one.face_id[1])


def test_operators_of_torch():
    torch = pytest.importorskip("torch")
    from interleaf_body import raster_torch as ops

    points, faces = sphere(2)
    view = look_at([0, 0, 0], distance=4.0, width=20, height=16)
    seen = torch.from_numpy(view.seen(points))[None]
    arguments = (
        seen,
        torch.from_numpy(faces),
        view.fx,
        view.fy,
        view.cx,
        view.cy,
        16,
        20,
        0.01,
        True,
    )
    face_id, bary, _ = ops.rasterize(*arguments)
    plain = rasterize(view.seen(points), faces, view)
    assert np.array_equal(face_id.numpy(), plain.face_id)
    values = torch.randn(1, len(points), 4, requires_grad=True)
    corners = torch.from_numpy(faces)
    out = ops.interpolate(face_id, bary, corners, values)
    assert np.allclose(
        out.detach().numpy(), interpolate(plain, faces, values.detach().numpy()), atol=1e-6
    )
    reference = ops._gathered(face_id, bary, corners, values)
    weight = torch.randn_like(out)
    (g,) = torch.autograd.grad((out * weight).sum(), values)
    (expected,) = torch.autograd.grad((reference * weight).sum(), values)
    assert torch.allclose(g, expected, atol=1e-5)
    torch.library.opcheck(ops.rasterize, arguments, test_utils=("test_schema", "test_faketensor"))
    inputs = (face_id, bary, corners, values)
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(ops.interpolate, inputs, test_utils=checks)


def test_the_soft_outline_pulls_a_sphere_to_its_place():
    torch = pytest.importorskip("torch")
    from interleaf_body import raster_torch as ops

    points, faces = sphere(2)
    view = look_at([0, 0, 0], distance=4.0, width=32, height=32)
    corners, seen = torch.from_numpy(faces), torch.from_numpy(view.seen(points))[None]

    def picture(shift):
        moved = seen + torch.cat([shift, torch.zeros(1)])
        face_id, _, _ = ops.rasterize(
            moved, corners, view.fx, view.fy, view.cx, view.cy, 32, 32, 0.01, True
        )
        return ops.soft_silhouette(moved, corners, face_id, view, 2.0)

    wanted = picture(torch.zeros(2)).detach()
    shift = torch.tensor([0.15, -0.1], requires_grad=True)
    optimizer = torch.optim.Adam([shift], 0.02)
    for _ in range(40):
        optimizer.zero_grad()
        ((picture(shift) - wanted) ** 2).sum().backward()
        optimizer.step()
    assert shift.detach().norm() < 0.03


def test_a_canvas_is_drawn_on_again_as_if_it_were_new():
    body = body_model("capsule").bake()
    rest = body(np.zeros((1, 22, 3), np.float32)).vertices
    surface, view = Surface.of(body, rest[0]), framing(rest, width=64, height=48)
    canvas = Canvas(1, view, surface)
    maps(rest, surface, view, canvas=canvas)
    moved = rest + np.array([0.3, 0.2, 0.0], np.float32)
    again, new = maps(moved, surface, view, canvas=canvas), maps(moved, surface, view)
    assert all(np.array_equal(again[name], new[name]) for name in MAPS)
    gone = maps(rest + np.array([50.0, 0, 0], np.float32), surface, view, canvas=canvas)
    assert not any(plane.any() for plane in gone.values())
    with pytest.raises(InvalidInput, match="the canvas is for"):
        maps(np.concatenate([rest, rest]), surface, view, canvas=canvas)
    with pytest.raises(InvalidInput, match="no map 'heat'"):
        maps(rest, surface, view, ("heat",))


def test_maps_of_a_camera_inside_the_body_agree_with_interpolation():
    """Faces that reach behind the camera take another way through the kernels."""
    body = body_model("capsule").bake()
    rest = body(np.zeros((1, 22, 3), np.float32)).vertices
    surface = Surface.of(body, rest[0])
    view = look_at([0, 0.4, 0], distance=0.05, yaw=20, width=48, height=40, diagonal=90)
    drawn = maps(rest, surface, view, cull="none")
    raster = rasterize(view.seen(rest), surface.faces, view, cull="none")
    assert (raster.face_id >= 0).mean() > 0.9
    expected = interpolate(raster, surface.faces, surface.template)
    assert np.abs(drawn["template"] - expected).max() < 1e-4
    expected = interpolate(raster, surface.face_uv, surface.uv)
    assert np.abs(drawn["uv"] - expected).max() < 1e-4
