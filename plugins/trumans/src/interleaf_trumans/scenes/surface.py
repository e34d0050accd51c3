"""Triangles or points in a file, as they are written there: .obj, .ply, .glb, .gltf, .stl, .off, .npz."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MESHES = (".obj", ".ply", ".glb", ".gltf", ".stl", ".off")
SUFFIXES = (*MESHES, ".npz", ".npy")
MOST = 20_000_000  # triangles or points
GREY = 0.78


class BadScene(Exception):
    """What cannot be walked in, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """``vertices`` [V, 3] in the file's unit and axes; ``faces`` [F, 3], none for points; ``colors`` [V, 3]
    from 0 to 1; ``up``: the axis that the format fixes, else ""."""

    vertices: Array
    faces: Array
    colors: Array
    up: str = ""


def read_surface(file: Path) -> Surface:
    """All triangles of a file in one surface; BadScene says what is wrong with it."""
    if not file.is_file():
        raise BadScene(f"{file}: no such file", f"expected one of {', '.join(SUFFIXES)}")
    if file.suffix.lower() not in SUFFIXES:
        raise BadScene(
            f"{file}: no scene has the suffix '{file.suffix}'", f"one of {', '.join(SUFFIXES)}"
        )
    surface = _arrays(file) if file.suffix.lower() in (".npz", ".npy") else _mesh(file)
    return checked(surface, file.name)


def checked(surface: Surface, name: str) -> Surface:
    """The surface, when its numbers can be meant."""
    v, f = surface.vertices, surface.faces
    if len(v) < 4 or max(len(v), len(f)) > MOST:
        raise BadScene(
            f"{name}: {len(v)} vertices and {len(f)} triangles", f"a scene has 4 to {MOST} of them"
        )
    bad = np.flatnonzero(~np.isfinite(v).all(1))
    if len(bad):
        raise BadScene(
            f"{name}: {len(bad)} of {len(v)} vertices are not finite numbers, the first is number {bad[0]}",
            "clean the mesh: no coordinate may be NaN or infinite",
        )
    if len(f) and (f.min() < 0 or f.max() >= len(v)):
        raise BadScene(
            f"{name}: a triangle names vertex {f.max()}, there are {len(v)}", "write it anew"
        )
    return surface


def _mesh(file: Path) -> Surface:
    import trimesh

    try:
        loaded: Any = trimesh.load(file, process=False)
        parts = [
            _one(g) for g in (loaded.dump() if isinstance(loaded, trimesh.Scene) else [loaded])
        ]
    except BadScene:
        raise
    except Exception as error:  # the readers of trimesh raise whatever their formats lead them to
        raise BadScene(f"{file}: cannot be read ({type(error).__name__}: {error})",
                       "is it complete, and what its suffix says?") from None  # fmt: skip
    if not parts:
        raise BadScene(
            f"{file}: holds no triangles and no points", "export the mesh, not its names"
        )
    starts = np.cumsum([0, *(len(p[0]) for p in parts[:-1])])
    faces = [p[1] + s for p, s in zip(parts, starts, strict=True)]
    up = "y" if file.suffix.lower() in (".glb", ".gltf") else ""
    return Surface(
        np.concatenate([p[0] for p in parts]), np.concatenate(faces).astype(np.int32),
        np.concatenate([p[2] for p in parts]), up,
    )  # fmt: skip


def _one(loaded: Any) -> tuple[Array, Array, Array]:
    """Vertices, triangles and colours of one of trimesh's geometries."""
    vertices = np.asarray(loaded.vertices, np.float64)
    faces = np.asarray(getattr(loaded, "faces", np.zeros((0, 3))), np.int64).reshape(-1, 3)
    return vertices, faces, _colors(loaded, len(vertices))


def _colors(loaded: Any, count: int) -> Array:
    plain = np.full((count, 3), GREY)
    try:
        if hasattr(loaded, "colors"):
            found = np.asarray(loaded.colors)
        elif loaded.visual.kind is None:
            return plain
        else:
            visual = loaded.visual
            visual = visual.to_color() if hasattr(visual, "to_color") else visual
            found = np.asarray(visual.vertex_colors)
    except Exception:  # a texture that cannot be read: the shape is what matters
        return plain
    return found[:, :3] / 255.0 if found.shape[:1] == (count,) else plain


def _arrays(file: Path) -> Surface:
    """``vertices`` with ``faces``, or ``points``, of an .npz; an .npy of points [N, 3] or a boolean
    grid as in the authors' release, [x, y, z] with 2 cm cells about the origin (x ± 3, z ± 4)."""
    try:
        held = np.load(file, allow_pickle=False)
        found = dict(held) if isinstance(held, np.lib.npyio.NpzFile) else {"points": held}
    except (OSError, ValueError, EOFError) as error:
        raise BadScene(
            f"{file}: cannot be read ({error})", "arrays without objects in them"
        ) from None
    points = found.get("vertices", found.get("points"))
    if points is not None and points.ndim == 3 and points.dtype == bool:
        return _cubes(points)
    if points is None or points.ndim != 2 or points.shape[1] != 3:
        raise BadScene(
            f"{file}: holds {', '.join(found)}",
            "vertices [V, 3] and faces [F, 3], or points [N, 3]",
        )
    faces = found.get("faces", np.zeros((0, 3)))
    colors = found.get("colors", np.full((len(points), 3), GREY))
    return Surface(
        points.astype(np.float64), faces.astype(np.int32), np.asarray(colors, np.float64)
    )


def _cubes(grid: Array) -> Surface:
    """The occupied cells' middles of a grid of the release."""
    half = np.array([grid.shape[0] * 0.01, 0.0, grid.shape[2] * 0.01])
    points = (np.argwhere(grid) + 0.5) * 0.02 - half
    colors = np.full((len(points), 3), GREY)
    return Surface(points, np.zeros((0, 3), np.int32), colors, "y")
