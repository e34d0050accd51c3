"""What every body promises; anny is tried where it is installed and has been prepared."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interleaf.errors import InvalidInput, PluginMissing
from interleaf_body import anny_body
from interleaf_body import quaternions as quat
from interleaf_body.backends import body_model
from interleaf_body.model import PARTS

slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module", params=["capsule", "anny"])
def body(request):
    if request.param == "anny" and not anny_body.prepared():
        pytest.skip("anny is not installed, or was never used here: its first use takes a minute")
    return body_model(request.param).bake()


def poses(body, frames=2, size=3.25, kind=np.float64):
    shape = (frames, len(body.heads), 3)
    cells = st.floats(-size, size, width=32)
    return arrays(kind, shape, elements=cells, fill=st.just(0.0))


def test_the_rest_pose_is_a_person_standing(body):
    out = body(np.zeros((1, len(body.heads), 3), np.float32))
    height = np.ptp(out.vertices[0, :, 1])
    assert 1.4 < height < 2.0
    assert np.allclose(out.joints[0, :, :3, 3], body.heads, atol=1e-6)
    assert np.allclose(out.joints[0, :, :3, :3], np.eye(3), atol=1e-6)
    names = body.topology.joint_names
    left = next(i for i, n in enumerate(names) if n in ("left_wrist", "wrist.L"))
    assert body.heads[left, 0] > 0.3
    nose = body.topology.landmarks["nose"][0]
    assert out.vertices[0, nose, 2].mean() > out.vertices[0, :, 2].mean()


def test_meshes_are_closed_and_their_faces_look_outside(body):
    faces, v = body.topology.faces, body.template
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    keys = edges[:, 0] * len(v) + edges[:, 1]
    assert len(np.unique(keys)) == len(keys)
    a, b, c = (v[faces[:, i]].astype(np.float64) for i in range(3))
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 > 0.03
    assert faces.min() >= 0 and faces.max() < len(v)
    assert set(np.unique(body.topology.part_of_face)) <= set(range(1, len(PARTS)))
    uv, face_uv = body.topology.uv, body.topology.face_uv
    assert face_uv.shape == faces.shape and face_uv.max() < len(uv)
    assert uv.min() >= 0 and uv.max() <= 1


@slow
@given(data=st.data())
def test_a_turned_and_moved_root_is_a_rigid_motion(body, data):
    rotvec = data.draw(poses(body))
    turn = data.draw(arrays(np.float64, 3, elements=st.floats(-4, 4)))
    move = data.draw(arrays(np.float64, 3, elements=st.floats(-5, 5)))
    rotvec[:, 0] = 0
    still = body(rotvec).vertices
    turned = rotvec.copy()
    turned[:, 0] = turn
    out = body(turned, None, np.broadcast_to(move, (2, 3)))
    q = quat.from_rotvec(turn)
    assert np.allclose(out.vertices, quat.rotate(q, still) + move, atol=1e-5)


@slow
@given(data=st.data())
def test_a_batch_is_a_loop_on_any_number_of_threads(body, data):
    rotvec = data.draw(poses(body, 3, kind=np.float32))
    expr = np.linspace(0, 1, 3 * len(body.topology.expression_names), dtype=np.float32).reshape(
        3, -1
    )
    whole = body(rotvec, expr)
    for t in range(3):
        assert np.array_equal(
            body(rotvec[t : t + 1], expr[t : t + 1]).vertices[0], whole.vertices[t]
        )
    assert np.array_equal(body(rotvec, expr, threads=2).vertices, whole.vertices)


@slow
@given(data=st.data())
def test_any_angle_gives_finite_vertices_in_both_precisions(body, data):
    rotvec = data.draw(poses(body, size=20.0))
    double, single = body(rotvec).vertices, body(rotvec.astype(np.float32)).vertices
    assert np.isfinite(double).all() and single.dtype == np.float32
    assert np.abs(double - single).max() < 1e-4


@slow
@given(data=st.data())
def test_no_rotation_is_the_rest_pose_wherever_it_stands(body, data):
    move = data.draw(arrays(np.float64, (2, 3), elements=st.floats(-5, 5)))
    zeros = np.zeros((2, len(body.heads), 3))
    out = body(zeros, None, move)
    rest = body(zeros[:1]).vertices[0]
    assert np.allclose(out.vertices, rest + move[:, None], atol=1e-6)
    assert np.allclose(out.joints[:, :, :3, 3], body.heads + move[:, None], atol=1e-6)


@slow
@given(data=st.data())
def test_no_expression_is_no_change_in_any_pose(body, data):
    rotvec = data.draw(poses(body))
    none = np.zeros((2, len(body.topology.expression_names)))
    assert np.array_equal(body(rotvec, none).vertices, body(rotvec).vertices)


@slow
@given(data=st.data(), seed=st.integers(0, 999))
def test_expressions_are_linear_in_the_rest_pose(body, data, seed):
    rng, count = np.random.default_rng(seed), len(body.topology.expression_names)
    amounts = rng.uniform(0, 1, (2, count)) * data.draw(st.sampled_from([0.1, 0.5, 1.0]))
    zeros = np.zeros((3, len(body.heads), 3))
    a, b, both = body(zeros, np.stack([*amounts, amounts.sum(0)])).vertices - body(zeros).vertices
    assert np.allclose(a + b, both, atol=1e-9)


def test_expressions_add_up_and_none_is_no_change(body):
    rotvec = np.zeros((1, len(body.heads), 3))
    count = len(body.topology.expression_names)
    rest = body(rotvec).vertices
    assert np.array_equal(body(rotvec, np.zeros((1, count))).vertices, rest)
    jaw = np.zeros((1, count))
    jaw[0, body.topology.expression_names.index("jawOpen")] = 1.0
    blink = np.zeros((1, count))
    blink[0, body.topology.expression_names.index("eyeBlinkLeft")] = 1.0
    moves = [body(rotvec, e).vertices - rest for e in (jaw, blink, jaw + blink)]
    assert np.linalg.norm(moves[0], axis=-1).max() > 0.01
    assert np.allclose(moves[0] + moves[1], moves[2], atol=1e-9)


def test_wrong_shapes_and_parameters_are_refused(body):
    rotvec = np.zeros((2, len(body.heads), 3))
    for bad in (
        (rotvec[:, :3], None, None),
        (rotvec, None, np.zeros((1, 3))),
        (rotvec, np.zeros((2, 1)), None),
    ):
        with pytest.raises(InvalidInput):
            body(*bad)


def test_shapes_change_the_body_and_unknown_ones_are_refused():
    model = body_model("capsule")
    tall, small = (model.bake({"height": h}) for h in (1.0, 0.0))
    assert np.ptp(tall.template[:, 1]) > 1.3 * np.ptp(small.template[:, 1])
    for shape in ({"height": 2.0}, {"hat": 0.5}, {"height": float("nan")}):
        with pytest.raises(InvalidInput):
            model.bake(shape)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_gradients_are_those_of_finite_differences(body, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    count = len(body.topology.expression_names)
    given = [
        rng.normal(0, 0.3, (2, len(body.heads), 3)),
        rng.uniform(0, 1, (2, count)),
        rng.normal(0, 1, (2, 3)),
    ]
    weight = rng.normal(0, 1, (2, len(body.template), 3))
    tensors = [torch.tensor(a, requires_grad=True) for a in given]
    out = body(*tensors)
    plain = body(*given)
    assert np.allclose(out.vertices.detach().numpy(), plain.vertices, atol=1e-9)
    assert np.allclose(out.joints.detach().numpy(), plain.joints, atol=1e-9)
    (out.vertices * torch.tensor(weight)).sum().backward()
    for index, tensor in enumerate(tensors):
        step = rng.normal(0, 1, given[index].shape)
        values = []
        for sign in (1e-6, -1e-6):
            moved = [a + sign * step if i == index else a for i, a in enumerate(given)]
            values.append((body(*moved).vertices * weight).sum())
        expected = (values[0] - values[1]) / 2e-6
        assert float((tensor.grad.numpy() * step).sum()) == pytest.approx(
            expected, rel=1e-4, abs=1e-4
        )


def test_gradients_exist_in_the_rest_pose(body):
    torch = pytest.importorskip("torch")
    rotvec = torch.zeros((1, len(body.heads), 3), requires_grad=True)
    body(rotvec).vertices.square().sum().backward()
    assert torch.isfinite(rotvec.grad).all() and rotvec.grad.abs().max() > 0


def test_noncommercial_topologies_are_refused_unless_asked_for(monkeypatch):
    with pytest.raises(InvalidInput, match="non-commercial use only"):
        anny_body.Anny(topology="smplx")
    with pytest.raises(InvalidInput, match="no topology"):
        anny_body.Anny(topology="cube")
    monkeypatch.setattr(anny_body, "installed", lambda: False)
    with pytest.raises(PluginMissing, match=r"pip install 'interleaf-body\[anny\]'"):
        anny_body.Anny()
    assert body_model.__wrapped__("auto").shape_names == ("height", "weight", "proportions")


def test_anny_is_equal_to_its_own_forward():
    if not (anny_body.prepared() and (anny_body.cache_folder() / "anny").exists()):
        pytest.skip("anny is not installed, or was never used here: its first use takes a minute")
    torch, roma = pytest.importorskip("torch"), pytest.importorskip("roma")
    model = anny_body.Anny()
    shape = {"gender": 0.2, "age": 0.7, "weight": 0.8}
    body, rng = model.bake(shape), np.random.default_rng(1)
    rotvec, expr = rng.normal(0, 0.3, (2, 104, 3)), rng.uniform(0, 1, (2, 52))
    transl = rng.normal(0, 1, (2, 3))
    up = anny_body.TO_Y_UP
    pose = torch.eye(4, dtype=torch.float64).repeat(2, 104, 1, 1)
    pose[..., :3, :3] = roma.rotvec_to_rotmat(torch.from_numpy(rotvec @ up))
    pose[:, 0, :3, 3] = torch.from_numpy(transl @ up)
    kwargs = {k: torch.full((2,), v, dtype=torch.float64) for k, v in shape.items()}
    out = model.source(
        pose_parameters=pose, phenotype_kwargs=kwargs, facial_actions=torch.from_numpy(expr)
    )
    theirs = out["vertices"].numpy() @ up.T
    ours = body(*(a.astype(np.float32) for a in (rotvec, expr, transl)))
    assert np.abs(ours.vertices - theirs).max() < 1e-4
