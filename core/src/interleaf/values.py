"""What flows between components: plain dataclasses over numpy arrays.

Layouts are fixed in ``spec/kinds.toml``. Nothing here imports numpy; arrays are checked when a
value is made, through the array's own ``shape`` and ``dtype``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from interleaf.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def _expect(condition: bool, what: str) -> None:
    if not condition:
        raise InvalidInput(what)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A still picture. ``pixels`` is H×W×C, C in 1..4 (grey, grey+alpha, RGB, RGBA), sRGB,
    uint8, uint16 or float32 in 0..1. ``icc`` is an ICC profile's bytes, empty for sRGB."""

    pixels: Array
    icc: bytes = b""

    def __post_init__(self) -> None:
        p = self.pixels
        _expect(
            p.ndim == 3 and 1 <= p.shape[2] <= 4,
            f"an image is H×W×C with 1 to 4 channels, got shape {tuple(p.shape)}",
        )
        _expect(
            str(p.dtype) in ("uint8", "uint16", "float32"),
            f"image samples are uint8, uint16 or float32, got {p.dtype}",
        )


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A moving picture without sound. ``pixels`` is T×H×W×C as in :class:`Image`; ``fps`` exact."""

    pixels: Array
    fps: Fraction

    def __post_init__(self) -> None:
        _expect(self.pixels.ndim == 4, f"frames are T×H×W×C, got shape {tuple(self.pixels.shape)}")
        _expect(self.fps > 0, f"frames per second must be positive, got {self.fps}")

    def __iter__(self) -> Iterator[Image]:
        return (Image(p) for p in self.pixels)

    def __len__(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Sound. ``samples`` is T×channels float32 in −1..1 at ``rate`` Hz."""

    samples: Array
    rate: int

    def __post_init__(self) -> None:
        _expect(
            self.samples.ndim == 2, f"audio is T×channels, got shape {tuple(self.samples.shape)}"
        )
        _expect(self.rate > 0, f"sample rate must be positive, got {self.rate}")


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames with their sound; both start at time 0."""

    frames: Frames
    audio: Audio | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Token ids, one-dimensional unsigned integers, and the identity of their tokenizer."""

    ids: Array
    tokenizer: str = ""

    def __post_init__(self) -> None:
        _expect(
            self.ids.ndim == 1, f"token ids are one-dimensional, got shape {tuple(self.ids.shape)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A moving skeleton: y-up, metres, ``fps`` poses a second.

    ``root`` T×3 positions; ``rotations`` T×J×4 local unit quaternions (w, x, y, z); ``joints`` J
    names; ``parents`` J indices, −1 for the root; ``offsets`` J×3 rest offsets from the parent.
    """

    root: Array
    rotations: Array
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    fps: float

    def __post_init__(self) -> None:
        t, j = self.root.shape[0], len(self.joints)
        _expect(
            self.rotations.shape == (t, j, 4),
            f"rotations are T×J×4 = {(t, j, 4)}, got {tuple(self.rotations.shape)}",
        )
        _expect(len(self.parents) == j, f"{j} joints need {j} parents, got {len(self.parents)}")
        _expect(self.offsets.shape == (j, 3), f"offsets are J×3, got {tuple(self.offsets.shape)}")


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles: ``vertices`` V×3 metres y-up, ``faces`` F×3 indices; optional per-vertex colours 0..1."""

    vertices: Array
    faces: Array
    colors: Array | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of equal length; a missing cell is ``None``."""

    columns: Mapping[str, Sequence[Any]]
    caption: str = ""

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        _expect(
            len(set(lengths.values())) <= 1,
            f"columns of a table have one length, got {lengths}",
        )

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The same cells row by row."""
        names = list(self.columns)
        return [
            dict(zip(names, row, strict=True)) for row in zip(*self.columns.values(), strict=True)
        ]

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]], caption: str = "") -> Table:
        """A table with the union of the rows' keys, in order of appearance."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        return cls({name: [row.get(name) for row in rows] for name in names}, caption)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file's bytes and their media type, as a Renderer makes them."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Item:
    """One value gathered by a ``*`` port, with where it came from.

    ``coords`` are its fan-out coordinates (and ``item`` for a dataset's id); ``label`` reads
    ``step[points=500]``.
    """

    value: Any
    step: str
    port: str = ""
    coords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``step`` or ``step[axis=value,…]``."""
        return self.step + coords_suffix(self.coords)


def coords_suffix(coords: Mapping[str, Any]) -> str:
    """``[points=500,seed=1]`` in sorted order of axis, or ``""`` when there are none."""
    if not coords:
        return ""
    return "[" + ",".join(f"{k}={coords[k]}" for k in sorted(coords)) + "]"
