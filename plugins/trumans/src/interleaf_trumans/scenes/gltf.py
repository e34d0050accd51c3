"""A scene with things that move as a .glb (glTF 2.0): a node for each part, with an animation.

Written here because trimesh, which reads and writes the rest, writes no animations.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.scenes.things import Thing, turned

FLOAT, WHOLE = 5126, 5125  # component types
FPS = 30.0


class _File:
    """Buffers, views and accessors as they are added."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.told: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "interleaf-trumans"}, "scene": 0,
            "scenes": [{"nodes": []}], "nodes": [], "meshes": [], "accessors": [],
            "bufferViews": [], "animations": [{"samplers": [], "channels": []}],
        }  # fmt: skip

    def array(self, values: Array, kind: str) -> int:
        """The number of an accessor for float32 or uint32 values."""
        whole = values.dtype.kind in "iu"
        held = np.ascontiguousarray(values, "<u4" if whole else "<f4")
        self.told["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.data), "byteLength": held.nbytes}
        )
        self.data += held.tobytes()
        accessor = {"bufferView": len(self.told["bufferViews"]) - 1, "count": len(held), "type": kind,
                    "componentType": WHOLE if whole else FLOAT}  # fmt: skip
        if held.size:
            rows = held.reshape(len(held), -1)
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        return self.add("accessors", accessor)

    def add(self, where: str, entry: dict[str, Any]) -> int:
        """The number of a new entry."""
        self.told[where].append(entry)
        return len(self.told[where]) - 1

    def mesh(self, vertices: Array, faces: Array, colors: Array) -> int:
        """A mesh with colours at its vertices, of no material: readers of one forget colours."""
        attributes = {
            "POSITION": self.array(np.asarray(vertices, np.float32), "VEC3"),
            "COLOR_0": self.array(np.asarray(colors, np.float32), "VEC3"),
        }
        indices = self.array(np.asarray(faces, np.uint32).ravel(), "SCALAR")
        return self.add(
            "meshes",
            {"primitives": [{"attributes": attributes, "indices": indices}]},
        )

    def moved(self, node: int, times: int, path: str, values: Array) -> None:
        """A channel of the animation."""
        kind = "VEC4" if path == "rotation" else "VEC3"
        animation = self.told["animations"][0]
        animation["samplers"].append({"input": times, "output": self.array(values, kind)})
        animation["channels"].append(
            {"sampler": len(animation["samplers"]) - 1, "target": {"node": node, "path": path}}
        )

    def bytes(self) -> bytes:
        """The whole file."""
        if not self.told["animations"][0]["channels"]:
            del self.told["animations"]
        self.told = {k: v for k, v in self.told.items() if v != []}
        self.told["buffers"] = [{"byteLength": len(self.data)}]
        told = json.dumps(self.told, separators=(",", ":")).encode()
        told += b" " * (-len(told) % 4)
        held = bytes(self.data) + b"\0" * (-len(self.data) % 4)
        return b"".join([
            struct.pack("<4sII", b"glTF", 2, 28 + len(told) + len(held)),
            struct.pack("<I4s", len(told), b"JSON"), told, struct.pack("<I4s", len(held), b"BIN\0"), held,
        ])  # fmt: skip


def glb(vertices: Array, faces: Array, colors: Array, things: Sequence[Thing]) -> bytes:
    """The scene's surface, and each thing as a tree of nodes that move; y up, metres."""
    out = _File()
    roots = out.told["scenes"][0]["nodes"]
    if len(faces):
        roots.append(out.add("nodes", {"name": "scene", "mesh": out.mesh(vertices, faces, colors)}))
    for thing in things:
        roots.append(_thing(out, thing))
    return out.bytes()


def _thing(out: _File, thing: Thing) -> int:
    """The number of a thing's own node."""
    count = len(thing)
    times = out.array(np.arange(count, dtype=np.float32) / np.float32(FPS), "SCALAR")
    whole = np.tile(np.eye(4), (count, 1, 1))
    whole[:, :3, 3] = thing.place
    whole[:, :3, :3] = turned(np.array([0.0, 1.0, 0.0]), thing.yaw)
    own = _node(out, thing.name, whole, times)
    numbers: list[int] = []
    for j, part in enumerate(thing.parts):
        node = _node(out, part.name, part.local(thing.values[:, j]), times)
        out.told["nodes"][node]["mesh"] = out.mesh(
            part.vertices, part.faces, np.tile(np.array(part.color), (len(part.vertices), 1))
        )
        over = out.told["nodes"][own if part.parent < 0 else numbers[part.parent]]
        over.setdefault("children", []).append(node)
        numbers.append(node)
    return own


def _node(out: _File, name: str, matrices: Array, times: int) -> int:
    turns = Rotation.from_matrix(matrices[:, :3, :3]).as_quat()
    flips = np.cumprod(np.r_[1, np.where((turns[1:] * turns[:-1]).sum(1) < 0, -1, 1)])
    turns, places = turns * flips[:, None], matrices[:, :3, 3]
    node = out.add(
        "nodes", {"name": name, "translation": places[0].tolist(), "rotation": turns[0].tolist()}
    )
    if np.ptp(places, axis=0).max() > 1e-9:
        out.moved(node, times, "translation", places)
    if np.ptp(turns, axis=0).max() > 1e-9:
        out.moved(node, times, "rotation", turns)
    return node
