"""Clips against their originals, as an Evaluator."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, repeat
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, Report
from interleaf.values import Artifact, Frames, Image
from interleaf_media.clips import example_frames
from interleaf_media.comparing import Given, comparable, feed, report, streams
from interleaf_media.config import VideoFidelityConfig
from interleaf_media.showing import masks_of

RATES = 0.01  # relative; 29.97 and 30 count as one rate


class VideoFidelity(Evaluator):
    """Measures over the frames of a clip; those of motion and of the first picture need no original."""

    Config = VideoFidelityConfig

    def evaluate(
        self,
        subject: Frames,
        reference: Frames | None = None,
        mask: Frames | None = None,
        first: Image | None = None,
        codes: Iterable[Artifact] | None = None,
        file: Artifact | None = None,
        ctx: Context | None = None,
    ) -> Report:
        """``codes``: the file of each frame, or ``file``: that of the whole clip; from them ``bitrate`` and
        ``size``.

        Raises InvalidInput for clips of different size, length or rate, WeightsMissing for LPIPS without
        its trunk, ProblemsFound (E204) for a measure whose package is absent."""
        state = self.update(self.start(), subject, reference, mask, first, ctx)
        found = self.finish(state)
        return replace(
            found,
            measures=(
                *found.measures,
                *bitrate([*(codes or ()), *([file] if file else [])], subject),
            ),
        )

    def start(self) -> list[Any]:
        """No frames yet."""
        return []

    def update(
        self,
        state: list[Any],
        subject: Frames,
        reference: Frames | None = None,
        mask: Frames | None = None,
        first: Image | None = None,
        ctx: Context | None = None,
    ) -> list[Any]:
        """The frames that follow those seen so far."""
        count = _count(subject, reference, self.config.align)
        running = state or self._streams(first)
        masks = iter(masks_of(mask, len(subject))) if mask is not None else repeat(None)
        originals = reference.pixels if reference is not None else repeat(None)
        pairs = islice(zip(subject.pixels, originals, strict=False), count)
        feed(running, _told(pairs, count, ctx), masks)
        return running

    def _streams(self, first: Image | None) -> list[Any]:
        c = self.config
        given = Given(
            net=c.net, path=c.file or "", flow=c.flow, flow_path=c.flow_file or "", clip=c.clip or "",
            prompt=c.prompt, niqe=c.niqe or "", brisque=c.brisque or "", random=c.random,
            first=comparable(first.pixels, None)[0] if first is not None else None,
        )  # fmt: skip
        return streams(c.measures, given)

    def merge(self, left: list[Any], right: list[Any]) -> list[Any]:
        """Both parts, ``right`` after ``left``."""
        if not left or not right:
            return left or right
        return [a.merge(b) for a, b in zip(left, right, strict=True)]

    def finish(self, state: list[Any]) -> Report:
        """The report; without frames every measure is None."""
        return report(state or self._streams(None))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        clip = example_frames(3, 24, 32)
        noise = np.random.default_rng(0).integers(0, 9, clip.pixels.shape, np.uint8)
        inputs = {"subject": Frames(clip.pixels // 2 + noise, clip.fps), "reference": clip}
        mask = Frames((clip.pixels[:1, ..., :1] > 90).astype(np.uint8) * 255, clip.fps)
        config = VideoFidelityConfig(measures=("psnr", "ssim", "mse"))
        return {"configs": [config], "calls": {"evaluate": [inputs, {**inputs, "mask": mask}]}}


def bitrate(files: Sequence[Artifact], frames: Frames) -> tuple[Measure, ...]:
    """Kilobits a second, and the bytes of all files together; nothing without files."""
    if not files or not len(frames):
        return ()
    size = sum(len(f.data) for f in files)
    rate = size * 8 * float(frames.fps) / len(frames) / 1000
    return (
        Measure(name="bitrate", value=rate, unit="kbit/s", direction="down", n=len(frames)),
        Measure(name="size", value=float(size), unit="bytes", direction="down", n=len(frames)),
    )


def _told(pairs: Any, count: int, ctx: Context | None) -> Iterator[Any]:
    for done, pair in enumerate(pairs):
        if ctx:
            ctx.monitor.progress(done, count)
        yield pair


def _count(subject: Frames, reference: Frames | None, align: str) -> int:
    """How many pairs there are; InvalidInput where strict alignment fails."""
    if reference is None:
        return len(subject)
    alike = abs(float(subject.fps / reference.fps) - 1) <= RATES
    if align == "strict" and (len(subject) != len(reference) or not alike):
        raise InvalidInput(
            f"the subject has {len(subject)} frames at {float(subject.fps):g} a second, the reference "
            f"{len(reference)} at {float(reference.fps):g}",
            hint="read both at one fps and length, or align: index to pair frame by number",
        )
    return min(len(subject), len(reference))
