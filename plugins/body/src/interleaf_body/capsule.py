"""A body made of tubes: 22 joints, 720 vertices, no dependency.

For tests and for seeing a motion where anny is not installed. It looks like a wooden mannequin and
claims nothing about anatomy; its joints, parts and expressions have the names that other bodies use.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from interleaf_body.model import PARTS, BakedBody, Topology, shape_values
from interleaf_body.quaternions import Array
from interleaf_body.roles import PARENT, ROLES
from interleaf_body.samples import offset
from interleaf_body.skinning import Sparse
from interleaf_body.tubes import Mesh, limb, rings, round_ends

SHAPE = ("height", "weight", "proportions")
EXPRESSIONS = (
    "jawOpen",
    "mouthPucker",
    "mouthSmileLeft",
    "mouthSmileRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
)


def skeleton(shape: Mapping[str, float]) -> Array:
    """The joints [22, 3] in the rest pose, T-shaped, the pelvis at 0."""
    size = 0.75 + 0.5 * shape["height"]
    legs = size * (0.85 + 0.3 * shape["proportions"])
    heads = np.zeros((len(ROLES), 3))
    for j, role in enumerate(ROLES[1:], 1):
        scale = legs if role.endswith(("knee", "ankle")) else size
        heads[j] = heads[ROLES.index(PARENT[role])] + scale * np.array(offset(role))
    return heads


def build(shape: Mapping[str, float]) -> tuple[Array, Mesh]:
    """Joints and mesh of a shape; the mesh's topology is the same for all."""
    heads, mesh = skeleton(shape), Mesh()
    size, girth = 0.75 + 0.5 * shape["height"], 0.7 + 0.6 * shape["weight"]
    at = {role: heads[j] for j, role in enumerate(ROLES)}
    r = size * girth

    def add(
        points: list[Array], radii: list[tuple[float, float]], names: list[str], steps: int, part: str,
        front: tuple[float, float, float] = (0.0, 0.0, 1.0),
    ) -> None:  # fmt: skip
        radii = [(a * r, b * r) for a, b in radii]
        path, sizes, weights = round_ends(*limb(points, radii, names, steps))
        mesh.add(rings(path, sizes, front), weights, part)

    add([at["pelvis"] + [0, -0.08 * size, 0], at["spine1"], at["spine2"], at["spine3"], at["neck"]],
        [(0.15, 0.10), (0.14, 0.095), (0.155, 0.10), (0.17, 0.11), (0.07, 0.07)],
        ["pelvis", "spine1", "spine2", "spine3"], 2, "body")  # fmt: skip
    crown = at["head"] + size * np.array([0, 0.19, 0.0])
    middle = (at["head"] + crown) / 2 + size * np.array([0, 0, 0.02])
    add([at["neck"], at["head"], middle, crown],
        [(0.055, 0.055), (0.062, 0.075), (0.078, 0.098), (0.05, 0.06)],
        ["neck", "head", "head"], 4, "head")  # fmt: skip
    for side, sign, letter in (("left", 1.0, "L"), ("right", -1.0, "R")):
        tip = at[f"{side}_wrist"] + size * np.array([0.17 * sign, 0, 0])
        toe = at[f"{side}_foot"] + size * np.array([0, -0.01, 0.07])
        heel = at[f"{side}_ankle"] + size * np.array([0, -0.055, -0.05])
        add([at[f"{side}_shoulder"], at[f"{side}_elbow"], at[f"{side}_wrist"]],
            [(0.05, 0.055), (0.04, 0.042), (0.028, 0.03)],
            [f"{side}_collar", f"{side}_shoulder", f"{side}_elbow"], 3, "body")  # fmt: skip
        add([at[f"{side}_wrist"], tip], [(0.022, 0.038), (0.01, 0.03)],
            [f"{side}_wrist"], 3, f"hand.{letter}")  # fmt: skip
        add([at[f"{side}_hip"], at[f"{side}_knee"], at[f"{side}_ankle"]],
            [(0.085, 0.09), (0.058, 0.06), (0.04, 0.042)],
            ["pelvis", f"{side}_hip", f"{side}_knee"], 3, "body")  # fmt: skip
        foot = [heel, at[f"{side}_foot"] + size * np.array([0, -0.005, -0.02]), toe]
        add(foot, [(0.035, 0.03), (0.042, 0.024), (0.03, 0.014)],
            [f"{side}_ankle", f"{side}_foot"], 2, f"foot.{letter}", (0.0, 1.0, 0.0))  # fmt: skip
    return heads, mesh


def landmarks_at(heads: Array) -> dict[str, Array]:
    """Where points of the face and the shoulders are, in the rest pose."""
    at = {role: heads[j] for j, role in enumerate(ROLES)}
    size = np.linalg.norm(at["head"] - at["neck"]) / np.hypot(0.09, 0.03)
    face = {"left_eye": (0.034, 0.115, 0.10), "right_eye": (-0.034, 0.115, 0.10), "nose": (0, 0.08, 0.12),
            "left_mouth": (0.025, 0.04, 0.10), "right_mouth": (-0.025, 0.04, 0.10),
            "chin": (0, 0.0, 0.085)}  # fmt: skip
    found = {name: at["head"] + size * np.array(place) for name, place in face.items()}
    return found | {f"{s}_shoulder": at[f"{s}_shoulder"] for s in ("left", "right")}


def expressions(vertices: Array, heads: Array, head: Array) -> Array:
    """How expressions move the vertices ``head`` of the head, [E, K, 3]: smooth bumps about the landmarks."""
    marks = landmarks_at(heads)
    mouth = (marks["left_mouth"] + marks["right_mouth"]) / 2
    rules = {
        "jawOpen": (marks["chin"], 0.05, (0, -0.03, -0.005)), "mouthPucker": (mouth, 0.03, (0, 0, 0.012)),
        "mouthSmileLeft": (marks["left_mouth"], 0.03, (0.008, 0.01, -0.004)),
        "mouthSmileRight": (marks["right_mouth"], 0.03, (-0.008, 0.01, -0.004)),
        "eyeBlinkLeft": (marks["left_eye"], 0.02, (0, -0.006, 0.002)),
        "eyeBlinkRight": (marks["right_eye"], 0.02, (0, -0.006, 0.002)),
    }  # fmt: skip
    basis = []
    for name in EXPRESSIONS:
        centre, width, move = rules[name]
        near = np.exp(-np.sum((vertices[head] - centre) ** 2, 1) / (2 * width**2))
        basis.append(near[:, None] * np.array(move))
    return np.array(basis, np.float32)


class Capsule:
    """The body of tubes as a `BodyModel`."""

    shape_names = SHAPE

    @property
    def topology(self) -> Topology:
        """Faces, joints, weights."""
        return _topology()

    def bake(self, shape: Mapping[str, float] | None = None) -> BakedBody:
        """One identity: ``height``, ``weight`` and ``proportions`` (long legs), each from 0 to 1."""
        heads, mesh = build(shape_values(shape, SHAPE))
        vertices = np.concatenate(mesh.vertices)
        topology = _topology()
        head = np.unique(topology.faces[topology.part_of_face == PARTS.index("head")])
        bind = np.concatenate([np.tile(np.eye(3), (len(ROLES), 1, 1)), -heads[:, :, None]], 2)
        basis = expressions(vertices, heads, head)
        return BakedBody(
            topology, vertices.astype(np.float32), heads, bind, head.astype(np.int32), basis
        )


@lru_cache
def _topology() -> Topology:
    heads, mesh = build(shape_values(None, SHAPE))
    vertices = np.concatenate(mesh.vertices)
    marks = {
        name: (
            np.argsort(np.sum((vertices - place) ** 2, 1))[:1].astype(np.int32),
            np.ones(1, np.float32),
        )
        for name, place in landmarks_at(heads).items()
    }
    parents = tuple(ROLES.index(PARENT[r]) if r in PARENT else -1 for r in ROLES)
    return Topology(
        np.concatenate(mesh.faces), np.concatenate(mesh.uv), np.concatenate(mesh.face_uv),
        np.concatenate(mesh.parts), ROLES, parents, Sparse.of(np.concatenate(mesh.weights)), EXPRESSIONS,
        marks,
    )  # fmt: skip
