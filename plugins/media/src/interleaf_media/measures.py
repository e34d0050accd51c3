"""The measures that look at one picture and its original: what each is called, needs and means.

A number names its weights: `settings` of a measure hold backend, weights, range, resize and version, and
two numbers may be compared only where these agree (`compare`).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure
from interleaf.interfaces.report import Direction
from interleaf_media import fidelity, perceptual
from interleaf_media.fidelity import Samples

PairFunction = Callable[[Samples, Samples], float]
OURS = "interleaf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A function of a picture and its original, both [H, W, C] integers of one size.

    ``smallest`` is the least side in pixels; ``backend`` the distribution that computes it.
    """

    name: str
    compute: PairFunction
    direction: Direction = "up"
    unit: str = ""
    smallest: int = 1
    backend: str = OURS
    weights: str = "none"
    version: str = "1"
    more: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, top: float) -> dict[str, Any]:
        """What two values must share to be compared."""
        return {
            "backend": backend_name(self.backend), "weights": self.weights, "version": self.version,
            "range": f"0..{top:.0f}", "resize": "none", **self.more,
        }  # fmt: skip


def backend_name(distribution: str) -> str:
    """``piq 0.8.0``; our own functions carry the version of their convention instead."""
    if distribution == OURS:
        return OURS
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return distribution


def _piq(name: str, direction: Direction, smallest: int) -> Metric:
    compute = perceptual.through_piq(name)
    return Metric(name=name, compute=compute, direction=direction, smallest=smallest, backend="piq")


METRICS: Mapping[str, Metric] = {
    m.name: m
    for m in (
        Metric(name="mse", compute=fidelity.mse, direction="down"),
        Metric(name="psnr", compute=fidelity.psnr, unit="dB"),
        Metric(name="ssim", compute=fidelity.ssim, smallest=fidelity.WINDOW),
        Metric(name="ssim_luma", compute=fidelity.ssim_luma, smallest=fidelity.WINDOW),
        Metric(name="ms_ssim", compute=fidelity.ms_ssim, smallest=fidelity.SMALLEST_MS_SSIM),
        _piq("gmsd", "down", 4),
        _piq("vif", "up", 41),
        _piq("fsim", "up", 4),
        _piq("haarpsi", "up", 16),
        _piq("mdsi", "down", 4),
        _piq("vsi", "up", 4),
        Metric(
            name="flip", compute=perceptual.flip, direction="down", backend="flip-evaluator",
            more={"pixels_per_degree": 67.0},
        ),
    )
}  # fmt: skip


def record(measure: Measure) -> dict[str, Any]:
    """A measure as plain data: metric, value, n, ci95, and the settings beside them."""
    infinite = measure.value is not None and abs(measure.value) == float("inf")
    return {
        "metric": measure.name, "group": measure.group,
        "value": None if infinite else measure.value,
        "reason": measure.reason, "unit": measure.unit, "direction": measure.direction,
        "n": measure.n, "ci95": list(measure.interval) if measure.interval else None,
        **measure.settings,
    }  # fmt: skip


def compare(left: Measure, right: Measure) -> float:
    """How much better ``left`` is than ``right``, in their unit: positive is better.

    Raises InvalidInput where the two do not measure the same: another metric, other weights, another
    range, size or version.
    """
    if (left.name, left.unit) != (right.name, right.unit):
        raise InvalidInput(f"'{left.name}' and '{right.name}' are different measures")
    different = [
        f"{k} ({left.settings.get(k)} and {right.settings.get(k)})"
        for k in sorted({*left.settings, *right.settings})
        if left.settings.get(k) != right.settings.get(k)
    ]
    if different:
        raise InvalidInput(
            f"two values of '{left.name}' cannot be compared: they differ in {', '.join(different)}",
            hint="compute both with the same settings",
        )
    if left.value is None or right.value is None:
        raise InvalidInput(f"a value of '{left.name}' is absent: {left.reason or right.reason}")
    return (left.value - right.value) * (-1.0 if left.direction == "down" else 1.0)
