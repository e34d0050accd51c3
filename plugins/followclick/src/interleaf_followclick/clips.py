"""A folder of videos as windows of motion."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interleaf.errors import CorruptData, InvalidInput, did_you_mean
from interleaf.interfaces import Context, Dataset
from interleaf_followclick.canonical import Square
from interleaf_followclick.config import ClipsConfig
from interleaf_followclick.windows import Followed, Limits, Window, windows
from interleaf_media.clips import VIDEOS
from interleaf_media.videos import Choice, iter_frames, open_video

VERSION = "1"  # of what is found in a clip; older caches are made anew


class Videos(Dataset):
    """Videos of a folder, or one, by name."""

    def open(self, ctx: Context | None = None) -> Videos:
        """The dataset; how many clips are done is told while it is read."""
        self.__dict__["_ctx"] = ctx or Context()
        return self

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """The videos by name; InvalidInput when there are none."""
        root = Path(self.config.root)
        if not root.exists():
            raise InvalidInput(f"{root}: no such file or folder", hint="root names videos")
        found = [root] if root.is_file() else sorted(root.iterdir())
        known = {f.stem: f for f in found if f.suffix.lower() in VIDEOS}
        for name in (*self.config.only, *self.config.without):
            if name not in known:
                raise InvalidInput(f"{root} has no video '{name}'", hint=did_you_mean(name, known))
        chosen = {
            n: f for n, f in known.items()
            if (not self.config.only or n in self.config.only) and n not in self.config.without
        }  # fmt: skip
        if not chosen:
            raise InvalidInput(f"{root}: no videos", hint="MP4, WebM, MOV, GIF, …")
        return chosen

    @staticmethod
    def marked(file: Path, parameters: tuple[Any, ...], beside: bytes = b"") -> str:
        """A digest of a file's bytes and of what decides what is found in it."""
        told = repr((VERSION, *parameters)).encode()
        return hashlib.blake2b(told + beside + file.read_bytes(), digest_size=8).hexdigest()

    @property
    def every(self) -> Sequence[Any]:
        """What is found in all videos."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return iter(self.every)

    def __len__(self) -> int:
        return len(self.every)

    def __getitem__(self, index: int) -> Any:
        return self.every[index]

    def _mark(self, file: Path) -> str:
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Of the videos' bytes, their names and the parameters that choose windows."""
        marks = [f"{name}={self._mark(file)}" for name, file in self.files.items()]
        return hashlib.blake2b("\n".join(marks).encode(), digest_size=16).hexdigest()


class Clips(Videos):
    """Windows of motion, clip after clip, in the order of their names."""

    Config = ClipsConfig

    @cached_property
    def every(self) -> list[Window]:
        """All windows, found once."""
        monitor = (self.__dict__.get("_ctx") or Context()).monitor
        found: list[Window] = []
        for i, (name, file) in enumerate(self.files.items(), 1):
            found += self._kept(name, file)
            monitor.progress(i, len(self.files), windows=len(found))
        return found

    def _kept(self, name: str, file: Path) -> list[Window]:
        if not self.config.cache:
            return self._found(name, file)
        place = Path(self.config.cache) / f"{name}.{self._mark(file)}.npz"
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, self._found(name, file))
        return _read(place, name)

    def _mark(self, file: Path) -> str:
        c = self.config
        return self.marked(file, (c.size, c.strides, c.hop, c.area))

    def _found(self, name: str, file: Path) -> list[Window]:
        c, info = self.config, open_video(file).info
        scale = min(1.0, c.size / max(info.width, info.height))
        size = (max(16, round(info.width * scale)), max(16, round(info.height * scale)))
        clip = Followed(decoded(file, size))
        return list(windows(clip, c.strides, c.hop, Limits(area=c.area), name))

    def ids(self) -> Iterator[str]:
        """Clip, first frame, stride, and place among the things of that window."""
        seen: dict[str, int] = {}
        for w in self.every:
            name = f"{w.name}.{w.start}.{w.stride}"
            seen[name] = seen.get(name, -1) + 1
            yield f"{name}.{seen[name]}"

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        root = str(package_files("interleaf_followclick") / "examples" / "ball.gif")
        return {"configs": [ClipsConfig(root=root, strides=(1,), hop=4)]}


def decoded(file: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """All frames [T, H, W, 3] of a video at ``size`` (width, height)."""
    return np.stack([np.array(f) for f in iter_frames(open_video(file, size=size), Choice())])


def squares(file: Path, side: int) -> NDArray[np.uint8]:
    """All frames [T, side, side, 3], cut from the middle."""
    info = open_video(file).info
    scale = side / min(info.width, info.height)
    width, height = max(side, round(info.width * scale)), max(side, round(info.height * scale))
    x, y = (width - side) // 2, (height - side) // 2
    return decoded(file, (width, height))[:, y : y + side, x : x + side].copy()


def _write(place: Path, found: list[Window]) -> None:
    squares = [[w.square.x, w.square.y, w.square.side, w.square.angle] for w in found]
    part = place.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        np.savez_compressed(
            stream, picture=np.array([w.picture for w in found], np.uint8),
            mask=np.array([w.mask for w in found], np.float32),
            field=np.array([w.field for w in found], np.float32),
            square=np.array(squares, np.float64).reshape(-1, 4),
            place=np.array([[w.start, w.stride] for w in found], np.int64).reshape(-1, 2),
        )  # fmt: skip
    part.replace(place)


def _read(place: Path, name: str) -> list[Window]:
    try:
        with np.load(place, allow_pickle=False) as data:
            parts = [data[n] for n in ("picture", "mask", "field", "square", "place")]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise CorruptData(f"{place} cannot be read: {error}", hint="delete it") from None
    return [
        Window(p, m, f, Square(*map(float, s)), int(w[0]), int(w[1]), name)
        for p, m, f, s, w in zip(*parts, strict=True)
    ]
