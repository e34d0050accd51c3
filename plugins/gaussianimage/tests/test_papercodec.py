"""The paper's codec: its sizes, and that the file draws what the fit drew."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage

from interleaf_gaussianimage import fit
from interleaf_gaussianimage.drawing import render
from interleaf_gaussianimage.format import GsiError
from interleaf_gaussianimage.papercodec import Quantised, best_ends, bits_back, read

PHOTO = np.ascontiguousarray(skimage.data.coffee()[100:196, 100:228])


@pytest.fixture(scope="module")
def quantised():
    splats = fit(PHOTO, points=400, steps=200, covariance="cholesky")
    with Quantised(PHOTO.astype(np.float32) / 255, splats) as fitting:
        fitting.advance(0.0)
        before = fitting.error()
        for _ in range(200):
            fitting.advance(0.3)
        fitting.advance(0.0)
        fitting.crew.run(fitting._draw, fitting.row_shares)
        yield fitting, before


def test_the_file_draws_what_was_fitted(quantised):
    fitting, before = quantised
    data = fitting.file()
    assert len(data) == 12 + 24 + 4 * 2 * 8 * 3 + 7 * 400 + 4
    drawn = render(read(data))
    error = np.square(drawn - PHOTO / 255.0).mean()
    assert error == pytest.approx(fitting.error(), rel=1e-3)
    assert error < before  # going on through the rounding helps


def test_damaged_files(quantised):
    data = quantised[0].file()
    for bad in (
        data[:-1],
        data + b"x",
        data[:5],
        b"",
        b"\0" * len(data),
        data[:12] + b"\xff" * 24 + data[36:],
    ):
        with pytest.raises(GsiError):
            read(bad)


def test_what_the_paper_says_of_9000_gaussians():
    """1.286 bits per pixel on 768 x 512 without bits-back; log2 9000! is 0.268 of them."""
    pixels = 768 * 512
    assert (56 * 9000 + 1536 + 192) / pixels == pytest.approx(1.286, abs=5e-4)
    assert math.lgamma(9001) / math.log(2) / pixels == pytest.approx(0.268, abs=5e-4)
    assert 0.20 < bits_back(9000) / pixels < 0.268
    assert bits_back(1) == 0


def test_ends_ignore_outliers():
    values = np.append(np.linspace(1, 2, 999), 100.0).astype(np.float32)
    low, high = best_ends(values)
    assert low == pytest.approx(1, abs=0.1) and high < 100.1
