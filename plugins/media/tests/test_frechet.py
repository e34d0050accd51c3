"""Distances between sets: analytic cases, invariance, few items, extractors, weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import interleaf
from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf.values import Frames, Image
from interleaf_media.clips import example_frames
from interleaf_media.extractors import extractor, flow_histogram
from interleaf_media.frechet import (
    Moments,
    frechet,
    frechet_interval,
    frechet_unbounded,
    kernel_distance,
)

FAST = settings(max_examples=20, deadline=None)


def distance(x, y):
    return frechet(Moments.of(x), Moments.of(y))


def with_moments(mean, covariance, n=400, seed=0):
    """Points whose sample mean and covariance are exactly these."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return x @ np.linalg.cholesky(covariance).T + mean


@FAST
@given(st.lists(st.floats(0.1, 5), min_size=2, max_size=6), st.floats(-3, 3))
def test_gaussians_with_diagonal_covariance(spreads, shift):
    a = np.diag(np.square(spreads))
    b = np.diag(np.square(spreads[::-1]))
    x = with_moments(np.zeros(len(spreads)), a)
    y = with_moments(np.full(len(spreads), shift), b, seed=1)
    expected = len(spreads) * shift**2 + np.sum((np.array(spreads) - spreads[::-1]) ** 2)
    assert distance(x, y) == pytest.approx(expected, abs=1e-6)


@FAST
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_rotation_changes_nothing_and_the_same_set_is_zero(seed, n):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 6)), rng.normal(1, 2, size=(n + 3, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert distance(x @ turn, y @ turn) == pytest.approx(distance(x, y), rel=1e-6, abs=1e-6)
    assert distance(x, x) == pytest.approx(0, abs=1e-6)
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-6, abs=1e-6)


@FAST
@given(st.integers(0, 10**6), st.permutations(range(12)))
def test_the_order_of_items_changes_nothing(seed, order):
    x, y = np.random.default_rng(seed).normal(size=(2, 12, 5))
    assert distance(x[list(order)], y) == pytest.approx(distance(x, y), rel=1e-9, abs=1e-9)
    assert kernel_distance(x[list(order)], y)[0] == pytest.approx(
        kernel_distance(x, y)[0], abs=1e-9
    )


@FAST
@given(st.integers(0, 10**6), st.integers(0, 20))
def test_moments_merge(seed, cut):
    x = np.random.default_rng(seed).normal(size=(20, 4))
    parts = Moments.of(x[:cut]).merge(Moments.of(x[cut:]))  # also parts of none and of one
    assert np.allclose(parts.covariance, np.cov(x.T)) and np.allclose(parts.mean, x.mean(0))


def test_against_scipy_and_torchmetrics():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 12)), rng.normal(0.3, 1.4, size=(280, 12))
    s1, s2 = np.cov(x.T), np.cov(y.T)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(
        s1 + s2 - 2 * np.real(sqrtm(s1 @ s2))
    )
    assert distance(x, y) == pytest.approx(expected, rel=1e-8)
    kid = pytest.importorskip("torchmetrics.image.kid", reason="needs torchmetrics")
    import torch

    theirs = float(kid.poly_mmd(torch.tensor(x[:280]), torch.tensor(y)))
    assert kernel_distance(x[:280], y)[0] == pytest.approx(theirs, rel=1e-6)


def test_intervals_hold_the_value_and_extrapolation_is_lower():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 8)), rng.normal(0.5, 1, size=(200, 8))
    low, high = frechet_interval(x, y)
    assert low < distance(x, y) < high
    assert frechet_interval(x[:5], y) is None
    same = rng.normal(size=(200, 8)), rng.normal(size=(4000, 8))
    assert frechet_unbounded(*same) < distance(*same)


def test_few_items_give_a_reason():
    fid = interleaf.load("media.fid", extractor="randconv2d", measures=["fid", "kid", "fid_inf"])
    one = {"subject": [Image(example_frames(1).pixels[0])], "reference": list(example_frames(5))}
    found = fid(**one)
    names = [(m.name, m.group) for m in found.measures]
    assert names == [(f"{n}_like", "randconv2d") for n in ("fid", "kid", "fid_inf")]
    assert all(m.value is None and "at least 2" in m.reason for m in found.measures)
    assert all(m.value is None for m in fid(subject=[], reference=list(example_frames(2))).measures)
    more = fid(subject=list(example_frames(5)), reference=list(example_frames(5)))
    assert more["fid_like/randconv2d"].value == pytest.approx(0, abs=1e-6)
    assert "biased" in more["fid_like/randconv2d"].reason


def turned(clip, way):
    """A clip that moves another way."""
    return Frames(np.ascontiguousarray(np.rot90(clip.pixels, way, (1, 2))), clip.fps)


def test_motion_histograms_tell_directions_apart():
    pytest.importorskip("cv2", reason="needs interleaf-media[flow]")
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (90, 140, 3), np.uint8).astype(float)
    import cv2

    wide = cv2.GaussianBlur(wide, (0, 0), 2)
    clips = [
        Frames(
            np.stack([wide[i : i + 64, 2 * t + i : 2 * t + i + 64] for t in range(7)]).astype(
                np.uint8
            ),
            25,
        )
        for i in range(4)
    ]
    histogram = flow_histogram(clips[0].pixels)
    assert histogram.shape == (432,) and histogram.reshape(-1, 9).sum(1) == pytest.approx(1)
    assert histogram.reshape(-1, 9).mean(0).argmax() == 4  # what is seen moves to the left
    fvd = interleaf.load("media.fvd", extractor="hof", frames=6)
    same = fvd(subject=clips[:2], reference=clips[2:])["fvd_like/hof"].value
    other = fvd(subject=clips[:2], reference=[turned(c, 1) for c in clips[2:]])[
        "fvd_like/hof"
    ].value
    assert other > 4 * same
    with pytest.raises(InvalidInput, match="frames"):
        interleaf.load("media.fvd", extractor="hof", frames=9)(subject=clips, reference=clips)


def test_names_and_weights(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    one, two, three = (extractor("randconv3d", seed=s) for s in (0, 0, 1))
    clip = [example_frames(4).pixels]
    assert np.array_equal(one.extract(clip), two.extract(clip))
    assert not np.array_equal(one.extract(clip), three.extract(clip))
    assert (one.weights, three.weights) == ("random:seed=0", "random:seed=1")
    for name, file in (("inception", "weights-inception"), ("i3d", "i3d_torchscript.pt")):
        with pytest.raises(WeightsMissing, match=file):
            extractor(name)
        wrong = tmp_path / f"{name}.pt"
        wrong.write_bytes(b"not these")
        with pytest.raises(WeightsMissing, match="another file"):
            extractor(name, str(wrong))
    with pytest.raises(InvalidInput, match="did you mean"):
        extractor("randconv")
    with pytest.raises(WeightsMissing, match="needs a file"):
        extractor("torchvision:resnet18")
    vision = pytest.importorskip("torchvision.models", reason="needs torchvision")
    file = tmp_path / "r.pth"
    torch.save(vision.resnet18(weights=None).state_dict(), file)
    backbone = extractor("torchvision:resnet18", str(file))
    assert backbone.extract([example_frames(1).pixels[0]]).shape == (1, 512)
    assert not backbone.own and backbone.weights.startswith("resnet18:sha256:")
    with pytest.raises(CorruptData, match="does not fit"):
        extractor("torchvision:resnet34", str(file))
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CorruptData, match="no file of weights"):
        extractor("torchvision:resnet18", str(file))
