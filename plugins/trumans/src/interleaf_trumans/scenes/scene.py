"""A scene: its surface, and the cells that it fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interleaf_trumans.scenes import voxels
from interleaf_trumans.scenes.distances import Distances
from interleaf_trumans.scenes.placing import Placement, placed
from interleaf_trumans.scenes.surface import Array, BadScene, Surface, read_surface
from interleaf_trumans.scenes.thing_arrays import arrays_of, things_in
from interleaf_trumans.scenes.things import Thing, filled

VOXEL = 0.04
LOW = 0.15  # metres: what is lower is stepped over, and is no obstacle
HEAD = 1.8


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """y-up, metres, floor at 0. ``vertices`` [V, 3], ``faces`` [F, 3] and ``colors`` [V, 3] are drawn;
    ``cells`` uint8 [X, Z, Y] are walked around, the first one's low corner at ``origin`` [3]; ``placement``
    tells how the file was understood. ``things`` move about in it and are in none of its cells."""

    name: str
    vertices: Array
    faces: Array
    colors: Array
    cells: Array
    origin: Array
    voxel: float
    placement: str = ""
    things: tuple[Thing, ...] = ()

    def during(self, frames: Sequence[int]) -> Scene:
        """The scene with its things standing still in it, wherever they are in any of these frames."""
        if not self.things:
            return self
        cells = filled(self.cells, self.origin, self.voxel, self.things, frames)
        return replace(self, cells=cells, things=())

    def obstacles(self) -> Array:
        """The cells that a body must not be in: all above what is stepped over."""
        layers = self.origin[1] + (np.arange(self.cells.shape[2]) + 0.5) * self.voxel
        return np.where(layers >= LOW, self.cells, 0).astype(np.uint8)

    def distances(self) -> Distances:
        """Signed distances to the obstacles up to 2.2 m."""
        top = int((2.2 - self.origin[1]) / self.voxel) + 1
        return Distances.of(
            np.ascontiguousarray(self.obstacles()[:, :, :top]), self.origin, self.voxel
        )


def scene_of(
    surface: Surface, *, name: str = "scene", up: str = "auto", scale: float = 0.0,
    floor: float | None = None, voxel: float = VOXEL,
) -> tuple[Scene, Placement]:  # fmt: skip
    """A surface as a scene; BadScene where it is none."""
    moved, placement = placed(surface, up=up, scale=scale, floor=floor, name=name)
    used = moved.vertices[np.unique(moved.faces)] if len(moved.faces) else moved.vertices
    origin, shape, size = voxels.extent(used, voxel)
    cells = voxels.voxelised(moved.vertices, moved.faces, origin, shape, size)
    cells = voxels.solid(cells, size)
    told = str(placement) + (f"; cells of {size:.3f} m, coarser than asked" if size > voxel else "")
    scene = Scene(
        name, moved.vertices.astype(np.float32), moved.faces.astype(np.int32),
        moved.colors.astype(np.float32), cells, origin, size, told,
    )  # fmt: skip
    return scene, placement


def read_scene(
    file: Path,
    *,
    up: str = "auto",
    scale: float = 0.0,
    floor: float | None = None,
    voxel: float = VOXEL,
) -> Scene:
    """The scene in a file; a scene that `save_scene` wrote comes back as it was."""
    if file.suffix.lower() == ".npz" and (kept := _kept(file)) is not None:
        return kept
    return scene_of(
        read_surface(file), name=file.stem, up=up, scale=scale, floor=floor, voxel=voxel
    )[0]


FIELDS = ("vertices", "faces", "colors", "cells", "origin", "voxel", "name", "placement")


def scene_bytes(scene: Scene) -> bytes:
    """The file of a scene: .npz."""
    import io

    out = io.BytesIO()
    held: dict[str, Any] = {name: getattr(scene, name) for name in FIELDS}
    held |= arrays_of(scene.things) if scene.things else {}
    np.savez_compressed(out, **held)
    return out.getvalue()


def _kept(file: Path) -> Scene | None:
    try:
        with np.load(file, allow_pickle=False) as held:
            if set(FIELDS) > set(held.files):
                return None
            found = {name: held[name] for name in FIELDS}
            things = things_in(held)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise BadScene(f"{file}: cannot be read ({error})", "a scene that `scene` wrote") from None
    if (
        found["cells"].ndim != 3
        or not np.isfinite(found["vertices"]).all()
        or not found["voxel"] > 0
    ):
        raise BadScene(f"{file}: its cells or vertices make no scene", "write it anew with `scene`")
    return Scene(
        str(found["name"]), found["vertices"], found["faces"], found["colors"],
        found["cells"].astype(np.uint8), found["origin"], float(found["voxel"]), str(found["placement"]),
        things,
    )  # fmt: skip
