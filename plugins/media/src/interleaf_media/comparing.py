"""A clip and its original, frame by frame, by any of the measures here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from interleaf.errors import InvalidInput, did_you_mean
from interleaf.interfaces import Measure, Report
from interleaf.values import Image, Table
from interleaf_media.fidelity import Samples, mse
from interleaf_media.measures import METRICS, Metric
from interleaf_media.motion import MotionStream
from interleaf_media.series import Series
from interleaf_media.streams import FrameStream, Mask
from interleaf_media.vmaf import Vmaf
from interleaf_media.writing import to_integers

MOTION = ("temporal_warp", "flow_stats")
FIRST = ("i1_mse", "pic")
NAMES = (*METRICS, "lpips", "vmaf", *MOTION, *FIRST)


@dataclass(frozen=True, slots=True, kw_only=True)
class LpipsChoice:
    """Which LPIPS: its trunk, the trunk's file ("" searches), a seed for an untrained one."""

    net: Literal["alex", "squeeze", "vgg"] = "alex"
    path: str = ""
    random: int | None = None


@dataclass(slots=True)
class FirstStream:
    """``i1_mse`` or ``pic``: how a clip relates to the picture that it was made from."""

    name: Literal["i1_mse", "pic"]
    first: Samples | None
    lpips: LpipsChoice
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
                "backend": "interleaf",
                "weights": "none",
                "range": "0..255",
                "version": "1",
            }
            scale = 1.0 if subject.dtype == np.uint8 else 257.0
            self.series.add(mse(subject, self.first) / scale**2)

    def _pic(self, first: Samples, subject: Samples) -> None:
        from interleaf_media.learned import SMALLEST, load_lpips

        choice = self.lpips
        if min(subject.shape[:2]) < SMALLEST[choice.net]:
            self.absent = f"a side of {min(subject.shape[:2])} px is less than LPIPS needs"
            return
        model = load_lpips(choice.net, choice.path, choice.random)
        self.kept = self.kept or model.features([first])
        self.series.add(1 - model.between(model.features([subject]), self.kept)[0])
        self.settings = {
            "backend": "lpips", "weights": model.weights, "net": choice.net, "range": "0..1",
            "resize": "none", "version": "1",
        }  # fmt: skip

    def merge(self, later: FirstStream) -> FirstStream:
        """Both parts; frame 0 is the earlier part's."""
        one = self.name == "i1_mse" and self.series.values
        series = self.series if one else self.series.merge(later.series)
        settings = self.settings or later.settings
        return FirstStream(
            self.name, self.first, self.lpips, series, settings, self.absent or later.absent
        )

    def measures(self) -> list[Measure]:
        """The mean over frames, of ``i1_mse`` the first frame alone."""
        value, reason = self.series.mean()
        random = self.name == "pic" and self.lpips.random is not None
        return [
            Measure(
                name=self.name + ("@random" if random else ""), value=value, settings=self.settings,
                reason=reason if self.series.values else (self.absent or reason),
                direction="up" if self.name == "pic" else "down", n=max(len(self.series.values), 1),
                interval=self.series.interval(),
            )
        ]  # fmt: skip


def streams(names: Sequence[str], lpips: LpipsChoice, first: Samples | None = None) -> list[Any]:
    """One stream for each name; InvalidInput for an unknown one, WeightsMissing, E204."""
    return [_stream(name, lpips, first) for name in dict.fromkeys(names)]


def _stream(name: str, lpips: LpipsChoice, first: Samples | None) -> Any:
    if name == "vmaf":
        return Vmaf()
    if name in MOTION:
        return MotionStream(name)  # type: ignore[arg-type]
    if name in FIRST:
        return FirstStream(name, first, lpips)  # type: ignore[arg-type]
    return FrameStream(metric(name, lpips))


def metric(name: str, lpips: LpipsChoice) -> Metric:
    """A measure of pictures by name."""
    if name == "lpips":
        from interleaf_media.learned import lpips_metric

        return lpips_metric(lpips.net, lpips.path, lpips.random)
    if name not in METRICS:
        raise InvalidInput(f"no measure is called '{name}'", hint=did_you_mean(name, NAMES))
    return METRICS[name]


def feed(
    running: Sequence[Any],
    pairs: Iterable[tuple[Samples, Samples | None]],
    masks: Iterator[Mask | None],
) -> int:
    """Give every pair to every stream; how many there were."""
    count = 0
    for (subject, reference), mask in zip(pairs, masks, strict=False):
        a, b = comparable(subject, reference)
        if mask is not None and mask.shape != a.shape[:2]:
            raise InvalidInput(
                f"a mask of {mask.shape[1]}×{mask.shape[0]} does not fit frames of {a.shape[1]}×{a.shape[0]}"
            )
        for stream in running:
            stream.update(a, b, mask)
        count += 1
    return count


def comparable(subject: Samples, reference: Samples | None) -> tuple[Samples, Samples | None]:
    """A pair as integers of one width; raises InvalidInput where the sizes differ."""
    a = to_integers(Image(subject)).pixels
    if reference is None:
        return a, None
    b = to_integers(Image(reference)).pixels
    if a.shape != b.shape:
        raise InvalidInput(
            f"the subject is {size_told(a)}, the reference {size_told(b)}",
            hint="compare pictures of one size; resizing one would change what is measured",
        )
    if a.dtype != b.dtype:  # the coarser one decides
        a, b = (to_eight(p) for p in (a, b))
    return a, b


def to_eight(pixels: Samples) -> Samples:
    """16 bits rounded to 8."""
    return pixels if pixels.dtype == np.uint8 else np.floor(pixels / 257.0 + 0.5).astype(np.uint8)


def size_told(pixels: Samples) -> str:
    """``640×480 with 3 channels``."""
    height, width, channels = pixels.shape
    return f"{width}×{height} with {channels} channel{'s' if channels > 1 else ''}"


def report(running: Sequence[Any]) -> Report:
    """What the streams found, with a table of the values of every frame."""
    measures = [m for stream in running for m in stream.measures()]
    tables = [t for stream in running if isinstance(stream, MotionStream) for t in stream.tables()]
    columns = {
        name: series.values
        for stream in running if isinstance(stream, FrameStream)
        for name, series in stream.series.items()
    }  # fmt: skip
    length = max((len(v) for v in columns.values()), default=0)
    if length > 1:
        rows = {n: [_plain(x) for x in v] for n, v in columns.items() if len(v) == length}
        tables.insert(0, Table({"frame": list(range(length)), **rows}, "frame by frame"))
    return Report(tuple(measures), tuple(tables))


def _plain(value: float | None) -> float | None:
    return value if value is None or abs(value) != float("inf") else None
