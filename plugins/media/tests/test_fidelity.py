"""PSNR, SSIM, MS-SSIM against scikit-image and pytorch-msssim."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import interleaf
from interleaf.errors import InvalidInput
from interleaf.values import Image


def score(subject, reference, **parameters):
    return interleaf.load("media.fidelity", **parameters)(
        subject=Image(subject), reference=Image(reference)
    )


def noisy(picture, sigma, seed=0):
    top = np.iinfo(picture.dtype).max
    noise = np.random.default_rng(seed).normal(0, sigma * top, picture.shape)
    return np.clip(np.round(picture + noise), 0, top).astype(picture.dtype)


PICTURES = {
    "rgb": data.astronaut(),
    "grey": data.camera()[:, :, None],
    "odd": data.chelsea()[:201, :303],
    "16-bit": data.coffee().astype(np.uint16)[:200, :210] * 257,
}


@pytest.mark.parametrize("name", PICTURES)
def test_equals_scikit_image(name):
    picture = PICTURES[name]
    other = noisy(picture, 0.05)
    top = np.iinfo(picture.dtype).max
    report = score(other, picture)
    expected = peak_signal_noise_ratio(picture, other, data_range=top)
    assert report["psnr"].value == pytest.approx(expected, abs=1e-9)
    expected = structural_similarity(
        picture, other, data_range=top, channel_axis=2,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert report["ssim"].value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", PICTURES)
def test_equals_pytorch_msssim(name):
    torch = pytest.importorskip("torch", reason="pytorch-msssim needs torch")
    from pytorch_msssim import ms_ssim

    picture = PICTURES[name]
    other, top = noisy(picture, 0.1), float(np.iinfo(picture.dtype).max)
    planes = (
        torch.from_numpy(p.astype(np.float64).transpose(2, 0, 1))[None] for p in (other, picture)
    )
    window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / 4.5)
    window = (window / window.sum()).repeat(picture.shape[2], 1, 1, 1)  # its own is float32
    expected = ms_ssim(*planes, data_range=top, win=window).item()
    assert score(other, picture)["ms_ssim"].value == pytest.approx(expected, abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4), st.integers(0, 2**32))
def test_equal_pictures_give_the_ideal_and_small_ones_a_reason(height, width, channels, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    report = score(picture, picture)
    assert report["psnr"].value == math.inf
    if min(height, width) < 11:
        assert report["ssim"].value is None and "11 px" in report["ssim"].reason
    else:
        assert report["ssim"].value == pytest.approx(1.0)
    assert report["ms_ssim"].value is None and "161 px" in report["ms_ssim"].reason


def test_worse_pictures_score_lower():
    picture = PICTURES["rgb"][:200, :200]
    reports = [score(noisy(picture, s), picture) for s in (0.01, 0.03, 0.1, 0.3)]
    for name in ("psnr", "ssim", "ms_ssim"):
        values = [r[name].value for r in reports]
        assert values == sorted(values, reverse=True)
        assert reports[0][name].direction == "up"


def test_floats_are_judged_as_they_would_be_stored():
    picture = PICTURES["rgb"][:64, :64]
    nearly = (picture / 255.0 + 0.4 / 255.0).clip(0, 1).astype(np.float32)
    assert score(nearly, picture, measures=["psnr"])["psnr"].value == math.inf


def test_8_against_16_bits_are_compared_at_8():
    picture = PICTURES["rgb"][:64, :64]
    assert score(picture.astype(np.uint16) * 257, picture)["psnr"].value == math.inf


def test_different_sizes_are_an_error():
    with pytest.raises(
        InvalidInput, match="subject is 4×3 with 3 channels, the reference 3×4 with 1"
    ):
        score(np.zeros((3, 4, 3), np.uint8), np.zeros((4, 3, 1), np.uint8))
