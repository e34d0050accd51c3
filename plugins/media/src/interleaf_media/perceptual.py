"""Measures that other packages compute: piq's weight-free set, and LDR-FLIP of its authors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from interleaf_media.extras import need
from interleaf_media.fidelity import Samples, peak

NAMES = {"vif": "vif_p"}


def color(picture: Samples) -> Samples:
    """The picture in RGB: alpha left out, grey three times."""
    return picture[..., :3] if picture.shape[2] > 2 else np.repeat(picture[..., :1], 3, axis=2)


def tensor(picture: Samples) -> Any:
    """A picture as a float32 torch tensor [1, 3, H, W] in 0..1."""
    torch = need("torch", "torch")
    unit = np.ascontiguousarray(color(picture).transpose(2, 0, 1)[None], np.float32) / peak(picture)
    return torch.from_numpy(unit)


def through_piq(name: str) -> Callable[[Samples, Samples], float]:
    """A function of piq (Apache-2.0) over pictures in 0..1, which downloads nothing."""

    def compute(a: Samples, b: Samples) -> float:
        torch, piq = need("torch", "torch"), need("piq", "torch")
        with torch.inference_mode():
            return float(getattr(piq, NAMES.get(name, name))(tensor(a), tensor(b), data_range=1.0))

    return compute


def flip(a: Samples, b: Samples) -> float:
    """Mean LDR-FLIP (Andersson et al. 2020) at 67 pixels a degree, through flip-evaluator."""
    evaluator = need("flip_evaluator", "flip")
    subject, reference = (np.ascontiguousarray(color(p), np.float32) / peak(p) for p in (a, b))
    parameters = {"ppd": 67.0}
    _, mean, _ = evaluator.evaluate(reference, subject, "LDR", True, False, True, parameters)
    return float(mean)
