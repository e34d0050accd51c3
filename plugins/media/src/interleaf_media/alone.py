"""Measures of a picture without an original: NIQE and BRISQUE, with files of the user's."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from interleaf.errors import CorruptData
from interleaf.interfaces import Measure
from interleaf_media import natural
from interleaf_media.composites import eight
from interleaf_media.extras import need
from interleaf_media.fidelity import Samples
from interleaf_media.measures import OURS, backend_name
from interleaf_media.perceptual import tensor
from interleaf_media.series import Series
from interleaf_media.tensors import given_file, label

Name = Literal["niqe", "brisque"]
VECTORS, FEATURES = 774, 36  # support vectors of BRISQUE's regression


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """``score`` of one picture; nan or a ValueError where it has none."""

    name: Name
    score: Callable[[Samples], float]
    weights: str
    backend: str
    smallest: int

    @property
    def title(self) -> str:
        """What its numbers are called."""
        return self.name + ("@random" if self.weights.startswith("random:") else "")


@lru_cache(maxsize=4)
def judge(name: Name, path: str, random: int | None = None) -> Judge:
    """By a file: NIQE's mean and covariance (.mat, .npz), piq's BRISQUE support vectors (.pt). Or with random
    ones, to try things out. Raises WeightsMissing without either, CorruptData for other files."""
    return _niqe(path, random) if name == "niqe" else _brisque(path, random)


def _niqe(path: str, random: int | None) -> Judge:
    if random is None:
        file = given_file("NIQE", path)
        (mean, covariance), weights = natural.read_model(file), label("niqe", file)
    else:
        rng, weights = np.random.default_rng(random), f"random:seed={random}"
        mean, spread = rng.uniform(0, 2, FEATURES), rng.normal(0, 0.3, (FEATURES, FEATURES))
        covariance = spread @ spread.T
    return Judge(
        name="niqe", score=lambda p: natural.niqe(eight(p), mean, covariance), weights=weights,
        backend=OURS, smallest=natural.SMALLEST,
    )  # fmt: skip


_one_at_a_time = threading.Lock()


def _brisque(path: str, random: int | None) -> Judge:
    """Through piq, which would download its support vectors: it is handed the user's instead."""
    torch, piq = need("torch", "torch"), need("piq", "torch")
    module: Any = need("piq.brisque", "torch")
    if random is None:
        file = given_file("BRISQUE", path)
        vectors, weights = _support(file), label("brisque", file)
    else:
        draw, weights = torch.Generator().manual_seed(random), f"random:seed={random}"
        vectors = [torch.randn(s, generator=draw) for s in ((VECTORS, 1), (VECTORS, FEATURES))]

    def score(picture: Samples) -> float:
        with _one_at_a_time, torch.inference_mode():
            kept, module.load_url = module.load_url, lambda *_, **__: [v.clone() for v in vectors]
            try:
                return float(piq.brisque(tensor(eight(picture)), data_range=1.0))
            except AssertionError as error:  # a flat picture
                raise ValueError(str(error).strip().rstrip(".")) from error
            finally:
                module.load_url = kept

    backend = backend_name("piq")
    return Judge(name="brisque", score=score, weights=weights, backend=backend, smallest=16)


def _support(file: Any) -> list[Any]:
    torch = need("torch", "torch")
    try:
        coefficients, vectors = torch.load(file, map_location="cpu", weights_only=True)
        shapes = tuple(coefficients.reshape(-1, 1).shape), tuple(vectors.shape)
    except Exception as error:  # torch raises whatever it likes for foreign bytes
        raise CorruptData(f"{file}: is no file of BRISQUE's ({type(error).__name__})") from error
    if shapes[0][0] != shapes[1][0] or shapes[1][1] != FEATURES:
        raise CorruptData(f"{file}: {shapes[0][0]} coefficients for vectors of shape {shapes[1]}")
    return [coefficients, vectors]


@dataclass(slots=True)
class AloneStream:
    """The judge's score of every frame."""

    judge: Judge
    series: Series = field(default_factory=Series)
    absent: str = ""

    def update(self, subject: Samples, reference: Any = None, mask: Any = None) -> None:
        """One frame; neither an original nor a mask is looked at."""
        side = min(subject.shape[:2])
        if side < self.judge.smallest:
            self.absent = (
                f"a side of {side} px is less than the {self.judge.smallest} px that it needs"
            )
            return
        try:
            value = self.judge.score(subject)
        except ValueError as error:
            self.absent, value = str(error), math.nan
        self.series.add(None if math.isnan(value) else value)

    def merge(self, later: AloneStream) -> AloneStream:
        """Both parts."""
        series = self.series.merge(later.series)
        return AloneStream(self.judge, series, self.absent or later.absent)

    def measures(self) -> list[Measure]:
        """The mean over frames."""
        value, reason = self.series.mean()
        reason = self.absent if value is None and self.absent else reason
        settings = {
            "backend": backend_name(self.judge.backend), "weights": self.judge.weights,
            "range": "0..255", "resize": "none", "version": "1",
        }  # fmt: skip
        return [Measure(
            name=self.judge.title, value=value, reason=reason,
            direction="down", n=max(len(self.series.finite), 1), interval=self.series.interval(),
            settings=settings,
        )]  # fmt: skip
