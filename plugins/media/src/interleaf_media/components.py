"""Pictures as a Dataset and a Renderer, fidelity as an Evaluator."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib.resources import files as package_files
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset, Evaluator, Measure, Model, Renderer, Report
from interleaf.values import Artifact, Image
from interleaf_media.comparing import Given, feed, report, streams
from interleaf_media.compressing import compress, expand
from interleaf_media.config import (
    CompressConfig,
    FidelityConfig,
    ImagesConfig,
    PngConfig,
    SampleConfig,
)
from interleaf_media.naming import named, natural
from interleaf_media.reading import MAX_PIXELS, read_image
from interleaf_media.writing import encode_png

SUFFIXES = frozenset(  # what a folder's pattern "*" takes
    (".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".avif", ".jp2")
) | {".ppm", ".pgm", ".pbm", ".pnm", ".tga"}


class Pictures(Dataset):
    """Picture files, read one at a time; subclasses say which."""

    max_pixels = MAX_PIXELS

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """The files by id."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Image]:
        return (read_image(file, self.max_pixels) for file in self.files.values())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Image:
        return read_image(list(self.files.values())[index], self.max_pixels)

    def ids(self) -> Iterator[str]:
        """File names without their suffix, relative to the root."""
        return iter(self.files)

    def fingerprint(self) -> str:
        """BLAKE2b of ids and file contents."""
        digest = hashlib.blake2b(digest_size=16)
        for name, file in self.files.items():
            content = hashlib.blake2b(file.read_bytes(), digest_size=16).digest()
            digest.update(name.encode() + b"\0" + content)
        return digest.hexdigest()


class Images(Pictures):
    """A picture file, or the pictures of a folder in natural order."""

    Config = ImagesConfig

    def __init__(self, config: ImagesConfig) -> None:
        super().__init__(config)
        self.max_pixels = config.max_pixels

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """The files by id; raises InvalidInput when there are none."""
        root = Path(self.config.root)
        if not root.exists():
            raise InvalidInput(
                f"{root}: no such file or folder",
                hint="root names a picture or a folder of pictures",
            )
        if root.is_file():
            return {root.stem: root}
        found = sorted(
            (f for f in root.glob(self.config.pattern) if self._wanted(f.relative_to(root), f)),
            key=lambda f: natural(f.relative_to(root).as_posix()),
        )
        if not found:
            raise InvalidInput(
                f"{root}: no pictures match '{self.config.pattern}'",
                hint="pattern chooses files of the folder, '**/*.png' looks in its folders too",
            )
        return named(root, found)

    def _wanted(self, name: Path, file: Path) -> bool:
        hidden = any(part.startswith(".") for part in name.parts)
        known = self.config.pattern != "*" or file.suffix.lower() in SUFFIXES
        return file.is_file() and known and not hidden

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = package_files("skimage") / "data"
        return {
            "configs": [ImagesConfig(root=str(folder / name)) for name in ("cell.png", "color.png")]
        }


class Sample(Pictures):
    """Photographs inside the scikit-image package; see its ``data/README.txt`` for their origin."""

    Config = SampleConfig
    NAMES = ("astronaut", "camera", "chelsea", "coffee", "rocket")

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """The files by name."""
        folder = Path(str(package_files("skimage"))) / "data"
        chosen = self.NAMES if self.config.name == "all" else (self.config.name,)
        return {name: next(folder.glob(f"{name}.*")) for name in chosen}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [SampleConfig(name="chelsea"), SampleConfig(name="camera")]}


class Png(Renderer):
    """A picture as a PNG file."""

    Config = PngConfig
    media_type = "image/png"

    def render(self, image: Image) -> Artifact:
        """``image`` as PNG; floats are clipped to 0..1 and rounded to 8 bits."""
        return Artifact(encode_png(image, self.config.level), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        shapes = [(7, 5, 3), (1, 1, 1), (2, 3, 4)]
        pictures = [_example(shape, kind) for shape in shapes for kind in (np.uint8, np.uint16)]
        calls = {"render": [{"image": picture} for picture in pictures]}
        return {"configs": [PngConfig(), PngConfig(level=0)], "calls": calls}


class Compress(Model):
    """Pictures in the formats that everyone has."""

    Config = CompressConfig

    def encode(self, image: Image) -> Artifact:
        """The file of an 8-bit picture."""
        c = self.config
        return Artifact(compress(image, c.codec, c.quality, c.ratio), f"image/{c.codec}")

    def decode(self, code: Artifact) -> Image:
        """The picture of a file."""
        return expand(code.data)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        picture = _example((24, 31, 3), np.uint8)
        kinds = ("jpeg", "webp", "jpeg2000")
        configs = [CompressConfig(codec=c, quality=50) for c in kinds]  # type: ignore[arg-type]
        code = Artifact(compress(picture, "jpeg", 50), "image/jpeg")
        return {
            "configs": configs,
            "calls": {"encode": [{"image": picture}], "decode": [{"code": code}]},
        }


class Fidelity(Evaluator):
    """Measures of a picture against its original, after rounding to 8 bits (16-bit pairs stay 16-bit)."""

    Config = FidelityConfig

    def evaluate(self, subject: Image, reference: Image) -> Report:
        """Compare two pictures of one size; raises InvalidInput when the sizes differ, WeightsMissing
        for measures without their weights, ProblemsFound (E204) for a measure whose package is absent."""
        c = self.config
        given = Given(
            net=c.net, path=c.file or "", clip=c.clip or "", prompt=c.prompt, niqe=c.niqe or "",
            brisque=c.brisque or "", random=c.random,
        )  # fmt: skip
        running = streams(c.measures, given)
        feed(running, [(subject.pixels, reference.pixels)], repeat(None))
        found = report(running).measures
        return Report(tuple(replace(m, reason=_single(m)) for m in found))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        big, small = (_example(shape, np.uint8) for shape in ((176, 165, 3), (5, 6, 1)))
        pairs = [{"subject": Image(255 - p.pixels), "reference": p} for p in (big, small)]
        return {"configs": [FidelityConfig()], "calls": {"evaluate": pairs}}


def _single(m: Measure) -> str:
    return "the pictures are equal" if m.value is not None and math.isinf(m.value) else m.reason


def _example(shape: tuple[int, ...], kind: type) -> Image:
    """A smooth picture with some noise, always the same."""
    rng, ramp = np.random.default_rng(0), np.linspace(0.2, 0.7, shape[0])[:, None, None]
    samples = ramp + rng.uniform(0, 0.2, shape)
    return Image((samples * np.iinfo(kind).max).astype(kind))
