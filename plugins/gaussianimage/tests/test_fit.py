"""Fitting: quality, sameness, going on after a kill, odd pictures."""

import numpy as np
import pytest
from skimage import data

import interleaf
from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.values import Image
from interleaf_gaussianimage import checkpoint
from interleaf_gaussianimage.drawing import gradients, render
from interleaf_gaussianimage.fitting import Fitting, Rates
from interleaf_gaussianimage.initial import start
from interleaf_gaussianimage.splats import Splats

PHOTO = data.chelsea()[50:178, 100:260]


def psnr(splats, picture=PHOTO):
    error = np.mean((np.clip(render(splats), 0, 1) * 255 - picture) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


def fit(picture=PHOTO, ctx=None, **parameters):
    return interleaf.load("gaussianimage.fit", **parameters).apply(picture, ctx or Context())


@pytest.mark.parametrize("covariance", ["cholesky", "rotation_scale"])
def test_a_photograph_is_fitted(covariance):
    quality = [psnr(fit(points=n, steps=150, covariance=covariance)) for n in (100, 500, 2000)]
    assert quality == sorted(quality)
    assert quality[2] > 33


def test_the_start_matters():
    follows, ignores = (psnr(fit(points=500, steps=80, init=i)) for i in ("gradient", "random"))
    assert follows > ignores + 0.5


def test_the_first_step_follows_the_gradient():
    target = (PHOTO[:20, :30] / 255).astype(np.float32)
    begin = start(target, 30, np.random.default_rng(0))
    g = render(begin) - target
    expected = np.concatenate(gradients(begin, g), axis=1)
    with Fitting(target, begin, Rates(1e-3, 1e-3, 1e-3)) as fitting:
        fitting.advance()
        moved = np.concatenate([begin.mu, begin.chol, begin.color], axis=1) - fitting.theta
        assert fitting.error() == pytest.approx(float(np.mean(g**2)), rel=1e-5)
    clear = np.abs(expected) > 1e-4  # Adam's first step is the sign of the gradient
    assert np.array_equal(np.sign(moved)[clear], np.sign(expected)[clear])
    assert np.allclose(np.abs(moved)[clear], 1e-3, atol=1e-5)


def test_the_angular_gradient_equals_finite_differences():
    target = np.zeros((9, 9, 1), np.float32)
    rng = np.random.default_rng(1)
    theta = np.column_stack(
        [rng.uniform(3, 5, (4, 2)), rng.uniform(5, 8, (4, 2)), rng.uniform(-3, 3, 4)]
    )
    color = rng.uniform(0.2, 1, (4, 1))

    def loss(t):
        splats = Splats.from_rotation_scale(t[:, :2], t[:, 2:4], t[:, 4], color, 9, 9)
        return 0.5 * np.square(render(splats)).sum()

    begin = Splats.from_rotation_scale(theta[:, :2], theta[:, 2:4], theta[:, 4], color, 9, 9)
    with Fitting(target, begin, Rates(0, 0, 0), rotation_scale=True) as fitting:
        theta = fitting.theta[:, :5].astype(np.float64)  # its own choice of axes
        fitting.advance()
        found = fitting.m[:, :5] / 0.1
    for at in np.ndindex(theta.shape):
        step = np.zeros_like(theta)
        step[at] = 1e-5
        slope = (loss(theta + step) - loss(theta - step)) / 2e-5
        assert found[at] == pytest.approx(slope, rel=2e-3, abs=2e-3)


def same(a, b):
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("mu", "chol", "color"))


def test_seed_decides_and_threads_do_not():
    one = fit(points=200, steps=30, ctx=Context(seed=5, threads=1))
    assert same(one, fit(points=200, steps=30, ctx=Context(seed=5, threads=3)))
    assert not same(one, fit(points=200, steps=30, ctx=Context(seed=6)))


class Stop(Exception):
    pass


class Impatient:
    """A monitor that kills the fit."""

    def __init__(self, at):
        self.at = at

    def progress(self, done, total=None, **info):
        if done >= self.at:
            raise Stop

    def notice(self, message):
        pass


@pytest.mark.parametrize("at", [40, 260])
def test_a_killed_fit_ends_like_an_undisturbed_one(tmp_path, monkeypatch, at):
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    whole = fit(points=150, steps=300)
    with pytest.raises(Stop):
        fit(points=150, steps=300, ctx=Context(resume=tmp_path, monitor=Impatient(at)))
    assert (tmp_path / "fit.npz").is_file()
    steps = []
    monitor = Impatient(10**9)
    monitor.progress = lambda done, total=None, **info: steps.append(done)
    assert same(whole, fit(points=150, steps=300, ctx=Context(resume=tmp_path, monitor=monitor)))
    assert steps[0] == at + 20


@pytest.mark.parametrize("garbage", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_a_damaged_checkpoint_costs_time_only(tmp_path, garbage):
    (tmp_path / "fit.npz").write_bytes(garbage)
    assert same(fit(points=50, steps=20), fit(points=50, steps=20, ctx=Context(resume=tmp_path)))


def test_a_checkpoint_of_another_fit_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    fit(points=60, steps=20, ctx=Context(resume=tmp_path))
    assert same(fit(points=50, steps=20), fit(points=50, steps=20, ctx=Context(resume=tmp_path)))


@pytest.mark.parametrize(
    "shape", [(1, 1, 3), (1, 4000, 3), (4000, 1, 1), (7, 5, 1), (7, 5, 2), (7, 5, 4)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_odd_pictures(shape, dtype):
    picture = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)
    splats = fit(picture, points=20, steps=25)
    assert render(splats).shape == shape
    assert all(np.isfinite(a).all() for a in (splats.mu, splats.chol, splats.color))


@pytest.mark.parametrize("picture", [np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 255, np.uint8)])
def test_a_flat_picture(picture):
    splats = fit(picture, points=30, steps=200)
    assert psnr(splats, picture.reshape(8, 8, -1)) > 30


def test_no_steps_is_the_start():
    assert len(fit(points=10, steps=0)) == 10


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.full((2, 2, 3), np.nan, np.float32),
        3.5,
        np.zeros((2, 2), int),
    ],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(InvalidInput):
        fit(picture, points=5, steps=1)


def test_a_schedule_of_the_users(tmp_path):
    slow = interleaf.load("core.constant", value=0.0)
    begun = fit(points=20, steps=0)
    assert np.allclose(fit(points=20, steps=10, rate=slow, covariance="cholesky").mu, begun.mu)
    short = interleaf.load("core.linear", length=5)
    with pytest.raises(InvalidInput, match="5"):
        fit(points=20, steps=10, rate=short)


def test_draw_gives_pictures():
    splats = fit(points=100, steps=20)
    whole = interleaf.load("gaussianimage.draw")(splats=splats)
    assert isinstance(whole, Image) and whole.pixels.shape == PHOTO.shape
    assert whole.pixels.min() >= 0 and whole.pixels.max() <= 1
    slow = interleaf.load("gaussianimage.draw", backend="numpy")(splats=splats)
    assert np.abs(slow.pixels - whole.pixels).mean() < 1e-4
    part = interleaf.load("gaussianimage.draw", scale=2.0, window=[10, 20, 30, 40])(splats=splats)
    assert part.pixels.shape == (40, 30, 3)
    with pytest.raises(InvalidInput, match="window"):
        interleaf.load("gaussianimage.draw", window=[1, 2, 0, 4])(splats=splats)


def test_from_a_path(tmp_path):
    from PIL import Image as Pillow

    Pillow.fromarray(PHOTO).save(tmp_path / "a.png")
    assert same(fit(str(tmp_path / "a.png"), points=20, steps=5), fit(points=20, steps=5))
