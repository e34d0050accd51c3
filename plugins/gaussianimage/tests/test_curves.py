"""BD-rates of curves that are known."""

import numpy as np
import pytest

import interleaf
from interleaf.errors import InvalidInput, WeightsMissing
from interleaf.interfaces import Evaluator, Measure, Report
from interleaf.values import Artifact, Image, Item
from interleaf_gaussianimage.components import Rd
from interleaf_gaussianimage.config import RdConfig
from interleaf_gaussianimage.curves import PUBLISHED, bd_rate
from interleaf_gaussianimage.format import GsiError
from interleaf_gaussianimage.papercodec import bits_back


def test_known_curves():
    curve = [(0.1, 25.0), (0.2, 28.0), (0.4, 31.0), (0.8, 34.0)]
    assert bd_rate(curve, curve) == pytest.approx(0)
    assert bd_rate([(b / 2, p) for b, p in curve], curve) == pytest.approx(-50)
    assert bd_rate([(b * 1.25, p) for b, p in curve[::-1]], curve) == pytest.approx(25)
    assert bd_rate([(1, 50.0), (2, 52.0)], curve) is None and bd_rate(curve[:1], curve) is None


def test_the_published_curves_cross_where_the_plot_does():
    coin, paper = PUBLISHED["COIN (paper)"], PUBLISHED["paper"]
    assert -45 < bd_rate(paper, coin) < 0


def files(points=40):
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    paper = interleaf.load("gaussianimage.paper", points=points, fit_steps=5, steps=5)
    code = paper.encode(image=Image(pixels))
    return {"code": code, "subject": paper.decode(code=code), "reference": Image(pixels)}


def test_bits_back_comes_off_the_papers_files():
    given = files()
    whole, less = (interleaf.load("gaussianimage.rd", bits_back=b)(**given) for b in (False, True))
    assert whole["bpp"].value == 8 * len(given["code"].data) / 600
    assert whole["bpp"].value - less["bpp"].value == pytest.approx(bits_back(40) / 600)
    assert whole["psnr"] == less["psnr"]
    with pytest.raises(GsiError):
        interleaf.load("gaussianimage.rd", bits_back=True)(**{**given, "code": Artifact(b"x", "")})


class Judge(Evaluator):
    """Has weights, or has none."""

    def __init__(self, value=None, name="lpips"):
        self.value, self.name = value, name

    def evaluate(self, subject, reference):
        if self.value is None:
            raise WeightsMissing("no alexnet.pth")
        return Report((Measure(name=self.name, value=self.value),))


def test_lpips_comes_from_an_evaluator_or_says_that_weights_are_missing():
    given = files()

    def measured(judge):
        return Rd(RdConfig(perceptual=judge)).evaluate(**given)["lpips"]

    assert measured(Judge(0.25)).value == 0.25
    assert measured(None).value is None and measured(None).reason == "weights missing"
    assert "alexnet.pth" in measured(Judge()).reason
    with pytest.raises(InvalidInput, match="no lpips"):
        measured(Judge(1.0, "ssim"))


def reports(lpips):
    judged = Measure(name="lpips", value=lpips, reason="" if lpips else "weights missing")
    return [
        Item(Report((Measure(name="bpp", value=b), Measure(name="psnr", value=p), judged)), "ours", "", {})
        for b, p in ((0.1, 25.0), (1.0, 31.0))
    ]  # fmt: skip


def test_a_curve_of_the_users_own(tmp_path):
    file = tmp_path / "coinpp.csv"
    file.write_text("bpp,psnr\n2.0,31.0\n0.2,25.0\n")
    found = interleaf.load("gaussianimage.curves", coinpp=str(file)).apply(reports=reports(0.5))
    told = {m.name: m for m in found["report"].measures}
    assert told["bd_rate_over_COIN++"].value == pytest.approx(-50)
    assert found["table"].columns["lpips"][:2] == ["0.5000", "0.5000"]
    without = interleaf.load("gaussianimage.curves").apply(reports=reports(None))
    told = {m.name: m for m in without["report"].measures}
    assert told["bd_rate_over_COIN++"].value is None
    assert told["bd_rate_over_COIN++"].reason.startswith("not compared")
    assert without["table"].columns["lpips"][:2] == ["weights missing"] * 2


@pytest.mark.parametrize(
    "text", ["", "bpp,psnr\n", "bpp,psnr\n0,30\n", "bpp,db\n1,30\n", "bpp,psnr\n1\n"]
)
def test_a_file_that_is_no_curve_is_told(tmp_path, text):
    file = tmp_path / "coinpp.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=r"coinpp\.csv"):
        interleaf.load("gaussianimage.curves", coinpp=str(file)).apply(reports=reports(0.5))
