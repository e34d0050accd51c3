"""Files on the command line: what they are, and their frames two at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from interleaf.errors import InvalidInput, ProblemsFound
from interleaf_media.clips import VIDEOS
from interleaf_media.components import SUFFIXES
from interleaf_media.composites import Eight, contact_sheet, eight
from interleaf_media.fidelity import Samples
from interleaf_media.reading import read_image
from interleaf_media.videoinfo import Pixels, Source
from interleaf_media.videos import Choice, choose, open_video

AHEAD = 3  # frames decoded before they are asked for
ANIMATED = frozenset((".gif", ".webp", ".png", ".apng"))


def one_picture(file: Path) -> bool:
    """Whether a file is a still picture."""
    suffix = file.suffix.lower()
    if not file.is_file() or suffix not in SUFFIXES:
        return False
    if suffix not in ANIMATED:
        return True
    try:
        with Pillow.open(file) as picture:
            return getattr(picture, "n_frames", 1) == 1
    except Exception:  # whatever is wrong with it, reading it will tell
        return True


def moving(file: Path) -> bool:
    """Whether a file is a video that ffmpeg reads as we do."""
    return file.is_file() and file.suffix.lower() in VIDEOS - ANIMATED - {".npz"}


def aligned(pred: Path, ref: Path, align: str) -> tuple[Iterator[Pixels], Iterator[Pixels], int]:
    """Frames of two clips and how many pairs there are; InvalidInput where they do not fit together."""
    (left, ours), (right, theirs) = _opened(pred), _opened(ref)
    sizes = [(s.info.width, s.info.height) for s in (left, right)]
    if sizes[0] != sizes[1]:
        raise InvalidInput(
            f"{pred} is {sizes[0][0]}×{sizes[0][1]}, {ref} {sizes[1][0]}×{sizes[1][1]}",
            hint="compare clips of one size; resizing one would change what is measured",
        )
    alike = abs(float(ours[1] / theirs[1]) - 1) <= 0.01
    if align == "strict" and (len(ours[0]) != len(theirs[0]) or not alike):
        raise InvalidInput(
            f"{pred} has {len(ours[0])} frames at {float(ours[1]):g} a second, {ref} {len(theirs[0])} at "
            f"{float(theirs[1]):g}",
            hint="--align index pairs frame by number, up to the shorter",
        )
    count = min(len(ours[0]), len(theirs[0]))
    return left.frames(ours[0][:count]), right.frames(theirs[0][:count]), count


def _opened(file: Path) -> tuple[Source, tuple[list[int], Fraction]]:
    source = open_video(file)
    return source, choose(source, Choice())


def prefetched(frames: Iterator[Any]) -> Generator[Any, None, None]:
    """The same frames, decoded in a thread of their own, a few ahead."""
    waiting: queue.Queue[Any] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for frame in frames:
                if not put((frame, None)):
                    return
            put((None, None))
        except BaseException as error:
            put((None, error))
        finally:
            if isinstance(frames, Generator):
                frames.close()  # which ends the program that it may read from

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            frame, error = waiting.get()
            if error is not None:
                raise error
            if frame is None:
                return
            yield frame
    finally:
        stop.set()
        worker.join(5.0)


def mask_frames(file: Path, count: int) -> Iterator[Any]:
    """Masks [H, W] for ``count`` frames, from a picture (one for all) or a video."""
    if one_picture(file):
        mask = eight(read_image(file).pixels)[..., 0] > 127
        return iter([mask] * count)
    source = open_video(file)
    if source.info.n_frames != count:
        raise InvalidInput(f"{file} has {source.info.n_frames} masks for {count} frames")
    return (f[..., 0] > 127 for f in source.frames(range(count)))


def facts(file: Path) -> dict[str, Any]:
    """What there is to know of a file, and what reading it loses."""
    if one_picture(file):
        pixels: Samples = read_image(file).pixels
        height, width, channels = pixels.shape
        return {"kind": "picture", "width": width, "height": height, "channels": channels,
                "samples": str(pixels.dtype)}  # fmt: skip
    try:
        source = open_video(file)
    except InvalidInput as error:
        if "no moving picture" not in str(error):
            raise
        return {"kind": "sound", **_sound(file)}
    found = {"kind": "video", **asdict(source.info), "notes": list(source.notes)}
    if source.info.has_audio:
        found |= {f"sound {k}": v for k, v in _sound(file).items()}
    return found


def _sound(file: Path) -> dict[str, Any]:
    from interleaf_media.sounds import read_audio

    try:
        audio = read_audio(file)
    except (InvalidInput, ProblemsFound) as error:
        return {"unreadable": error.args[0]}
    level = float(np.abs(audio.samples).max(initial=0.0))
    return {"rate": audio.rate, "channels": audio.samples.shape[1],
            "seconds": round(len(audio.samples) / audio.rate, 4), "peak": round(level, 4)}  # fmt: skip


def sheet_of(clip: Path, count: int, columns: int, width: int) -> tuple[Eight, list[str]]:
    """A contact sheet; only the frames on it are decoded."""
    whole = open_video(clip).info
    height = max(1, round(whole.height * width / whole.width))
    source = open_video(clip, size=(width, height))
    places = np.unique(np.linspace(0, whole.n_frames - 1, min(count, whole.n_frames)).round())
    indices = [int(i) for i in places]
    frames = [np.asarray(f) for f in source.frames(indices)]
    times = [float(source.times[i]) for i in indices[: len(frames)]]
    return contact_sheet(
        frames, whole.fps, count=count, columns=columns, width=width, numbers=indices[: len(frames)],
        times=times,
    ), source.notes  # fmt: skip
