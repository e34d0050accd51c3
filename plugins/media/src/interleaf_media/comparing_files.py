"""A file against another, frame by frame."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure, Report
from interleaf_media.comparing import Given, comparable, feed, report, stop, streams
from interleaf_media.reading import read_image
from interleaf_media.sources import aligned, mask_frames, moving, one_picture, prefetched
from interleaf_media.vmaf import vmaf_files


def compared(
    pred: Path, ref: Path, names: list[str], align: str = "strict", mask: Path | None = None,
    first: Path | None = None, **given: Any,
) -> Report:  # fmt: skip
    """The report; frames are read as they are needed, never all at once. ``given``: fields of
    `comparing.Given`."""
    start = comparable(read_image(first).pixels, None)[0] if first else None
    whole_files = "vmaf" in names and moving(pred) and moving(ref) and align == "strict"
    rest = [n for n in names if not (n == "vmaf" and whole_files)]
    running = streams(rest, Given(first=start, **given))
    with contextlib.ExitStack() as opened:
        opened.callback(stop, running)
        pairs, count = _pairs(pred, ref, align, opened)
        masks = mask_frames(mask, count) if mask else repeat(None)
        if rest and (seen := feed(running, pairs, masks)) < count:
            raise InvalidInput(
                f"only {seen} of {count} pairs of frames could be decoded", hint="--align index"
            )
        found = report(running)
    if whole_files:
        found = Report((*found.measures, vmaf_files(pred, ref)), found.tables)
    return Report(tuple(_in_order(found.measures, names)), found.tables)


def _pairs(
    pred: Path, ref: Path, align: str, opened: contextlib.ExitStack
) -> tuple[Iterator[Any], int]:
    """Pairs of pictures and their number; what reads ahead ends with ``opened``."""
    if one_picture(pred) and one_picture(ref):
        return iter([(read_image(pred).pixels, read_image(ref).pixels)]), 1
    left, right, count = aligned(pred, ref, align)
    ahead = [opened.enter_context(contextlib.closing(prefetched(f))) for f in (left, right)]
    return zip(*ahead, strict=False), count


def _in_order(measures: tuple[Measure, ...], names: list[str]) -> list[Measure]:
    place = {n: i for i, n in enumerate(names)}
    return sorted(measures, key=lambda m: place.get(m.name.partition("@")[0], len(names)))
