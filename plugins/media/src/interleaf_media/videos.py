"""Moving pictures in: any source, any reader, one way of choosing frames."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from interleaf.errors import CorruptData, InvalidInput
from interleaf.values import Audio, Clip, Frames
from interleaf_media.animations import ANIMATED, Animation, Stack
from interleaf_media.capturing import Capture
from interleaf_media.decoding import PyAV
from interleaf_media.piping import Pipe
from interleaf_media.sounds import sound_beside
from interleaf_media.videoinfo import Pixels, Source, VideoInfo, select

Backend = Literal["auto", "pyav", "ffmpeg", "opencv", "pillow"]
READERS: Mapping[str, Callable[..., Source]] = {
    "pyav": PyAV,
    "ffmpeg": Pipe,
    "opencv": Capture,
    "pillow": Animation,
}
MOST_BYTES = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which frames: from ``start`` to ``stop`` seconds, at ``fps`` (None: the file's own, a variable
    rate made steady at its mean), every ``stride``-th, at most ``limit`` (0: all)."""

    start: Fraction = Fraction(0)
    stop: Fraction | None = None
    fps: Fraction | None = None
    stride: int = 1
    limit: int = 0


def open_video(
    source: Path | bytes,
    *,
    name: str = "",
    size: tuple[int, int] | None = None,
    bits: int = 8,
    backend: Backend = "auto",
) -> Source:
    """A moving picture whose frames can be asked for; ``size`` is (width, height) after rotation.

    Takes video files, GIF, APNG, animated WebP, a folder of pictures or an ``.npz``. Raises InvalidInput
    or CorruptData naming the file, ProblemsFound (E204) when no reader for it is installed.
    """
    name = name or (str(source) if isinstance(source, Path) else "the video")
    if isinstance(source, Path) and (source.is_dir() or source.suffix.lower() == ".npz"):
        return Stack(source, name, size, bits)
    return READERS[_reader(source, backend)](source, name, size, bits)


def _reader(source: Path | bytes, backend: Backend) -> str:
    if backend != "auto":
        return backend
    if isinstance(source, Path) and source.suffix.lower() in ANIMATED:
        return "pillow"
    if isinstance(source, bytes) and source[:4] in (b"GIF8", b"\x89PNG", b"RIFF"):
        return "pillow" if source[8:12] != b"AVI " else _installed()
    return _installed()


def _installed() -> str:
    """The best reader that is here; PyAV where none is, whose absence is then told."""
    here = {"pyav": "av", "ffmpeg": "imageio_ffmpeg", "opencv": "cv2"}
    return next((r for r, module in here.items() if importlib.util.find_spec(module)), "pyav")


def choose(source: Source, choice: Choice) -> tuple[list[int], Fraction]:
    """Indices of the frames that a choice names, and their rate; InvalidInput when there are none."""
    info = source.info
    fps = choice.fps or (info.fps if info.variable else None)
    indices = select(source.times, info.fps, fps, choice.start, choice.stop)[:: choice.stride]
    indices = indices[: choice.limit] if choice.limit else indices
    if not indices:
        raise InvalidInput(
            f"no frame lies between {float(choice.start):g} s and "
            f"{'the end' if choice.stop is None else f'{float(choice.stop):g} s'}",
            hint=f"the video lasts {float(info.duration):.3f} s",
        )
    return indices, (fps or info.fps) / choice.stride


def iter_frames(source: Source, choice: Choice) -> Iterator[Pixels]:
    """The chosen frames one after the other, without holding more than one."""
    return source.frames(choose(source, choice)[0])


@dataclass(frozen=True, slots=True)
class Read:
    """A clip, what its file was like, and what was lost or mended."""

    clip: Clip
    info: VideoInfo
    notes: tuple[str, ...] = ()


def read_clip(
    source: Path | bytes,
    choice: Choice = Choice(),
    *,
    name: str = "",
    size: tuple[int, int] | None = None,
    bits: int = 8,
    sound: bool = True,
    backend: Backend = "auto",
) -> Read:
    """Frames [T, H, W, 3] and sound of a file; a lost tail gives the frames so far and its note."""
    video = open_video(source, name=name, size=size, bits=bits, backend=backend)
    name = name or str(getattr(video, "name", "the video"))
    indices, fps = choose(video, choice)
    pixels = _stacked(video, indices, name, size, bits)
    audio = _sound(source, video, name, choice, len(pixels) / fps) if sound else None
    return Read(Clip(Frames(pixels, fps), audio), video.info, tuple(video.notes))


def _stacked(
    video: Source, indices: list[int], name: str, size: tuple[int, int] | None, bits: int
) -> Pixels:
    width, height = size or (video.info.width, video.info.height)
    needed = len(indices) * width * height * 3 * (bits // 8)
    if needed > MOST_BYTES:
        raise InvalidInput(
            f"{name}: {len(indices)} frames of {width}×{height} are {needed / 2**30:.1f} GiB",
            hint="choose a shorter part, a smaller size or a lower rate",
        )
    kept = [np.array(frame) for frame in video.frames(indices)]
    if not kept:
        raise CorruptData(f"{name}: none of the frames asked for could be decoded")
    return np.stack(kept)


def _sound(
    source: Path | bytes, video: Source, name: str, choice: Choice, seconds: Fraction
) -> Audio | None:
    if isinstance(video, Animation | Stack) or not video.info.has_audio:
        return None
    if not importlib.util.find_spec("av"):
        video.notes.append("the sound was left out: it needs PyAV (interleaf-media[audio])")
        return None
    whole = sound_beside(source, name, getattr(video, "began", Fraction(0)))
    if whole is None:
        return None
    begin = round(choice.start * whole.rate)
    return Audio(whole.samples[begin : begin + round(seconds * whole.rate)], whole.rate)
