"""Things that move beside a body, for pages and pictures: parts are bones of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from interleaf_body.model import BakedBody, BodyOut
from interleaf_body.skinning import Sparse
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.scenes.things import Thing


def with_things(
    body: BakedBody, joints: Array, things: Sequence[Thing]
) -> tuple[BakedBody, BodyOut]:
    """A body and the frames [T, J, 4, 4] of its joints, with every part of things hung on a joint more."""
    parts = [(thing, j, part) for thing in things for j, part in enumerate(thing.parts)]
    if not parts:
        return body, BodyOut(None, joints)
    counts = [len(part.vertices) for _, _, part in parts]
    starts = len(body.template) + np.cumsum([0, *counts[:-1]])
    top, number = body.topology, len(body.heads) + np.arange(len(parts))
    faces = np.concatenate(
        [top.faces, *(p.faces + s for (_, _, p), s in zip(parts, starts, strict=True))]
    )
    extra, more, old = len(faces) - len(top.faces), sum(counts), top.weights
    weights = Sparse(
        np.concatenate([old.starts, old.starts[-1] + 1 + np.arange(more)]).astype(np.int32),
        np.concatenate([old.joints, np.repeat(number, counts)]).astype(np.int32),
        np.concatenate([old.weights, np.ones(more)]).astype(np.float32),
    )  # fmt: skip
    topology = replace(
        top, faces=faces.astype(np.int32), weights=weights,
        part_of_face=np.concatenate([top.part_of_face, np.full(extra, top.part_of_face.max())]),
        face_uv=np.concatenate([top.face_uv, np.zeros((extra, 3), top.face_uv.dtype)]),
        joint_names=(*top.joint_names, *(f"{t.name}.{p.name}" for t, _, p in parts)),
        parents=(*top.parents, *(-1,) * len(parts)),
    )  # fmt: skip
    places = np.concatenate([body.template, *(p.vertices for _, _, p in parts)])
    own = np.tile(np.eye(3, 4), (len(parts), 1, 1))
    person = replace(
        body, topology=topology,
        template=places.astype(body.template.dtype),
        heads=np.concatenate([body.heads, np.zeros((len(parts), 3))]).astype(body.heads.dtype),
        bind=np.concatenate([body.bind, own]).astype(body.bind.dtype),
    )  # fmt: skip
    frames = np.array([[t.poses[t.frame(f), j] for t, j, _ in parts] for f in range(len(joints))])
    return person, BodyOut(None, np.concatenate([joints, frames], 1).astype(joints.dtype))


def surfaces(things: Sequence[Thing], frame: int) -> tuple[Array, Array, Array]:
    """Vertices [V, 3], triangles [F, 3] and a colour for each triangle [F, 3] of all things at a frame."""
    found = [thing.surface(frame) for thing in things]
    starts = np.cumsum([0, *(len(v) for v, _, _ in found)])[:-1]
    faces = [f + s for (_, f, _), s in zip(found, starts, strict=True)]
    colors = [c[f[:, 0]] for _, f, c in found]
    nothing = np.zeros((0, 3))
    return (
        np.concatenate([nothing, *(v for v, _, _ in found)]),
        np.concatenate([nothing.astype(np.int32), *faces]).astype(np.int32),
        np.concatenate([nothing, *colors]),
    )
