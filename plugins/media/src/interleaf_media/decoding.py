"""Video files through PyAV: an index from the packets, exact seeking, conversion to RGB."""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from interleaf.errors import CorruptData
from interleaf_media.containers import (
    Index,
    Where,
    index_of,
    open_container,
    packets,
    slow_index,
    video_of,
)
from interleaf_media.extras import need
from interleaf_media.videoinfo import Pixels, VideoInfo, timing

HIDDEN = frozenset({"vp8"})  # codecs whose packets need not each show a frame


class PyAV:
    """One video stream of a file."""

    def __init__(self, source: Where, name: str, size: tuple[int, int] | None, bits: int) -> None:
        self.source, self.name, self.size, self.bits = source, name, size, bits
        self.notes: list[str] = []
        self.tail_lost = False
        with open_container(source, name) as container:
            stream = video_of(container, name)
            index = index_of(container, stream)
            if stream.codec_context.name in HIDDEN or index is None:
                index = slow_index(source, name)
            self.stamps = sorted(set(index.stamps))
            if not self.stamps:
                raise CorruptData(f"{name}: holds no frame", hint="the file is empty or cut short")
            self.keys = sorted(
                {self.stamps[0], *index.keys}
            )  # a cut's own first key frame may be hidden
            self.first = self._first_frame()
            self.info = self._info(container, stream, index)

    def _first_frame(self) -> Any:
        for _, frame in self._decoded(self.stamps[0]):
            return frame
        raise CorruptData(
            f"{self.name}: no frame can be decoded", hint="the file is damaged or cut short"
        )

    def _info(self, container: Any, stream: Any, index: Index) -> VideoInfo:
        base, context = stream.time_base, stream.codec_context
        last = Fraction(0)
        if stream.duration and stream.start_time is not None:
            last = (stream.start_time + stream.duration - self.stamps[-1]) * base
        told = stream.average_rate or stream.guessed_rate
        clock = timing([s * base for s in self.stamps], max(last, Fraction(0)), told)
        self.times: Sequence[Fraction] = clock.times
        self.began = self.stamps[0] * base  # on the clock that the sound shares
        rotation = -int(self.first.rotation) % 360
        width, height = self.first.width, self.first.height
        if rotation in (90, 270):
            width, height = height, width
        self.crop = _true_size(container, width, height)
        width, height = self.crop or (width, height)
        depth = max(c.bits for c in self.first.format.components)
        alpha = any(c.is_alpha for c in self.first.format.components)
        count = len(self.stamps)
        self.tail_lost = index.damaged or stream.frames > count + index.unseen
        self._note_format(depth, alpha, clock.variable)
        return VideoInfo(
            width=width, height=height, fps=clock.fps, n_frames=count,
            duration=clock.times[-1] + 1 / clock.fps, codec=context.name,
            pixel_format=self.first.format.name, bits=depth, rotation=rotation,
            sar=Fraction(stream.sample_aspect_ratio or 1), has_audio=bool(container.streams.audio),
            has_alpha=alpha, variable=clock.variable, truncated=self.tail_lost,
        )  # fmt: skip

    def _note_format(self, depth: int, alpha: bool, variable: bool) -> None:
        if self.tail_lost:
            self.notes.append("truncated: the file ends before its last frames")
        if depth > 8 and self.bits == 8:
            self.notes.append(f"{depth} bits a sample were rounded to 8")
        if int(self.first.color_trc or 2) in (16, 18):  # PQ, HLG
            self.notes.append("HDR samples are given as they are stored, not tone-mapped")
        if alpha:
            self.notes.append("alpha was dropped")
        if variable:
            self.notes.append("the frame rate is variable; times are kept, one mean rate is told")

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The frames [H, W, 3], uint8 or (bits=16) uint16, at rising indices; repeats are allowed.

        Where the file's tail is lost the frames end early, ``info.truncated`` becomes true.
        """
        wanted = [self.stamps[i] for i in indices]
        place = 0
        while place < len(wanted):
            before = place
            for stamp, frame in self._decoded(wanted[place]):
                if place == len(wanted) or self._worth_seeking(stamp, wanted[place]):
                    break
                while place < len(wanted) and wanted[place] <= stamp:
                    yield self._pixels(frame)
                    place += 1
            if place == before:
                self._lost()
                return

    def _worth_seeking(self, here: int, there: int) -> bool:
        """Whether a key frame lies between the next frame and a later one that is wanted."""
        key = self.keys[bisect.bisect_right(self.keys, there) - 1]
        return (
            key > here
            and bisect.bisect_left(self.stamps, key) - bisect.bisect_left(self.stamps, here) > 8
        )

    def _decoded(self, wanted: int) -> Iterator[tuple[int, Any]]:
        """Frames with their stamps, from the one at ``wanted`` on."""
        for back in (1, 2, None):  # a key frame that proves too late is tried one earlier
            at = bisect.bisect_right(self.keys, wanted)
            start = None if back is None or at < back else self.keys[at - back]
            seen = self._from(None if start == self.keys[0] else start)
            first = next(seen, None)
            if first is not None and (first[0] <= wanted or start is None):
                yield from (f for f in _chain(first, seen) if f[0] >= wanted)
                return
            if start is None:
                return

    def _from(self, start: int | None) -> Iterator[tuple[int, Any]]:
        av = need("av", "video")
        with open_container(self.source, self.name) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if start is not None:
                container.seek(start, stream=stream)
            for packet in packets(container, stream):
                try:
                    for frame in packet.decode():
                        if frame.pts is not None:
                            yield frame.pts, frame
                except av.error.FFmpegError:
                    self._note("damaged: some frames could not be decoded")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _lost(self) -> None:
        self.info = replace(self.info, truncated=True)
        self._note("truncated: the file ends before its last frames")

    def _pixels(self, frame: Any) -> Pixels:
        kind = "rgb48le" if self.bits == 16 else "rgb24"
        width, height = (not self.crop and self.size) or (frame.width, frame.height)
        turned = self.info.rotation
        if self.size and not self.crop and turned in (90, 270):
            width, height = height, width
        pixels = _converted(frame, width, height, kind)
        if self.crop:
            pixels = np.ascontiguousarray(pixels[: self.crop[1], : self.crop[0]])
            if self.size:
                whole = need("av", "video").VideoFrame.from_ndarray(pixels, format=kind)
                pixels = _converted(whole, *self.size, kind)
        return np.ascontiguousarray(np.rot90(pixels, -turned // 90)) if turned else pixels


def _converted(frame: Any, width: int, height: int, kind: str) -> Pixels:
    method = "AREA" if width * height < frame.width * frame.height else "BICUBIC"
    same = (width, height) == (frame.width, frame.height)
    rgb = frame.reformat(width, height, kind, interpolation=None if same else method)
    return np.asarray(rgb.to_ndarray())


def _true_size(container: Any, width: int, height: int) -> tuple[int, int] | None:
    """The size before padding to even sides, which our own files tell."""
    told = {k.lower(): v for k, v in container.metadata.items()}.get("interleaf_size", "")
    sides = told.split("x")
    if len(sides) != 2 or not all(s.isascii() and s.isdecimal() for s in sides):
        return None
    size = int(sides[0]), int(sides[1])
    padded = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    return size if padded == (width, height) != size else None


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest
