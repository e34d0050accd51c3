"""Moving pictures without a video library: GIF, APNG and WebP through Pillow, folders, .npz."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from interleaf.errors import CorruptData, InvalidInput
from interleaf_media.naming import natural
from interleaf_media.reading import read_image
from interleaf_media.videoinfo import Pixels, VideoInfo, timing

Where = Path | bytes
ANIMATED = frozenset((".gif", ".apng", ".png", ".webp"))
STEADY = Fraction(25)  # of a folder of pictures, which tells no rate


class Animation:
    """The frames of a GIF, APNG or WebP; transparent pixels are shown on black."""

    def __init__(self, source: Where, name: str, size: tuple[int, int] | None, bits: int) -> None:
        self.source, self.name, self.size, self.notes = source, name, size, list[str]()
        with self._open() as picture:
            lasts, alpha = [], False
            for frame in _each(picture, name):
                lasts.append(Fraction(int(frame.info.get("duration", 0) or 0), 1000))
                alpha |= frame.has_transparency_data
            width, height = picture.size
            codec = str(picture.format).lower()
        times = [sum(lasts[:i], Fraction(0)) for i in range(len(lasts))]
        clock = timing(times, lasts[-1]) if sum(lasts) else timing(times, Fraction(0), STEADY)
        if alpha:
            self.notes.append("alpha was dropped")
        if clock.variable:
            self.notes.append("the frame rate is variable; times are kept, one mean rate is told")
        self.times: Sequence[Fraction] = clock.times if sum(lasts) else _steady(len(lasts), STEADY)
        self.info = VideoInfo(
            width=width, height=height, fps=clock.fps, n_frames=len(lasts), codec=codec,
            duration=sum(lasts, Fraction(0)) or len(lasts) / STEADY, has_alpha=alpha,
            variable=clock.variable and bool(sum(lasts)),
        )  # fmt: skip

    def _open(self) -> Pillow.Image:
        if isinstance(self.source, Path) and not self.source.is_file():
            raise InvalidInput(f"{self.name}: no such file", hint="give the path of an animation")
        try:
            data = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source
            return Pillow.open(data)
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise CorruptData(f"{self.name}: is no GIF, APNG or WebP that can be read") from error

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The frames [H, W, 3] at rising indices; repeats are allowed."""
        place = 0
        with self._open() as picture:
            for number, frame in enumerate(_each(picture, self.name)):
                if place < len(indices) and indices[place] == number:
                    pixels = _rgb(frame, self.size)
                    while place < len(indices) and indices[place] == number:
                        yield pixels
                        place += 1


def _rgb(frame: Pillow.Image, size: tuple[int, int] | None) -> Pixels:
    rgba = frame.convert("RGBA")
    whole = Pillow.new("RGBA", rgba.size, (0, 0, 0, 255))
    rgb = Pillow.alpha_composite(whole, rgba).convert("RGB")
    return np.asarray(rgb.resize(size, Pillow.Resampling.BICUBIC) if size else rgb)


def _each(picture: Pillow.Image, name: str) -> Iterator[Pillow.Image]:
    try:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
            yield picture
    except (EOFError, OSError, SyntaxError, ValueError) as error:
        raise CorruptData(f"{name}: the animation is damaged ({error})") from error


class Stack:
    """Frames that are pictures of a folder, or the arrays ``frames`` and ``fps`` of an ``.npz``."""

    def __init__(self, source: Path, name: str, size: tuple[int, int] | None, bits: int) -> None:
        self.name, self.size, self.notes = name, size, list[str]()
        self.files: list[Path] = []
        self.stack: Pixels | None = None
        fps = STEADY
        if source.is_dir():
            self.files = sorted(
                (
                    f
                    for f in source.iterdir()
                    if f.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")
                ),
                key=lambda f: natural(f.name),
            )
            if not self.files:
                raise InvalidInput(f"{name}: the folder holds no PNG, JPEG or WebP pictures")
            count, first = len(self.files), self._file(0)
        else:
            self.stack, fps = _npz(source, name)
            count, first = len(self.stack), self.stack[0]
        self.times: Sequence[Fraction] = _steady(count, fps)
        self.info = VideoInfo(
            width=first.shape[1], height=first.shape[0], fps=fps, n_frames=count,
            duration=count / fps, codec="npz" if self.stack is not None else "pictures",
        )  # fmt: skip

    def _file(self, index: int) -> Pixels:
        return _three(read_image(self.files[index]).pixels)

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The frames [H, W, 3] at these indices."""
        for index in indices:
            pixels = self._file(index) if self.stack is None else _three(self.stack[index])
            if pixels.shape[:2] != (self.info.height, self.info.width):
                raise InvalidInput(f"{self.name}: picture {index} has another size than the first")
            yield _rgb(Pillow.fromarray(pixels), self.size) if self.size else pixels


def _three(pixels: Pixels) -> Pixels:
    color = pixels[..., :3] if pixels.shape[-1] > 2 else np.repeat(pixels[..., :1], 3, axis=-1)
    return np.ascontiguousarray(color)


def _npz(source: Path, name: str) -> tuple[Pixels, Fraction]:
    try:
        with np.load(source, allow_pickle=False) as arrays:
            stack, fps = arrays["frames"], Fraction(str(arrays["fps"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CorruptData(f"{name}: expected the arrays 'frames' and 'fps' ({error})") from error
    if stack.ndim != 4 or not len(stack) or stack.dtype not in (np.uint8, np.uint16) or fps <= 0:
        raise CorruptData(f"{name}: expected frames [T, H, W, C] of 8 or 16 bits, at least one")
    return stack, fps


def _steady(count: int, fps: Fraction) -> list[Fraction]:
    return [i / fps for i in range(count)]
