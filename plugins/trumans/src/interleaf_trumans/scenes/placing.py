"""Up, scale and floor of a surface: guessed where nobody says them, and told.

Inside, y is up, lengths are metres, and the floor is y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interleaf_trumans.scenes.surface import Array, BadScene, Surface

FLAT = 0.9  # cosine from which a triangle counts as level
LOW, TALL = 1.8, 6.0  # metres from a room's floor to its top
STEP = 0.05  # of the histograms of heights
ROTATIONS = {  # rows: our x, y, z in the file's axes
    "y": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "x": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "-y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "-z": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
}


@dataclass(frozen=True, slots=True)
class Placement:
    """How a file became a scene: ``up`` of the file, ``scale`` to metres, ``floor`` in metres of the file;
    ``guessed`` names what nobody said."""

    up: str
    scale: float
    floor: float
    guessed: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"up {self.up}, scale {self.scale:g}, floor at {self.floor:.2f} m"
        return told + (f" (guessed: {', '.join(self.guessed)})" if self.guessed else "")


def placed(
    surface: Surface, *, up: str = "auto", scale: float = 0.0, floor: float | None = None,
    name: str = "the scene",
) -> tuple[Surface, Placement]:  # fmt: skip
    """The surface with y up, in metres, its floor at y = 0. ``up``: auto, x, y, z, -y, -z; ``scale`` 0 and
    ``floor`` None are found. BadScene where there is no floor, or two."""
    guessed = []
    if up == "auto":
        up = surface.up or _up(surface, name)
        guessed += [] if surface.up else ["up"]
    if up not in ROTATIONS:
        raise BadScene(f"no axis '{up}'", f"one of auto, {', '.join(ROTATIONS)}")
    turned = surface.vertices @ np.array(ROTATIONS[up], float).T
    if scale == 0.0:
        scale = _scale(turned, name)
        guessed += ["scale"] if scale != 1.0 else []
    if not (np.isfinite(scale) and scale > 0):
        raise BadScene(f"a scale of {scale}", "a positive number of metres per unit")
    moved = replace(surface, vertices=turned * scale, up="y")
    levels = heights(moved)
    found = _floor(levels, moved, name) if floor is None else floor
    if floor is None:
        _one_floor(levels, found, moved, name)
    else:
        moved = _storey(moved, found)
    out = replace(moved, vertices=moved.vertices - [0.0, found, 0.0])
    return out, Placement(up, scale, found, tuple(guessed))


def level_area(surface: Surface, axis: int) -> tuple[Array, Array]:
    """For each triangle its mean height along an axis and its area where it is level, else 0; points count
    the same each."""
    if not len(surface.faces):
        return surface.vertices[:, axis], np.ones(len(surface.vertices))
    corners = surface.vertices[surface.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(cross, axis=1)
    level = np.abs(cross[:, axis]) > FLAT * np.maximum(double, 1e-300)
    return corners[:, :, axis].mean(1), np.where(level, double / 2, 0.0)


def _up(surface: Surface, name: str) -> str:
    """The axis whose lowest tenth holds most level area."""
    found = {}
    for axis, letter in enumerate("xyz"):
        height, area = level_area(surface, axis)
        low, high = surface.vertices[:, axis].min(), surface.vertices[:, axis].max()
        found[letter] = float(area[height <= low + 0.1 * (high - low) + 1e-9].sum())
    best = max(found, key=lambda k: found[k])
    if found[best] <= 0:
        raise BadScene(
            f"{name}: no level surface near any side", "say which axis is up: --up y or --up z"
        )
    return best


def _scale(vertices: Array, name: str) -> float:
    tall = float(np.ptp(vertices[:, 1]))
    for scale in (1.0,) if tall <= 20 else (1.0, 0.01, 0.001):
        if LOW <= tall * scale <= TALL:
            return scale
    raise BadScene(
        f"{name}: {tall:.3g} units from bottom to top are no room in metres, centimetres or millimetres",
        f"a room is {LOW} to {TALL} m high; say --scale (metres per unit), or --up if it lies on its side",
    )


def heights(surface: Surface) -> tuple[Array, Array]:
    """Heights and the level area in each step of ``STEP`` from there on."""
    height, area = level_area(surface, 1)
    first = np.floor(height.min() / STEP)
    bins = (np.floor(height / STEP + 1e-6) - first).astype(int)
    sums = np.bincount(np.maximum(bins, 0), weights=area)
    return (np.arange(len(sums)) + first) * STEP, sums


def _floor(levels: tuple[Array, Array], surface: Surface, name: str) -> float:
    """The strongest level within the lowest half metre; the median height of what lies there."""
    at, sums = levels
    low = at <= at[0] + 0.5
    best = int(np.argmax(np.where(low, sums, -1)))
    ground = np.prod(np.ptp(surface.vertices[:, [0, 2]], axis=0))
    if len(surface.faces) and sums[max(best - 1, 0) : best + 2].sum() < max(0.5, 0.15 * ground):
        raise BadScene(
            f"{name}: no floor: {sums[best]:.1f} m² are level in its lowest half metre, of {ground:.0f} m²",
            "a scene needs its floor; is another axis up (--up), or the floor elsewhere (--floor)?",
        )
    height, area = level_area(surface, 1)
    near = (np.abs(height - at[best] - STEP / 2) <= STEP) & (area > 0)
    return float(np.average(height[near], weights=area[near]))


def _one_floor(levels: tuple[Array, Array], floor: float, surface: Surface, name: str) -> None:
    """A second level as large as the floor, with room for a person above it, is a second floor."""
    at, sums = levels
    if not len(surface.faces):
        return
    top = float(surface.vertices[:, 1].max())
    main = sums[np.abs(at - floor) <= 2 * STEP].sum()
    others = (at > floor + 1.2) & (at < top - LOW) & (sums > 0.4 * main)
    if others.any():
        height, area = level_area(surface, 1)
        first = float(at[others][-1])
        near = (np.abs(height - first - STEP / 2) <= STEP) & (area > 0)
        second = float(np.average(height[near], weights=area[near]))
        raise BadScene(
            f"{name}: two floors, at {floor:.2f} m and {second:.2f} m; stairs are not walked",
            f"choose one: --floor {floor:.2f} or --floor {second:.2f}",
        )


def _storey(surface: Surface, floor: float) -> Surface:
    """What belongs to the storey on a floor: triangles that reach into its 2.2 m."""
    if not len(surface.faces):
        return surface
    y = surface.vertices[surface.faces, 1]
    keep = (y.max(1) > floor - 0.1) & (y.min(1) < floor + 2.2)
    if not keep.any():
        raise BadScene(f"nothing stands at a floor of {floor} m", "heights are metres of the file")
    return replace(surface, faces=surface.faces[keep])
