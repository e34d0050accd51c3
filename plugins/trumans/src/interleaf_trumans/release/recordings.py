"""Recordings of the release as motions of a skeleton, and windows of them as its network is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.roles import ROLES
from interleaf_trumans.release.files import FPS, Folder, Span
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import PARENTS


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """``joints`` float32 [W, J, 3] in the scene's axes, ten frames a second; ``actions`` float32 [W, A];
    ``place`` (x, z) and ``yaw`` of the window's own axes; ``scene``: its name; ``objects`` [P, 3]: points
    of what stands there at its first frame; ``text``: what is done then, in words; ``name``: recording and
    frame."""

    name: str
    joints: Array
    actions: Array
    place: Array
    yaw: float
    scene: str
    objects: Array
    text: str


def starts(folder: Folder, window: int, stride: int, every: int) -> Array:
    """First rows of windows that lie in one recording and touch no bad frame: those of ``idx_start.npy``
    where it is there, else every so many rows."""
    need = (window - 1) * stride + 1
    if (folder.root / "idx_start.npy").is_file():
        told = np.asarray(folder.array("idx_start")).astype(np.int64).ravel()
    else:
        told = np.concatenate([np.arange(s.first, s.last, every) for s in folder.spans])
    ends = np.array([s.last for s in folder.spans])
    inside = told[(told >= 0) & (told < ends[-1])]
    end = ends[np.searchsorted(ends, inside, side="right")]
    whole = inside[inside + need <= end]
    return np.asarray(whole[folder.clean(whole, whole + need)])


def window_at(folder: Folder, row: int, window: int, stride: int, objects: Array) -> Window:
    """The window that begins at a row."""
    rows = slice(row, row + (window - 1) * stride + 1, stride)
    joints = np.array(folder.rows("human_joints")[rows], np.float32)
    turn = quat.from_rotvec(np.asarray(folder.rows("human_orient")[row], float)[None])
    ahead = quat.rotate(turn, np.array([[0.0, 0.0, 1.0]]))[0]
    name = str(folder.rows("seg_name")[row])
    frame = int(folder.rows("frame_id")[row])
    text = next((t for a, b, t in folder.texts(name) if a <= frame <= b), "")
    return Window(
        f"{name}:{frame}", joints, np.array(folder.rows("action_label")[rows], np.float32),
        joints[0, 0, [0, 2]].astype(float), float(np.arctan2(ahead[0], ahead[2])),
        folder.scene(row), objects, text,
    )  # fmt: skip


def clean_spans(folder: Folder, least: int) -> list[Span]:
    """Runs of recordings without bad frames, ``least`` rows long or longer."""
    return [
        part
        for span in folder.spans
        for part in _parts(folder, span)
        if part.last - part.first >= least
    ]


def _parts(folder: Folder, span: Span) -> Iterator[Span]:
    low, high = np.searchsorted(folder.bad, [span.first, span.last])
    first = span.first
    for row in folder.bad[low:high].tolist():
        yield Span(span.name, first, row)
        first = row + 1
    yield Span(span.name, first, span.last)


def motion_of_span(folder: Folder, span: Span) -> Motion:
    """A recording as a motion of 22 joints. The body model is not free: what bones are at rest is
    taken from the joints' places."""
    rows = slice(span.first, span.last)
    joints = np.asarray(folder.rows("human_joints")[rows], float)
    orient = np.asarray(folder.rows("human_orient")[rows], float)
    pose = np.asarray(folder.rows("human_pose")[rows], float).reshape(-1, 21, 3)
    turns = quat.from_rotvec(np.concatenate([orient[:, None], pose], 1))
    return Motion(joints[:, 0].copy(), turns, ROLES, PARENTS, rest(joints, turns), FPS)


def rest(joints: Array, turns: Array) -> Array:
    """Offsets [22, 3] at rest of a body whose joints [T, 24, 3] and local rotations [T, 22, 4] are known: the
    mean over frames of bones seen from their parents."""
    whole = np.empty_like(turns)
    out = np.zeros((len(ROLES), 3))
    whole[:, 0] = turns[:, 0]
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            whole[:, j] = quat.multiply(whole[:, parent], turns[:, j])
            bone = joints[:, j] - joints[:, parent]
            out[j] = quat.rotate(quat.inverse(whole[:, parent]), bone).mean(0)
    return out
