"""BD-rates of curves that are known."""

import pytest

from interleaf_gaussianimage.curves import PUBLISHED, bd_rate


def test_known_curves():
    curve = [(0.1, 25.0), (0.2, 28.0), (0.4, 31.0), (0.8, 34.0)]
    assert bd_rate(curve, curve) == pytest.approx(0)
    assert bd_rate([(b / 2, p) for b, p in curve], curve) == pytest.approx(-50)
    assert bd_rate([(b * 1.25, p) for b, p in curve[::-1]], curve) == pytest.approx(25)
    assert bd_rate([(1, 50.0), (2, 52.0)], curve) is None and bd_rate(curve[:1], curve) is None


def test_the_published_curves_cross_where_the_plot_does():
    coin, paper = PUBLISHED["COIN (paper)"], PUBLISHED["paper"]
    assert -45 < bd_rate(paper, coin) < 0
