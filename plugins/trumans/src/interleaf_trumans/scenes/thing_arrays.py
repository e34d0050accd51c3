"""Things as arrays by name, for .npz files, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.scenes.things import Part, Thing

KEY = "things"


def arrays_of(things: Sequence[Thing]) -> dict[str, Array]:
    """``things``: names and trees as JSON; ``thing0.place``, ``thing0.part1.vertices`` …: the rest."""
    out: dict[str, Array] = {}
    told = []
    for i, thing in enumerate(things):
        parts = [
            {
                "name": p.name,
                "parent": p.parent,
                "moves": p.moves,
                "axis": p.axis,
                "color": list(p.color),
            }
            for p in thing.parts
        ]
        told.append({"name": thing.name, "parts": parts})
        out |= {f"thing{i}.{k}": np.asarray(getattr(thing, k)) for k in ("place", "yaw", "values")}
        for j, part in enumerate(thing.parts):
            out |= {
                f"thing{i}.part{j}.{k}": np.asarray(getattr(part, k))
                for k in ("vertices", "faces", "at")
            }
    return {**out, KEY: np.array(json.dumps(told))}


def things_in(held: Mapping[str, Array]) -> tuple[Thing, ...]:
    """What `arrays_of` made; none where there is none. KeyError, ValueError for what does not fit."""
    found = []
    for i, thing in enumerate(json.loads(str(held[KEY])) if KEY in held else []):
        parts = tuple(_part(p, held, f"thing{i}.part{j}") for j, p in enumerate(thing["parts"]))
        place, yaw, values = (held[f"thing{i}.{k}"] for k in ("place", "yaw", "values"))
        if not (
            place.shape == (len(yaw), 3) and values.shape == (len(yaw), len(parts)) and len(yaw)
        ):
            raise ValueError(f"{thing['name']}: {place.shape} places, {values.shape} values")
        found.append(Thing(thing["name"], parts, place, yaw, values))
    return tuple(found)


def _part(told: Mapping[str, Any], held: Mapping[str, Array], at: str) -> Part:
    vertices, faces, middle = (held[f"{at}.{k}"] for k in ("vertices", "faces", "at"))
    color, name, parent = tuple(told["color"]), told["name"], int(told["parent"])
    return Part(name, parent, vertices, faces, middle, told["moves"], told["axis"], color)
