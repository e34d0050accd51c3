"""Things in a YAML file: parts as boxes or meshes, and where they are at some seconds.

things:
  - name: door
    parts:
      - {name: leaf, box: [0.9, 2.0, 0.05], middle: [0.45, 1.0, 0], turn: y}
    keys:
      - {at: 0, place: [1.0, 0.0, 2.0], yaw: 0, leaf: 0}
      - {at: 3, leaf: 90}                       # what is not told stays; between keys it goes evenly
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interleaf_trumans.scenes.rooms import CUBE, SIDES
from interleaf_trumans.scenes.surface import Array, BadScene, read_surface
from interleaf_trumans.scenes.telling import numbers
from interleaf_trumans.scenes.things import AXES, Part, Thing

FPS = 30.0
LONGEST = 3600.0
PART = {"name", "parent", "box", "middle", "mesh", "scale", "at", "turn", "slide", "color"}


def read_things(file: Path) -> tuple[Thing, ...]:
    """The things of a file; BadScene names the one that is wrong."""
    import yaml

    try:
        told = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadScene(f"{file}: cannot be read ({error})", "a YAML file of things") from None
    return things_of(told, file.parent, str(file))


def things_of(told: Any, folder: Path, where: str = "things") -> tuple[Thing, ...]:
    """Things from plain data; meshes are looked for in ``folder``."""
    if not isinstance(told, Mapping) or not isinstance(told.get("things"), list):
        raise BadScene(
            f"{where}: no list of things", "things: [{name: door, parts: […], keys: […]}]"
        )
    return tuple(_thing(t, folder, f"{where}: things[{i}]") for i, t in enumerate(told["things"]))


def _thing(told: Any, folder: Path, where: str) -> Thing:
    if not isinstance(told, Mapping) or set(told) != {"name", "parts", "keys"}:
        raise BadScene(f"{where}: {told!r:.80}", "name, parts and keys")
    parts: list[Part] = []
    for i, part in enumerate(_list(told["parts"], f"{where}: parts")):
        parts.append(_part(part, [p.name for p in parts], folder, f"{where}: parts[{i}]"))
    place, yaw, values = _keys(_list(told["keys"], f"{where}: keys"), parts, where)
    return Thing(str(told["name"]), tuple(parts), place, yaw, values)


def _part(told: Any, known: list[str], folder: Path, where: str) -> Part:
    if not isinstance(told, Mapping) or "name" not in told or ("box" in told) == ("mesh" in told):
        raise BadScene(f"{where}: {told!r:.80}", "a name, and either box: [x, y, z] or mesh: FILE")
    if unknown := set(map(str, told)) - PART:
        raise BadScene(f"{where}: unknown key '{min(unknown)}'", ", ".join(sorted(PART)))
    name, parent = str(told["name"]), told.get("parent")
    if name in known or name in ("at", "place", "yaw"):
        raise BadScene(f"{where}: a second '{name}'", "each part has a name of its own")
    if parent is not None and parent not in known:
        raise BadScene(
            f"{where}: no part '{parent}' before it", f"parents first; {', '.join(known)}"
        )
    moves = "turn" if "turn" in told else "slide" if "slide" in told else ""
    axis = str(told.get(moves, "y"))
    if axis not in AXES or {"turn", "slide"} <= set(told):
        raise BadScene(f"{where}: {moves} {axis}", "turn: x, y or z; or slide: x, y or z")
    vertices, faces = _shape(told, folder, where)
    color = numbers(told.get("color", [0.6, 0.5, 0.4]), 3, f"{where}: color")
    return Part(
        name, -1 if parent is None else known.index(parent), vertices, faces,
        np.array(numbers(told.get("at", [0, 0, 0]), 3, f"{where}: at")), moves, axis,
        (color[0], color[1], color[2]),
    )  # fmt: skip


def _shape(told: Mapping[str, Any], folder: Path, where: str) -> tuple[Array, Array]:
    middle = np.array(numbers(told.get("middle", [0, 0, 0]), 3, f"{where}: middle"))
    if "box" in told:
        size = np.array(numbers(told["box"], 3, f"{where}: box"))
        if not (size > 0).all() or size.max() > 20:
            raise BadScene(f"{where}: a box of {size.tolist()}", "metres, above 0, to 20")
        return (CUBE - 0.5) * size + middle, SIDES.copy()
    surface = read_surface(folder / str(told["mesh"]))
    if not len(surface.faces):
        raise BadScene(f"{where}: {told['mesh']} has no triangles", "a mesh, y up")
    (scale,) = numbers([told.get("scale", 1.0)], 1, f"{where}: scale")
    return surface.vertices * scale + middle, surface.faces.astype(int)


def _keys(told: list[Any], parts: list[Part], where: str) -> tuple[Array, Array, Array]:
    """Place [T, 3], yaw [T] and values [T, P], evenly between keys; degrees become radians."""
    names = {p.name: p for p in parts if p.moves}
    rows: list[tuple[float, dict[str, Any]]] = []
    now: dict[str, Any] = {"place": (0.0, 0.0, 0.0), "yaw": 0.0, **dict.fromkeys(names, 0.0)}
    for i, key in enumerate(told):
        here = f"{where}: keys[{i}]"
        if not isinstance(key, Mapping) or "at" not in key or set(key) - {"at", *now}:
            raise BadScene(f"{here}: {key!r:.80}", f"at (seconds), {', '.join(now)}")
        (at,) = numbers([key["at"]], 1, f"{here}: at")
        if not (rows[-1][0] if rows else -1e-9) < at + 1e-9 <= LONGEST or (
            rows and at <= rows[-1][0]
        ):
            raise BadScene(f"{here}: at {at:g} s", "later than the key before, to an hour")
        for name, value in key.items():
            if name == "place":
                now[name] = numbers(value, 3, f"{here}: place")
            elif name != "at":
                (now[name],) = numbers([value], 1, f"{here}: {name}")
        rows.append((at, dict(now)))
    times = np.array([at for at, _ in rows])
    frames = np.arange(round(times[-1] * FPS) + 1) / FPS

    def between(values: list[Any]) -> Array:
        return np.asarray(np.interp(frames, times, np.array(values, float)))

    place = np.stack([between([r["place"][k] for _, r in rows]) for k in range(3)], 1)
    columns = []
    for part in parts:
        column = between([r.get(part.name, 0.0) for _, r in rows])
        columns.append(np.radians(column) if part.moves == "turn" else column)
    return place, np.radians(between([r["yaw"] for _, r in rows])), np.stack(columns, 1)


def _list(told: Any, where: str) -> list[Any]:
    if not isinstance(told, list) or not told:
        raise BadScene(f"{where}: {told!r:.60}", "a list, with at least one")
    return told
