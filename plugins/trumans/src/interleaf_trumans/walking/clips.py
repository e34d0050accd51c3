"""A folder of motion clips as one table of frames that can be searched and played on.

Every clip is put on one skeleton, resampled, set on the floor and mirrored. Frames are kept in the axes of
the body: the root's place and turn are steps of a few millimetres and milliradians from frame to frame, so
that a clip can be continued anywhere.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_body.roles import PARENT, ROLES
from interleaf_body.samples import offset
from interleaf_body.skeleton import world
from interleaf_trumans.scenes.surface import Array

FPS = 30.0
FEET = ("left", "right")
JOINTS = ROLES
PARENTS = tuple(ROLES.index(PARENT[r]) if r in PARENT else -1 for r in ROLES)
ANKLES = tuple(ROLES.index(f"{s}_ankle") for s in FEET)
TOES = tuple(ROLES.index(f"{s}_foot") for s in FEET)
SOLE = 0.02  # metres of a toe joint above the floor when it stands
MIRROR = np.array([ROLES.index(r.replace("left", "~").replace("right", "left").replace("~", "right"))
                   for r in ROLES])  # fmt: skip
STANDING = (0.035, 0.2, 0.6)  # a toe stands below these metres, vertical and horizontal m/s


class NoClips(Exception):
    """There is nothing to walk with, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """``turns`` [T, 22, 4] local rotations, ``root`` [T, 3] metres on the floor y = 0, at 30 frames a second;
    ``offsets`` [22, 3] of the skeleton; ``action`` and ``actor`` as the folder names them."""

    name: str
    action: str
    actor: str
    root: Array
    turns: Array
    offsets: Array


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """All frames of all clips, one after the other.

    ``turns`` [N, J, 4] local rotations, that of the root without its yaw; ``height`` [N] of the root;
    ``step`` [N, 3]: forward, left and turn (m, m, rad) from the frame before, 0 at a clip's first;
    ``contact`` [N, 2]; ``clip`` [N] and ``left`` [N]: frames that follow in the clip; ``speed`` [N] m/s.
    """

    offsets: Array
    turns: Array
    height: Array
    step: Array
    contact: Array
    clip: Array
    left: Array
    speed: Array
    actions: tuple[str, ...]
    action: Array

    def __len__(self) -> int:
        return len(self.height)


def plain(action: str) -> str:
    """An action's name without numbers and counts: ``squat1Reps`` is ``squat``."""
    found = re.match(r"[a-z_ ]+", action.strip().lower().replace("-", "_") + " ")
    word = re.split(r"\d|reps", action.strip())[0]
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower().replace(" ", "_").strip("_")
    return {"walking": "walk", "running": "run", "jumping": "jump"}.get(word, word) or (
        found.group().strip() if found else action
    )


def rows_of(root: Path) -> list[dict[str, str]]:
    """The clips of a folder: a manifest (``*manifest*.csv``, column ``file``) where there is one, else every
    .bvh and .amc file, its action being its folder's or its own name."""
    if not root.is_dir():
        raise NoClips(f"{root}: no such folder", "a folder of .bvh or .amc files")
    for manifest in sorted(root.glob("*manifest*.csv")):
        with manifest.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
        if rows and "file" in rows[0]:
            return [{**r, "path": str(root / r["file"])} for r in rows]
    files = sorted(f for f in root.rglob("*") if f.suffix.lower() in (".bvh", ".amc"))
    return [
        {
            "path": str(f),
            "file": f.name,
            "action": re.sub(r"[_\d-]+$", "", f.stem),
            "actor": f.parent.name,
        }
        for f in files
    ]


def read_clips(
    root: Path, *, actions: Sequence[str] = (), without: Sequence[str] = (), only: Sequence[str] = (),
    source: str = "", actors: Sequence[str] = (),
) -> list[Clip]:  # fmt: skip
    """The clips of a folder on the common skeleton. ``actions`` and ``actors`` keep these (all when empty);
    ``without`` and ``only`` name files by the end of their names; ``source``: of the manifest's column.
    Files that cannot be read stop it, named."""
    from interleaf_body.files import read_motion

    clips = []
    for row in rows_of(root):
        name = Path(row["file"]).stem
        action = plain(row.get("action") or name)
        if actions and action not in actions:
            continue
        if actors and row.get("actor") not in actors:
            continue
        if any(name.endswith(w) for w in without) or (
            only and not any(name.endswith(w) for w in only)
        ):
            continue
        if source and row.get("source", source) != source:
            continue
        clips.append(
            canonical(read_motion(Path(row["path"])), name, action, row.get("actor") or "?")
        )
    if not clips:
        raise NoClips(
            f"{root}: no motion clips" + (f" of {', '.join(actions)}" if actions else ""),
            "a folder of .bvh or .amc files; 'action' of its manifest names what is done",
        )
    return clips


def canonical(motion: Any, name: str = "", action: str = "walk", actor: str = "?") -> Clip:
    """A core Motion on the common skeleton, at 30 frames a second, on the floor."""
    from interleaf.values import Motion
    from interleaf_body.retarget import retarget
    from interleaf_body.skeleton import resample

    still = np.broadcast_to(quat.IDENTITY, (1, len(ROLES), 4)).copy()
    offsets = np.array([offset(r) for r in ROLES])
    target = Motion(np.zeros((1, 3)), still, ROLES, PARENTS, offsets, FPS)
    on = retarget(motion, target)
    on = on if abs(on.fps - FPS) < 1e-6 else resample(on, FPS)
    heads = world(on)[1]
    lowest = heads[:, TOES, 1].min(1)
    root = on.root - [0.0, float(np.percentile(lowest, 10)) - SOLE, 0.0]
    return Clip(
        name, action, actor, root, quat.normalised(on.rotations.astype(np.float64)), offsets
    )


def mirrored(clip: Clip) -> Clip:
    """The clip seen in a mirror: left is right."""
    flip = np.array([1.0, 1.0, -1.0, -1.0])  # a mirror along x keeps turns about x
    turns = clip.turns[:, MIRROR] * flip
    return Clip(
        clip.name + "~", clip.action, clip.actor, clip.root * [-1.0, 1.0, 1.0], turns, clip.offsets
    )


def facing(turns: Array, heads: Array) -> Array:
    """The yaw [T] of a body from its hips and shoulders; 0 looks along +z, pi/2 along +x."""
    joint = ROLES.index
    across = (heads[:, joint("left_hip")] - heads[:, joint("right_hip")]) + (
        heads[:, joint("left_shoulder")] - heads[:, joint("right_shoulder")]
    )
    return np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))


def yaw_turn(yaw: Array | float) -> Array:
    """The rotation about y by a yaw."""
    return quat.about(1, np.asarray(yaw, float))


def contacts(heads: Array, fps: float = FPS) -> Array:
    """Which toe [T, 2] stands: low, and still."""
    toes = heads[:, TOES]
    move = np.gradient(toes, axis=0) * fps if len(toes) > 1 else np.zeros_like(toes)
    low = toes[..., 1] < SOLE + STANDING[0]
    return (
        low
        & (np.abs(move[..., 1]) < STANDING[1] * 2)
        & (np.hypot(move[..., 0], move[..., 2]) < STANDING[2])
    )


def library(clips: Sequence[Clip], *, mirror: bool = True) -> Library:
    """The frames of clips, and of their mirror images."""
    used = [
        c
        for clip in clips
        if len(clip.root) >= 8
        for c in ((clip, mirrored(clip)) if mirror else (clip,))
    ]
    if not used:
        raise NoClips("every clip is shorter than 8 frames", "clips of a second or more")
    names = tuple(sorted({c.action for c in used}))
    parts: dict[str, list[Array]] = {
        k: [] for k in ("turns", "height", "step", "contact", "clip", "left", "speed", "action")
    }
    for number, clip in enumerate(used):
        for key, values in _frames(clip).items():
            parts[key].append(values)
        count = len(clip.root)
        parts["clip"].append(np.full(count, number))
        parts["left"].append(np.arange(count)[::-1])
        parts["action"].append(np.full(count, names.index(clip.action)))
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    return Library(offsets=used[0].offsets, actions=names, **joined)


def _frames(clip: Clip) -> dict[str, Array]:
    from interleaf.values import Motion

    heads = world(Motion(clip.root, clip.turns, JOINTS, PARENTS, clip.offsets, FPS))[1]
    yaw = _smooth(facing(clip.turns, heads))
    turns = clip.turns.copy()
    turns[:, 0] = quat.multiply(yaw_turn(-yaw), turns[:, 0])
    moved = np.diff(clip.root, axis=0, prepend=clip.root[:1])
    c, s = np.cos(yaw), np.sin(yaw)
    forward, left = moved[:, 0] * s + moved[:, 2] * c, moved[:, 0] * c - moved[:, 2] * s
    turn = np.diff(yaw, prepend=yaw[:1])
    speed = _smooth(np.hypot(moved[:, 0], moved[:, 2]) * FPS)
    return {"turns": turns, "height": clip.root[:, 1], "step": np.stack([forward, left, turn], -1),
            "contact": contacts(heads), "speed": speed}  # fmt: skip


def _smooth(values: Array, width: int = 4) -> Array:
    padded = np.pad(values, width, mode="edge")
    return np.convolve(padded, np.full(2 * width + 1, 1 / (2 * width + 1)), "valid")
