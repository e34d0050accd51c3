"""A moving body as one HTML file: rest mesh, weights and joints go into it as whole numbers, and the browser
poses the mesh."""

from __future__ import annotations

import base64
import html
import json
from importlib.resources import files
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Mesh
from interleaf_body.model import BakedBody, BodyOut
from interleaf_body.quaternions import Array

MOST = 8  # joints a vertex may hang on in the browser
LIMIT = 20_000  # frames


def page(
    body: BakedBody, posed: BodyOut, fps: float, *, title: str = "motion", expr: Array | None = None,
    scene: Mesh | None = None,
) -> str:  # fmt: skip
    """The page of a body in motion. ``posed``: its joints [T, J, 4, 4] (vertices are not used); ``expr``
    [T, E] from 0 to 1; ``scene``: what stands around it."""
    count = len(posed.joints)
    if not 0 < count <= LIMIT:
        raise InvalidInput(
            f"a page holds 1 to {LIMIT} frames, got {count}", hint="cut or resample the motion"
        )
    topology = body.topology
    moves = posed.joints[..., :3, :3] @ body.bind[..., :3]
    shifts = (posed.joints[..., :3, :3] @ body.bind[..., 3:])[..., 0] + posed.joints[..., :3, 3]
    joints, weights = heaviest(body)
    data: dict[str, Any] = {
        "title": title, "fps": fps, "frames": count, "names": list(topology.joint_names),
        "parents": list(topology.parents), "places": quantised(posed.joints[..., :3, 3]),
        "shifts": quantised(shifts), "turns": text(np.round(quaternions(moves) * 32767).astype("<i2")),
        "mesh": {
            "vertices": quantised(body.template), "faces": text(topology.faces.astype("<u4")),
            "bones": text(joints), "weights": text(weights), "parts": text(_vertex_parts(body)),
        },
    }  # fmt: skip
    if expr is not None and np.any(expr):
        data["face"] = _face(body, expr)
    if scene is not None:
        data["scene"] = _scene(scene)
    told = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    template = files("interleaf_body").joinpath("viewer.html").read_text(encoding="utf-8")
    return template.replace("{{title}}", html.escape(title)).replace("{{data}}", told)


def text(values: Array) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def quantised(values: Array) -> dict[str, Any]:
    """Coordinates [..., 3] as 16-bit numbers: value = low + step · whole."""
    flat = values.reshape(-1, 3).astype(np.float64)
    low, high = flat.min(0), flat.max(0)
    step = np.maximum((high - low) / 65535, 1e-9)
    whole = np.round((flat - low) / step).astype("<u2")
    return {"low": low.tolist(), "step": step.tolist(), "values": text(whole)}


def heaviest(body: BakedBody) -> tuple[Array, Array]:
    """The ``MOST`` joints [V, MOST] of each vertex and their weights in 255ths, which sum to 255."""
    dense = body.topology.weights.dense(len(body.heads))
    joints = np.argsort(-dense, axis=1, kind="stable")[:, :MOST]
    weights = np.take_along_axis(dense, joints, 1)
    weights = weights / weights.sum(1, keepdims=True) * 255
    whole = np.floor(weights).astype(int)
    order = np.argsort(-(weights - whole), axis=1, kind="stable")
    extra = np.arange(joints.shape[1])[None] < (255 - whole.sum(1))[:, None]
    np.put_along_axis(whole, order, np.take_along_axis(whole, order, 1) + extra, 1)
    pad = MOST - joints.shape[1]
    joints, whole = (np.pad(a, ((0, 0), (0, max(pad, 0)))) for a in (joints, whole))
    return joints.astype(np.uint8), whole.astype(np.uint8)


def quaternions(m: Array) -> Array:
    """Unit quaternions [..., 4] of rotation matrices: the largest of four equivalent forms."""
    w = 1 + m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    x = 1 + m[..., 0, 0] - m[..., 1, 1] - m[..., 2, 2]
    y = 1 - m[..., 0, 0] + m[..., 1, 1] - m[..., 2, 2]
    z = 1 - m[..., 0, 0] - m[..., 1, 1] + m[..., 2, 2]
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    forms = np.stack(
        [np.stack(s, -1) for s in ((w, a, b, c), (a, x, d, e), (b, d, y, f), (c, e, f, z))], -2
    )
    best = np.argmax(np.stack([w, x, y, z], -1), -1)
    q = np.take_along_axis(forms, best[..., None, None], -2)[..., 0, :]
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def _vertex_parts(body: BakedBody) -> Array:
    parts = np.zeros(len(body.template), np.uint8)
    parts[body.topology.faces.ravel()] = np.repeat(body.topology.part_of_face, 3)
    return parts


def _face(body: BakedBody, expr: Array) -> dict[str, Any]:
    """Expressions as 8-bit numbers, each scaled to its largest move."""
    largest = np.maximum(np.abs(body.basis).max((1, 2)), 1e-9)
    basis = np.round(body.basis / largest[:, None, None] * 127).astype(np.int8)
    return {"moved": text(body.moved.astype("<u4")), "basis": text(basis), "count": len(basis),
            "step": (largest / 127).tolist(),
            "amounts": text(np.round(np.clip(expr, 0, 1) * 255).astype(np.uint8))}  # fmt: skip


def _scene(mesh: Mesh) -> dict[str, Any]:
    if not np.isfinite(mesh.vertices).all() or len(mesh.vertices) == 0:
        raise InvalidInput("the scene's vertices are not all finite numbers, or there are none")
    colors = np.full((len(mesh.vertices), 3), 0.8) if mesh.colors is None else mesh.colors[:, :3]
    return {"vertices": quantised(mesh.vertices), "faces": text(mesh.faces.astype("<u4")),
            "colors": text(np.round(np.clip(colors, 0, 1) * 255).astype(np.uint8))}  # fmt: skip
