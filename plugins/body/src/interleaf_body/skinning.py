"""Forward kinematics, expressions and linear blend skinning, compiled; numpy in, numpy out.

A vertex is moved by the weighted mean of its joints' transforms; only weights that are not 0 are
stored (2.5 a vertex on average for anny). Frames are independent, so threads share them.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from interleaf_body.quaternions import Array

if TYPE_CHECKING:
    from interleaf_body.model import BakedBody

compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """Weights of vertex v are ``weights[starts[v] : starts[v + 1]]``, of the ``joints`` there."""

    starts: Array
    joints: Array
    weights: Array

    @classmethod
    def of(cls, dense: Array) -> Sparse:
        """From a matrix [V, J]; rows are made to sum to 1."""
        dense = dense / dense.sum(1, keepdims=True)
        vertices, joints = np.nonzero(dense)
        starts = np.searchsorted(vertices, np.arange(len(dense) + 1)).astype(np.int32)
        return cls(starts, joints.astype(np.int32), dense[vertices, joints].astype(np.float32))

    def dense(self, joints: int) -> Array:
        """The matrix [V, J]."""
        out = np.zeros((len(self.starts) - 1, joints), np.float32)
        out[np.repeat(np.arange(len(out)), np.diff(self.starts)), self.joints] = self.weights
        return out


def pose_frames(
    body: BakedBody, rotvec: Array, expr: Array, transl: Array, *, threads: int = 1
) -> tuple[Array, Array]:
    """Vertices [T, V, 3] and joints [T, J, 4, 4] in the dtype of ``rotvec``."""
    kind, w = rotvec.dtype, body.topology.weights
    count, (verts, joints) = len(rotvec), (len(body.template), len(body.heads))
    out, frames = np.empty((count, verts, 3), kind), np.empty((count, joints, 4, 4), kind)
    if kind not in body.constants:
        arrays = (body.template, body.offsets, body.bind, body.basis, w.weights)
        body.constants[kind] = tuple(np.ascontiguousarray(a, dtype=kind) for a in arrays)
    template, offsets, bind, basis, weights = body.constants[kind]
    parents = np.array(body.topology.parents, np.int32)

    def work(part: slice) -> None:
        pose_kernel(rotvec[part], expr[part], transl[part], parents, offsets, bind, template,
                    body.moved, basis, w.starts, w.joints, weights, out[part], frames[part])  # fmt: skip

    shared(work, count, threads)
    return out, frames


def shared(work, count: int, threads: int) -> None:
    """Call ``work`` with slices that cover ``count`` frames, on so many threads."""
    parts = [
        slice(count * i // threads, count * (i + 1) // threads) for i in range(max(threads, 1))
    ]
    if len(parts) == 1:
        work(parts[0])
        return
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(work, parts))


@compiled
def rotation(x, y, z, m):
    """Rodrigues' matrix of a rotation vector into m [3, 3]; exact to first order near 0."""
    square = x * x + y * y + z * z
    if square > 1e-12:
        angle = math.sqrt(square)
        a, b = math.sin(angle) / angle, (1 - math.cos(angle)) / square
    else:
        a, b = 1 - square / 6, 0.5 - square / 24
    m[0, 0], m[0, 1], m[0, 2] = 1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y
    m[1, 0], m[1, 1], m[1, 2] = b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x
    m[2, 0], m[2, 1], m[2, 2] = b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)


@compiled
def chain(rotvec, transl, parents, offsets, frames):
    """Joint frames [J, 4, 4] in the world of one pose."""
    turn = np.empty((3, 3), rotvec.dtype)
    for j in range(len(parents)):
        rotation(rotvec[j, 0], rotvec[j, 1], rotvec[j, 2], turn)
        p = parents[j]
        for r in range(3):
            if p < 0:
                for c in range(3):
                    frames[j, r, c] = turn[r, c]
                frames[j, r, 3] = transl[r]
            else:
                a, b, d = frames[p, r, 0], frames[p, r, 1], frames[p, r, 2]
                for c in range(3):
                    frames[j, r, c] = a * turn[0, c] + b * turn[1, c] + d * turn[2, c]
                along = a * offsets[j, 0] + b * offsets[j, 1] + d * offsets[j, 2]
                frames[j, r, 3] = frames[p, r, 3] + along
            frames[j, 3, r] = 0
        frames[j, 3, 3] = 1


@compiled
def bound(frames, bind, moves):
    """What each joint does to unposed vertices, moves [J, 12] = frame · bind, row by row."""
    for j in range(len(bind)):
        for r in range(3):
            a, b, d = frames[j, r, 0], frames[j, r, 1], frames[j, r, 2]
            for c in range(4):
                moves[j, 4 * r + c] = a * bind[j, 0, c] + b * bind[j, 1, c] + d * bind[j, 2, c]
            moves[j, 4 * r + 3] += frames[j, r, 3]


@compiled
def expressed(expr, template, moved, basis, shaped):
    """shaped [V, 3] = template with the expressions of one frame; changes ``moved`` vertices only."""
    flat, deltas = basis.reshape(len(basis), 3 * len(moved)), np.zeros(3 * len(moved), basis.dtype)
    for e in range(len(expr)):
        amount = expr[e]
        if amount != 0:
            row = flat[e]
            for i in range(len(deltas)):
                deltas[i] += amount * row[i]
    for i in range(len(moved)):
        v = moved[i]
        for c in range(3):
            shaped[v, c] = template[v, c] + deltas[3 * i + c]


@compiled
def skin(shaped, moves, starts, joints, weights, out):
    """Linear blend skinning of one frame."""
    for v in range(len(out)):
        first, last = starts[v], starts[v + 1]
        x, y, z = shaped[v, 0], shaped[v, 1], shaped[v, 2]
        px = py = pz = x * 0
        for k in range(first, last):
            m, w = moves[joints[k]], weights[k]
            px += w * (m[0] * x + m[1] * y + m[2] * z + m[3])
            py += w * (m[4] * x + m[5] * y + m[6] * z + m[7])
            pz += w * (m[8] * x + m[9] * y + m[10] * z + m[11])
        out[v, 0], out[v, 1], out[v, 2] = px, py, pz


@compiled
def pose_kernel(rotvec, expr, transl, parents, offsets, bind, template, moved, basis, starts, joints,
                weights, out, frames):  # fmt: skip
    """Every frame: kinematics, expressions, skinning."""
    shaped, moves = template.copy(), np.empty((len(parents), 12), rotvec.dtype)
    for t in range(len(rotvec)):
        chain(rotvec[t], transl[t], parents, offsets, frames[t])
        bound(frames[t], bind, moves)
        if len(moved):
            expressed(expr[t], template, moved, basis, shaped)
        skin(shaped, moves, starts, joints, weights, out[t])
