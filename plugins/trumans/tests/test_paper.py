"""The paper's network: the release's weights give the release's results; what is known stays; caching changes
nothing; it learns; sessions walk with it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("diffusers")

from interleaf.errors import CorruptData, InterleafError, InvalidInput  # noqa: E402
from interleaf.values import Motion  # noqa: E402
from interleaf_body.skeleton import world  # noqa: E402
from interleaf_trumans.examples import example_motion, example_scene  # noqa: E402
from interleaf_trumans.paper.converting import convert, read_paper  # noqa: E402
from interleaf_trumans.paper.diffusion import loss, sample  # noqa: E402
from interleaf_trumans.paper.network import Paper, Size  # noqa: E402
from interleaf_trumans.paper.posing import bones, posed  # noqa: E402
from interleaf_trumans.paper.walker import REST, PaperWalker, State, paper_walker  # noqa: E402
from interleaf_trumans.paper.windows import Axes, Norm, known  # noqa: E402
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS  # noqa: E402
from interleaf_trumans.walking.session import Session  # noqa: E402
from interleaf_trumans.walking.walker import Steer  # noqa: E402

from .release_layout import release_forward, release_state  # noqa: E402

NORM = Norm(np.array([-1.5, -0.1, -1.5]), np.array([1.5, 1.9, 1.5]))
SMALL = Size(width=32, layers=1, heads=4, eye_width=32, eye_layers=1, eye_heads=4, eye_inner=32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ckpt") / "release.pth"
    torch.save(release_state(), file)
    return file


def walker(steps: int = 4, cached: bool = True) -> PaperWalker:
    torch.manual_seed(0)
    return PaperWalker(Paper(SMALL), NORM, steps=steps, cached=cached)


def test_it_has_the_sizes_of_the_release() -> None:
    with torch.device("meta"):
        parts = {n: sum(p.numel() for p in m.parameters()) for n, m in Paper().named_children()}
    assert {n: round(parts[n] / 1e6, 1) for n in ("eye", "denoiser", "act")} == {
        "eye": 53.0, "denoiser": 12.6, "act": 12.6,
    }  # fmt: skip


@pytest.mark.parametrize("style", ["1.4.4", "older", "newer"])
def test_a_checkpoint_of_the_release_gives_its_results(style: str, tmp_path: Path) -> None:
    theirs = release_state(style=style)
    torch.save({"state_dict": {f"module.{k}": v for k, v in theirs.items()}}, tmp_path / "a.pth")
    size = convert(tmp_path / "a.pth", tmp_path / "a.safetensors", norm=NORM)
    assert (size.joints, size.actions, size.voxels, size.layers) == (24, 10, 32, 2)
    model, norm = read_paper(tmp_path / "a.safetensors")
    assert norm is not None
    assert np.array_equal(norm.high, NORM.high)
    g = torch.Generator().manual_seed(1)
    noisy = torch.randn(2, 16, 72, generator=g)
    around = (torch.rand(2, 32, 32, 32, generator=g) < 0.3).float()  # x, z, y
    actions, t = torch.rand(2, 16, 10, generator=g), torch.tensor([3, 97])
    with torch.no_grad():
        ours = model(noisy, t, model.conditions(around, actions))
        wanted = release_forward(release_state(), noisy, around.permute(0, 3, 1, 2), t, actions)
    assert torch.allclose(ours, wanted, atol=2e-5)
    assert wanted.std() > 0.1  # it is no comparison of nothings


def test_checkpoints_that_do_not_fit_say_why(tmp_path: Path) -> None:
    theirs = release_state(layers=1)

    def tried(state: object, **more: object) -> InterleafError:
        torch.save(state, tmp_path / "b.pth")
        with pytest.raises((InvalidInput, CorruptData)) as caught:
            convert(tmp_path / "b.pth", tmp_path / "b.safetensors", **more)  # type: ignore[arg-type]
        assert caught.value.hint
        assert not (tmp_path / "b.safetensors").exists()
        return caught.value

    assert "embedding_odd.weight" in str(tried({**theirs, "embedding_odd.weight": torch.zeros(2)}))
    assert "missing: 1 (out.bias" in str(
        tried({k: v for k, v in theirs.items() if k != "out.bias"})
    )
    assert "another shape" in str(tried({**theirs, "out.bias": torch.zeros(3)}))
    assert "no tensors" in str(tried({"epoch": 360}))
    renamed = {("head.bias" if k == "out.bias" else k): v for k, v in theirs.items()}
    tried(renamed)
    torch.save(renamed, tmp_path / "c.pth")
    convert(tmp_path / "c.pth", tmp_path / "c.safetensors", names={"head.bias": "out.bias"})
    with pytest.raises(InvalidInput, match="nobody can walk"):
        paper_walker(tmp_path / "c.safetensors")


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("evil"),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_nothing_in_a_checkpoint_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"out.weight": Evil()}, tmp_path / "d.pth")
    (tmp_path / "e.pth").write_bytes(pickle.dumps(Evil()))
    for name in ("d.pth", "e.pth"):
        with pytest.raises(CorruptData, match="weights alone"):
            convert(tmp_path / name, tmp_path / "out.safetensors")
    assert not (tmp_path / "evil").exists()


def test_encoding_once_is_encoding_in_every_step(checkpoint: Path, tmp_path: Path) -> None:
    convert(checkpoint, tmp_path / "w.safetensors", norm=NORM)
    scene = example_scene()
    both = []
    for cached in (True, False):
        w = paper_walker(tmp_path / "w.safetensors", steps=6, cached=cached)
        s = Session(scene, w, start=(0.85, -0.9), yaw=0.0, seed=1)
        s.set(goal=(0.85, 1.5))
        both.append(s.step(60))
    assert np.abs(both[0].root - both[1].root).max() <= 1e-5
    assert np.abs(both[0].rotations - both[1].rotations).max() <= 1e-5
    blind = Session(scene, paper_walker(tmp_path / "w.safetensors", steps=6), start=(0.85, -0.9), yaw=0.0,
                    seed=1, seen=False)  # fmt: skip
    blind.set(goal=(0.85, 1.5))
    assert np.abs(blind.step(60).root - both[0].root).max() > 1e-3  # what is around matters


@pytest.mark.parametrize("steps", [100, 5])
def test_what_is_known_is_kept(steps: int) -> None:
    torch.manual_seed(0)
    model = Paper(SMALL).eval()
    rng = np.random.default_rng(0)
    prefix, goal = rng.normal(0, 0.3, (2, 24, 3)), np.array([[0.4, 9.0, 0.6]])
    values, where = known(NORM, (16, 24), prefix, goal)
    held = torch.from_numpy(values[None]).float(), torch.from_numpy(where[None])

    def look(windows: torch.Tensor) -> torch.Tensor:
        assert torch.equal(windows[held[1]], held[0][held[1]])  # at every step
        return torch.zeros(1, 32, 32, 32)

    g = torch.Generator().manual_seed(2)
    found = sample(model, *held, None, look, g, steps=steps, cached=False)[0].numpy()
    places = NORM.metres(found.reshape(16, 24, 3))
    assert np.abs(places[:2] - prefix).max() < 1e-5
    assert np.abs(places[-1, 0, [0, 2]] - [0.4, 0.6]).max() < 1e-5
    assert where.sum() == 2 * 72 + 2  # the pelvis' height is not told


def test_a_hand_is_told_in_three_axes_over_several_frames() -> None:
    goal = np.array([[0.3, 1.0, 0.2], [0.4, 1.1, 0.3]])
    values, where = known(NORM, (16, 24), None, goal, joint=23)
    assert where.sum() == 6
    assert np.allclose(NORM.metres(values.reshape(16, 24, 3)[-2:, 23]), goal)


def nothing(windows: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(windows), 32, 32, 32)


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = Paper(Size(width=64, layers=2, heads=4, eye_width=32, eye_layers=1, eye_heads=4, eye_inner=32,
                       dropout=0.0))  # fmt: skip
    clean = torch.randn(8, 16, 72).cumsum(1) * 0.1
    fixed = torch.zeros(8, 16, 72, dtype=torch.bool)
    fixed[:, :2] = fixed[:, -1, [0, 2]] = True
    adam = torch.optim.Adam(model.parameters(), 2e-3)
    told = []
    for _ in range(60):
        t, noise = torch.randint(0, 100, (8,)), torch.randn(8, 16, 72)
        total, count = loss(model, clean, fixed, torch.zeros(8, 16, 10), nothing, t, noise)
        assert count == 8 * (14 * 72 - 2)
        adam.zero_grad()
        (total / count).backward()
        adam.step()
        told.append(float(total.detach()) / count)
    assert np.mean(told[-10:]) < 0.7 * np.mean(told[:3])


def test_axes_go_there_and_back_and_find_the_yaw() -> None:
    rng = np.random.default_rng(0)
    axes = Axes(np.array([100.3, -7.0]), 2.2)
    places = rng.normal(size=(5, 24, 3))
    assert np.abs(axes.into(axes.world(places)) - places).max() < 1e-12
    body = np.zeros((24, 3))
    body[:3] = REST
    found = Axes.of(axes.world(body), REST)
    assert abs(found.yaw - 2.2) < 1e-12
    assert np.allclose(found.place, axes.place)


def test_places_become_the_skeleton_that_they_are_of() -> None:
    motion = example_motion(40)
    heads = world(motion)[1]
    hands = heads[:, [20, 21]] + (heads[:, [20, 21]] - heads[:, [18, 19]]) * 0.3
    places = np.concatenate([heads, hands], 1)
    root, turns = posed(places, bones(places))
    again = world(Motion(root, turns, JOINTS, PARENTS, bones(places), FPS))[1]
    assert np.abs(again - heads).max() < 1e-3


def test_a_turned_world_is_walked_in_like_any() -> None:
    w, place, yaw = walker(), np.array([4.0, -3.0]), 1.1
    path = np.array([[0.0, 0.0], [0.3, 2.0]])
    made = []
    for axes in (Axes(np.zeros(2), 0.0), Axes(place, yaw)):
        state = w.begin(np.zeros(2), 0.0)
        tail = axes.world(state.tail)
        moved = axes.world(np.insert(path, 1, 0.0, axis=1))[:, [0, 2]]
        at = Axes.of(tail[-1], REST)
        _, after = w.advance(
            State(tail, at.place, at.yaw), Steer("walk", moved), 42, np.random.default_rng(3)
        )
        made.append(axes.into(after.tail))
    assert np.abs(made[0] - made[1]).max() < 1e-4


def test_sessions_walk_with_it() -> None:
    scene, w = example_scene(), walker()

    def begun() -> Session:
        s = Session(scene, w, start=(1.5, -2.0), yaw=0.0, seed=4)
        s.set(goal=(1.5, 2.0))
        return s

    whole, parts = begun(), begun()
    a = whole.step(100)
    for count in (1, 5, 42, 52):
        parts.step(count)
    assert a.root.tobytes() == parts.motion.root.tobytes()
    assert a.rotations.tobytes() == parts.motion.rotations.tobytes()
    parts.truncate(47)
    again = parts.step(30)
    assert parts.motion.rotations[:47].tobytes() == a.rotations[:47].tobytes()
    parts.truncate(47)
    assert parts.step(30).rotations.tobytes() == again.rotations.tobytes()
    parts.set(action="squat")
    assert np.isfinite(parts.step(30).rotations).all()
    assert len(whole.step(1).joints) == 22


def test_from_a_checkpoint_to_a_motion_by_commands(checkpoint: Path, tmp_path: Path) -> None:
    from interleaf_trumans import commands
    from interleaf_trumans.release.sample import sample_release

    weights, out = tmp_path / "w.safetensors", tmp_path / "walk.npz"
    commands.convert(checkpoint, weights, norm=sample_release() / "norm.npy")
    (tmp_path / "t.yaml").write_text("actions: [{from: 0, to: 2, do: walk, goal: anywhere}]")
    hall = str(Path(commands.__file__).parent / "samples" / "hall.obj")
    commands.generate(hall, tmp_path / "t.yaml", out, by="paper", weights=weights)
    with np.load(out) as held:
        assert held["places"].shape == (60, 22, 3)
        assert held["seams"].tolist() == [42]  # where the second window begins
    with pytest.raises(InterleafError, match="weights"):
        commands.generate(hall, tmp_path / "t.yaml", out, by="paper")
