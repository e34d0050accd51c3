"""The networks to compare with: sizes, learning, files."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [torch] is not installed")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import interleaf  # noqa: E402
from interleaf.values import Image  # noqa: E402
from interleaf_gaussianimage import inrfile  # noqa: E402
from interleaf_gaussianimage.format import GsiError, Malformed  # noqa: E402
from interleaf_gaussianimage.inr import HashGrid, Siren, Training, Wire, draw, numbers  # noqa: E402

SMALL = {
    "siren": {"width": 24, "layers": 2, "omega": 30.0},
    "wire": {"width": 16, "layers": 2, "omega": 10.0, "sigma": 10.0},
    "hashgrid": {
        "levels": 6, "features": 2, "table": 8, "base": 4, "finest": 24, "width": 16, "layers": 1,
    },
}  # fmt: skip


def scene(height=24, width=36):
    y, x = np.mgrid[:height, :width] / 8
    return np.stack([np.sin(x) * np.cos(y), np.cos(x + y), x / 5], 2).astype(np.float32) / 2 + 0.5


@pytest.mark.parametrize(
    ("network", "expected"),
    [(lambda: Siren(3, 256, 5, 30.0), 264_707), (lambda: Wire(3, 181, 2, 10.0, 10.0), 133_403)],
)
def test_the_papers_sizes(network, expected):
    # both counts were read in the plots of the GaussianImage paper: 264.7 K and 133.4 K
    assert len(numbers(network())) == expected


@pytest.mark.parametrize("kind", SMALL)
def test_each_learns_a_picture(kind):
    torch.manual_seed(0)
    network = inrfile.KINDS[kind].build(3, *SMALL[kind].values())
    target = scene()
    before = np.square(draw(network, 24, 36) - target).mean()
    training = Training(network, target, 1e-2 if kind == "hashgrid" else 5e-3, 150, 300)
    while training.progress < 1:
        training.advance()
    after = np.square(draw(network, 24, 36) - target).mean()
    assert after < 0.1 * before
    assert 0.5 * after < training.error < before  # a mean over the last batches


def test_the_grids_gradient_is_torchs_own():
    torch.manual_seed(0)
    grid = HashGrid(2, 5, 2, 6, 3, 17, 8, 1).double()
    torch.nn.init.normal_(grid.features)
    places = torch.rand(30, 2, dtype=torch.float64) * 2 - 1

    def drawn(features):
        return torch.func.functional_call(grid, {"features": features}, places)

    assert torch.autograd.gradcheck(drawn, grid.features.detach().requires_grad_())


def test_a_grid_at_its_corners_is_the_entry():
    grid = HashGrid(1, 1, 1, 10, 4, 4, 4, 1)
    grid.mlp = torch.nn.Identity()
    with torch.no_grad():
        grid.features.copy_(torch.arange(25.0)[:, None])
        found = grid(torch.tensor([[-1.0, -1.0], [1.0, 1.0], [-0.5, 0.5], [0.0, 0.25]]))
    assert found[:, 0].tolist() == [0.0, 24.0, 16.0, 14.5]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_files(data):
    kind = data.draw(st.sampled_from(sorted(SMALL)))
    bits = data.draw(st.sampled_from([16, 32]))
    network = inrfile.KINDS[kind].build(3, *SMALL[kind].values())
    blob = inrfile.write(network, kind, SMALL[kind], (7, 9, 3), bits)
    again, height, width = inrfile.read(blob)
    assert (height, width) == (7, 9)
    kept = numbers(network).astype(f"f{bits // 8}").astype(np.float32)
    assert np.array_equal(numbers(again), kept)
    at = data.draw(st.integers(0, len(blob) - 1))
    flipped = blob[:at] + bytes([blob[at] ^ 1 << data.draw(st.integers(0, 7))]) + blob[at + 1 :]
    for bad in (blob[:at], flipped, blob + b"x"):
        with pytest.raises(GsiError):
            inrfile.read(bad)


def test_a_head_that_asks_for_too_much_is_refused_before_memory_is_taken():
    import zlib

    network = inrfile.KINDS["siren"].build(3, *SMALL["siren"].values())
    blob = inrfile.write(network, "siren", {**SMALL["siren"], "layers": 255}, (7, 9, 3), 16)
    body = blob[:-4]
    with pytest.raises(Malformed, match="parameters do not fit"):
        inrfile.read(body + zlib.crc32(body).to_bytes(4, "little"))


@pytest.mark.parametrize("name", ["siren", "wire", "hashgrid", "coin"])
def test_the_components_keep_what_they_drew(name):
    picture = Image(np.rint(scene() * 255).astype(np.uint8))
    small = {"levels": 4, "finest": 36} if name == "hashgrid" else {"width": 16, "layers": 2}
    codec = interleaf.load(f"gaussianimage.{name}", **small, steps=200, batch=200, rate=5e-3)
    code = codec.encode(picture)
    shown = codec.decode(code).pixels
    error = np.square(shown / 255.0 - picture.pixels / 255.0).mean()
    assert error < 0.5 * picture.pixels.var() / 255**2
    if name == "coin":
        parameters = 2 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3
        assert len(code.data) == 16 + 7 + 2 * parameters + 4


def test_time_ends_a_training():
    ticks = iter(range(10_000))
    training = Training(
        Siren(3, 8, 1, 30.0),
        scene(),
        1e-3,
        10**6,
        50,
        minutes=0.5,
        clock=lambda: float(next(ticks)),
    )
    while training.progress < 1:
        training.advance()
    assert training.step == 30  # each step takes one tick
