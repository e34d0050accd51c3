"""Measures of a clip against the picture that it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure
from interleaf_media.fidelity import Samples, mse
from interleaf_media.learned import SMALLEST, Net, load_lpips
from interleaf_media.series import Series
from interleaf_media.streams import Mask


@dataclass(slots=True)
class FirstStream:
    """``i1_mse`` or ``pic``: how a clip relates to the picture that it was made from."""

    name: Literal["i1_mse", "pic"]
    first: Samples | None
    net: Net = "alex"
    path: str = ""
    random: int | None = None
    series: Series = field(default_factory=Series)
    settings: dict[str, Any] = field(default_factory=dict)
    absent: str = ""
    kept: Any = None

    def update(self, subject: Samples, reference: Samples | None, mask: Mask | None) -> None:
        """One frame."""
        if self.first is None:
            self.absent = "the first picture was not given"
        elif self.first.shape != subject.shape:
            raise InvalidInput("the first picture has another size than the frames")
        elif self.name == "pic":
            self._pic(self.first, subject)
        elif not self.series.values:
            self.settings = {
                "backend": "interleaf", "weights": "none", "range": "0..255", "version": "1",
            }  # fmt: skip
            scale = 1.0 if subject.dtype == np.uint8 else 257.0
            self.series.add(mse(subject, self.first) / scale**2)

    def _pic(self, first: Samples, subject: Samples) -> None:
        if min(subject.shape[:2]) < SMALLEST[self.net]:
            self.absent = f"a side of {min(subject.shape[:2])} px is less than LPIPS needs"
            return
        model = load_lpips(self.net, self.path, self.random)
        self.kept = self.kept or model.features([first])
        self.series.add(1 - model.between(model.features([subject]), self.kept)[0])
        self.settings = {
            "backend": "lpips", "weights": model.weights, "net": self.net, "range": "0..1",
            "resize": "none", "version": "1",
        }  # fmt: skip

    def merge(self, later: FirstStream) -> FirstStream:
        """Both parts; frame 0 is the earlier part's."""
        one = self.name == "i1_mse" and self.series.values
        series = self.series if one else self.series.merge(later.series)
        settings = self.settings or later.settings
        absent = self.absent or later.absent
        return replace(self, series=series, settings=settings, absent=absent)

    def measures(self) -> list[Measure]:
        """The mean over frames, of ``i1_mse`` the first frame alone."""
        value, reason = self.series.mean()
        random = self.name == "pic" and self.random is not None
        return [
            Measure(
                name=self.name + ("@random" if random else ""), value=value, settings=self.settings,
                reason=reason if self.series.values else (self.absent or reason),
                direction="up" if self.name == "pic" else "down", n=max(len(self.series.values), 1),
                interval=self.series.interval(),
            )
        ]  # fmt: skip
