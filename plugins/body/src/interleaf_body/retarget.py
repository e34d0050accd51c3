"""A motion onto another skeleton, by the roles of its joints.

Rest poses differ (T-pose, A-pose, legs apart). With G the world rotation of a source joint, d its bone's
rest direction and d' the target's, the target joint is turned by G A, where A is the smallest rotation
that takes d' to d: the limb then points where the source's does. Trunk, neck and head are turned as the
source's are, without A, since their curves belong to the body. Joints between two roles share: those of
the trunk bend evenly, those of a limb take its twist in halves.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.contacts import HEIGHT, SPEED, planted
from interleaf_body.judging import sliding
from interleaf_body.model import WithTopology
from interleaf_body.quaternions import Array
from interleaf_body.roles import END, PARENT, ROLES, roles_of
from interleaf_body.sharing import filled
from interleaf_body.skeleton import check, local, rest, world

LIMBS = tuple(END)
FEET = ("left_ankle", "right_ankle")


def retarget(
    motion: Motion, target: Motion, *, scale_path: bool = True, contacts: bool = True
) -> Motion:
    """``motion`` on the skeleton of ``target`` (whose frames do not matter), standing on y = 0.

    Paths are scaled by the ratio of leg lengths, so that feet stand where they stood; ``scale_path=False``
    keeps them as walked, and feet slide in proportion. ``contacts``: where feet would slide more than they
    did, legs are bent a little (see `contacts`). Raises InvalidInput where either skeleton's hips and
    knees are not known by name.
    """
    check(motion)
    theirs, ours = roles_of(motion), roles_of(target)
    turns, heads = world(motion)
    wanted = _wanted(motion, target, theirs, ours, turns)
    whole = filled(wanted, target.parents, ours, rest(target))
    rotations = quat.continuous(quat.normalised(local(whole, target.parents)))
    on = replace(target, root=np.zeros((len(turns), 3)), rotations=rotations, fps=motion.fps)
    scale = _legs(on, ours) / _legs(motion, theirs)
    on = replace(on, root=_path(heads, theirs, on, ours, scale, scale_path))
    if not contacts or _slides(on) <= _slides(motion):
        return on
    bent = planted(motion, on, theirs, ours, scale if scale_path else 1.0)
    return bent if _slides(bent) < _slides(on) else on


def _slides(motion: Motion) -> float:
    """Metres a second that standing feet move."""
    return sliding(motion, HEIGHT, SPEED).speed or 0.0


def onto(motion: Motion, body: WithTopology, **options: bool) -> Motion:
    """``motion`` on a baked body's skeleton; as it is where it already is on it."""
    names = body.topology.joint_names
    if motion.joints == names:
        return check(motion)
    still = np.broadcast_to(quat.IDENTITY, (1, len(names), 4)).copy()
    return retarget(motion, body.motion(np.zeros((1, 3)), still, motion.fps), **options)


def _wanted(
    motion: Motion, target: Motion, theirs: dict[str, int], ours: dict[str, int], turns: Array
) -> dict[str, Array]:
    """World rotations [T, 4] of the target's joints that have a role."""
    there, here = rest(motion), rest(target)
    found = {}
    for role in ROLES:
        if role in theirs and role in ours:
            aligned = _aligned(role, there, theirs, here, ours)
            found[role] = quat.normalised(quat.multiply(turns[:, theirs[role]], aligned))
    return found


def _aligned(
    role: str, there: Array, theirs: dict[str, int], here: Array, ours: dict[str, int]
) -> Array:
    side, _, part = role.partition("_")
    limb = f"{side}_elbow" if part == "wrist" else role
    if limb in END and {limb, END[limb]} <= set(theirs) & set(ours):
        return quat.between(
            _bone(limb, END[limb], here, ours), _bone(limb, END[limb], there, theirs)
        )
    foot = f"{side}_foot"
    if (
        role in FEET and foot in theirs and foot in ours
    ):  # the sole stays flat: turned about y alone
        flat = np.array([1.0, 0.0, 1.0])
        return quat.between(
            _bone(role, foot, here, ours) * flat, _bone(role, foot, there, theirs) * flat
        )
    return quat.IDENTITY


def _bone(start: str, stop: str, heads: Array, roles: dict[str, int]) -> Array:
    bone: Array = heads[roles[stop]] - heads[roles[start]]
    return bone


def _legs(motion: Motion, roles: dict[str, int]) -> float:
    """The mean length of the legs, hip to ankle (to knee, where there is none)."""
    heads, total = rest(motion), 0.0
    for side in ("left", "right"):
        chain = [r for r in (f"{side}_hip", f"{side}_knee", f"{side}_ankle") if r in roles]
        bones = pairwise(chain)
        total += sum(float(np.linalg.norm(_bone(a, b, heads, roles))) for a, b in bones)
    if total < 1e-6:
        raise InvalidInput("the skeleton's legs have no length")
    return total / 2


def _path(
    heads: Array,
    theirs: dict[str, int],
    on: Motion,
    ours: dict[str, int],
    scale: float,
    scale_path: bool,
) -> Array:
    """Root positions [T, 3]: the middle of the hips goes where the source's goes, and the lowest toes stand
    as high above y = 0 as the target's do in its rest pose."""
    posed = world(on)[1]
    hips = [(heads[:, theirs[r]], posed[:, ours[r]]) for r in ("left_hip", "right_hip")]
    goal, now = ((hips[0][i] + hips[1][i]) / 2 for i in (0, 1))
    path = goal * scale if scale_path else goal * np.array([1.0, scale, 1.0])
    root: Array = path - now
    feet = [ours[r] for r in ("left_foot", "right_foot", "left_ankle", "right_ankle") if r in ours]
    if feet:
        toes = (posed + root[:, None])[:, feet, 1].min(1)
        standing = rest(on)[feet, 1].min() - rest(on)[:, 1].min()
        root[:, 1] += standing - np.quantile(toes, 0.02)
    return root


def limb_errors(source: Motion, result: Motion) -> dict[str, Array]:
    """Degrees [T] between the directions of each limb that both skeletons have, thighs to forearms."""
    theirs, ours = roles_of(source), roles_of(result)
    there, here = world(source)[1], world(result)[1]
    found = {}
    for role, end in END.items():
        if {role, end} <= set(theirs) & set(ours):
            a = there[:, theirs[end]] - there[:, theirs[role]]
            b = here[:, ours[end]] - here[:, ours[role]]
            cross = np.linalg.norm(np.cross(a, b), axis=-1)
            found[role] = np.degrees(np.arctan2(cross, np.sum(a * b, -1)))
    return found


__all__ = ["LIMBS", "PARENT", "limb_errors", "onto", "retarget"]
