"""A clip and its original, frame by frame, by any of the measures here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from interleaf.errors import InvalidInput, did_you_mean
from interleaf.interfaces import Report
from interleaf.values import Image, Table
from interleaf_media.alone import AloneStream, judge
from interleaf_media.clipscore import ClipStream, load_clip
from interleaf_media.fidelity import Samples
from interleaf_media.firsts import FirstStream
from interleaf_media.flow import Method, estimator
from interleaf_media.learned import Net, lpips_metric
from interleaf_media.measures import METRICS, Metric
from interleaf_media.motion import MotionStream
from interleaf_media.streams import FrameStream, Mask
from interleaf_media.vmaf import Vmaf
from interleaf_media.writing import to_integers

MOTION = ("temporal_warp", "flow_stats")
FIRST = ("i1_mse", "pic")
ALONE = ("niqe", "brisque")
CLIP = ("clip_text", "clip_temporal")
NAMES = (*METRICS, "lpips", "vmaf", *MOTION, *FIRST, *ALONE, *CLIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What measures need besides frames. LPIPS: its trunk ``net`` and the trunk's ``path`` ("" searches).
    ``flow``: who estimates motion, RAFT from ``flow_path``. ``clip``: a folder, and the ``prompt`` that a
    clip was made from. ``niqe``, ``brisque``: files. ``first``: the picture that it was made from.
    ``random``: the seed of untrained weights instead of all of these."""

    net: Net = "alex"
    path: str = ""
    flow: Method = "dis"
    flow_path: str = ""
    clip: str = ""
    prompt: str = ""
    niqe: str = ""
    brisque: str = ""
    first: Samples | None = None
    random: int | None = None


def streams(names: Sequence[str], given: Given) -> list[Any]:
    """One stream for each name; InvalidInput for an unknown one, WeightsMissing, E204."""
    return [_stream(name, given) for name in dict.fromkeys(names)]


def _stream(name: str, given: Given) -> Any:
    if name == "vmaf":
        return Vmaf()
    if name in MOTION:
        by = estimator(given.flow, given.flow_path, given.random if given.flow == "raft" else None)
        return MotionStream(cast(Literal["temporal_warp", "flow_stats"], name), by)
    if name in FIRST:
        which = cast(Literal["i1_mse", "pic"], name)
        return FirstStream(which, given.first, given.net, given.path, given.random)
    if name in CLIP:
        model = load_clip(given.clip, given.random)
        return ClipStream(cast(Literal["clip_text", "clip_temporal"], name), model, given.prompt)
    if name in ALONE:
        path = given.niqe if name == "niqe" else given.brisque
        return AloneStream(judge(cast(Literal["niqe", "brisque"], name), path, given.random))
    return FrameStream(metric(name, given))


def metric(name: str, given: Given) -> Metric:
    """A measure of pictures and their originals by name."""
    if name == "lpips":
        return lpips_metric(given.net, given.path, given.random)
    if name not in METRICS:
        raise InvalidInput(f"no measure is called '{name}'", hint=did_you_mean(name, NAMES))
    return METRICS[name]


def feed(
    running: Sequence[Any],
    pairs: Iterable[tuple[Samples, Samples | None]],
    masks: Iterator[Mask | None],
) -> int:
    """Give every pair to every stream; how many there were. On any error no stream keeps a process."""
    count = 0
    try:
        for (subject, reference), mask in zip(pairs, masks, strict=False):
            a, b = comparable(subject, reference)
            if mask is not None and mask.shape != a.shape[:2]:
                raise InvalidInput(
                    f"a mask of {size_told(mask)} does not fit frames of {size_told(a)}"
                )
            for stream in running:
                stream.update(a, b, mask)
            count += 1
    except BaseException:
        stop(running)
        raise
    return count


def stop(running: Sequence[Any]) -> None:
    """End what streams have begun, without a result."""
    for stream in running:
        if isinstance(stream, Vmaf):
            stream.stop()


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
    """``640×480 with 3 channels``; of a mask ``640×480``."""
    height, width = pixels.shape[:2]
    if pixels.ndim == 2:
        return f"{width}×{height}"
    channels = pixels.shape[2]
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
