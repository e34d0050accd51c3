"""Video files through the ffmpeg program inside imageio-ffmpeg, for machines without PyAV."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import CorruptData, InvalidInput
from interleaf_media.extras import need
from interleaf_media.videoinfo import Pixels, VideoInfo, timing

Where = Path | bytes


def ffmpeg() -> str:
    """The path of the ffmpeg program."""
    return str(need("imageio_ffmpeg", "video").get_ffmpeg_exe())


@contextmanager
def as_file(source: Where) -> Iterator[Path]:
    """A path to the source; bytes lie in a temporary file."""
    if isinstance(source, Path):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "source"
        file.write_bytes(source)
        yield file


class Pipe:
    """One video stream of a file; every read decodes from the start."""

    def __init__(self, source: Where, name: str, size: tuple[int, int] | None, bits: int) -> None:
        self.source, self.name, self.size, self.bits = source, name, size, bits
        self.notes: list[str] = []
        if isinstance(source, Path) and not source.is_file():
            raise InvalidInput(f"{name}: no such file", hint="give the path of a video file")
        with as_file(source) as file:
            base, stamps, last = _stamps(file)
            told = self._meta(file)
        if not stamps:
            raise CorruptData(f"{name}: holds no frame", hint="the file is empty or cut short")
        clock = timing([s * base for s in stamps], last * base)
        self.times: Sequence[Fraction] = clock.times
        width, height = told["size"]
        if told.get("rotate", 0) % 180:  # the program turns pictures, its report does not
            width, height = told["source_size"][1], told["source_size"][0]
        if clock.variable:
            self.notes.append("the frame rate is variable; times are kept, one mean rate is told")
        self.info = VideoInfo(
            width=width, height=height, fps=clock.fps, n_frames=len(stamps),
            duration=clock.times[-1] + 1 / clock.fps, codec=told["codec"],
            pixel_format=told["pix_fmt"].partition("(")[0], variable=clock.variable,
            rotation=int(told.get("rotate", 0)) % 360, has_audio=bool(told.get("audio_codec")),
        )  # fmt: skip

    def _meta(self, file: Path) -> dict[str, Any]:
        reader = need("imageio_ffmpeg", "video").read_frames(str(file))
        try:
            return dict(next(reader))
        except (OSError, RuntimeError, StopIteration) as error:
            raise CorruptData(
                f"{self.name}: cannot be opened as video", hint="expected MP4, MKV, WebM, MPEG, AVI"
            ) from error
        finally:
            reader.close()

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The frames [H, W, 3], uint8 or (bits=16) uint16, at rising indices; repeats are allowed."""
        place, seen = 0, -1
        if not indices:
            return
        for seen, pixels in enumerate(self._all()):
            while place < len(indices) and indices[place] == seen:
                yield pixels
                place += 1
            if place == len(indices):
                return
        self.info = replace(self.info, truncated=True)
        self.notes.append("truncated: the file ends before its last frames")

    def _all(self) -> Iterator[Pixels]:
        kind, wide = ("rgb48le", np.uint16) if self.bits == 16 else ("rgb24", np.uint8)
        width, height = self.size or (self.info.width, self.info.height)
        scale = ["-vf", f"scale={width}:{height}"] if self.size else []
        with as_file(self.source) as file:
            command = [ffmpeg(), "-v", "error", "-i", str(file), "-map", "0:v:0", *scale]
            command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", kind, "-"]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            ) as process:
                assert process.stdout
                count = width * height * 3
                size = count * np.dtype(wide).itemsize
                try:
                    while len(data := process.stdout.read(size)) == size:
                        yield np.frombuffer(data, wide, count).reshape(height, width, 3)
                finally:
                    process.kill()


def _stamps(file: Path) -> tuple[Fraction, list[int], int]:
    """Clock tick in seconds, rising packet stamps, and how long the last packet lasts."""
    command = [ffmpeg(), "-v", "error", "-i", str(file), "-map", "0:v:0", "-c", "copy"]
    done = subprocess.run(
        [*command, "-f", "framecrc", "-"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    base, rows = Fraction(1), []
    for line in done.stdout.splitlines():
        if line.startswith("#tb 0:"):
            base = Fraction(line.split(":")[1].strip())
        elif line[:1] in "0123456789" and not _hidden(line):
            rows.append([int(part) for part in line.split(",")[1:4]])  # dts, pts, duration
    rows.sort(key=lambda row: row[1])
    return base, sorted({row[1] for row in rows}), rows[-1][2] if rows else 0


def _hidden(line: str) -> bool:
    """Whether an edit list hides a packet, which is decoded for others' sake and not shown."""
    _, found, flags = line.rpartition("F=0x")
    return bool(found) and bool(int(flags, 16) & 4)
