"""Video files through OpenCV, for machines that have it and neither PyAV nor the ffmpeg program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import CorruptData, InvalidInput
from interleaf_media.extras import need
from interleaf_media.piping import Where, as_file
from interleaf_media.videoinfo import Pixels, VideoInfo, timing

TICK = 10**6  # OpenCV tells times in milliseconds as floats; kept to the microsecond


class Capture:
    """One video stream of a file, 8 bits, without its sound; every read decodes from the start."""

    def __init__(self, source: Where, name: str, size: tuple[int, int] | None, bits: int) -> None:
        if bits != 8:
            raise InvalidInput(
                f"{name}: OpenCV reads 8 bits a sample", hint="reader: pyav, or bits: 8"
            )
        if isinstance(source, Path) and not source.is_file():
            raise InvalidInput(f"{name}: no such file", hint="give the path of a video file")
        self.source, self.name, self.size = source, name, size
        self.notes: list[str] = ["read through OpenCV: without sound, times to the microsecond"]
        with self._opened() as (cv2, video):
            stamps, shape, told = self._scanned(cv2, video)
            code = int(video.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=False)
            rotation = int(video.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
        clock = timing(stamps, Fraction(0), told)
        self.times: Sequence[Fraction] = clock.times
        if clock.variable:
            self.notes.append("the frame rate is variable; times are kept, one mean rate is told")
        self.info = VideoInfo(
            width=shape[1], height=shape[0], fps=clock.fps, n_frames=len(stamps),
            duration=clock.times[-1] + 1 / clock.fps, codec=code.decode("ascii", "replace").strip("\0 "),
            rotation=rotation, variable=clock.variable,
        )  # fmt: skip

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        cv2 = need("cv2", "flow")
        with as_file(self.source) as file:
            video = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG)
            try:
                yield cv2, video
            finally:
                video.release()

    def _scanned(self, cv2: Any, video: Any) -> tuple[list[Fraction], tuple[int, ...], Fraction]:
        """Rising times of all frames, the shape of the first, and the rate that the file tells."""
        stamps: list[Fraction] = []
        shape: tuple[int, ...] = ()
        while video.grab():
            at = Fraction(round(video.get(cv2.CAP_PROP_POS_MSEC) * 1000), TICK)
            if not stamps:
                shape = video.retrieve()[1].shape
            stamps.append(at if not stamps or at > stamps[-1] else stamps[-1] + Fraction(1, TICK))
        if not stamps:
            raise CorruptData(
                f"{self.name}: cannot be read as video",
                hint="expected MP4, MKV, WebM, MPEG, AVI, whole",
            )
        told = Fraction(float(video.get(cv2.CAP_PROP_FPS)) or 25.0)
        return stamps, shape, self._plain(told)

    @staticmethod
    def _plain(rate: Fraction) -> Fraction:
        """30000/1001 for 29.97002997."""
        for exact in (Fraction(round(rate)), Fraction(round(rate * 1001 / 1000) * 1000, 1001)):
            if exact and abs(rate / exact - 1) < Fraction(1, 10**5):
                return exact
        return rate.limit_denominator(100_000)

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The frames [H, W, 3] uint8 at rising indices; repeats are allowed."""
        place, last = 0, indices[-1] + 1 if indices else 0
        with self._opened() as (cv2, video):
            for seen in range(last):
                if not video.grab():
                    return
                if indices[place] != seen:
                    continue
                pixels = self._pixels(cv2, video.retrieve()[1])
                while place < len(indices) and indices[place] == seen:
                    yield pixels
                    place += 1

    def _pixels(self, cv2: Any, picture: Any) -> Pixels:
        if self.size and (picture.shape[1], picture.shape[0]) != self.size:
            smaller = self.size[0] * self.size[1] < picture.shape[0] * picture.shape[1]
            how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
            picture = cv2.resize(picture, self.size, interpolation=how)
        return np.ascontiguousarray(picture[..., ::-1])
