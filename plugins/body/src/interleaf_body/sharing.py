"""Turns of joints that no role names: between two roles, halfway down a limb, in the toes."""

from __future__ import annotations

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_body.quaternions import Array
from interleaf_body.roles import END

SHARED = ("hip", "knee", "shoulder", "elbow")  # limbs whose twist two joints share


def filled(
    wanted: dict[str, Array], parents: tuple[int, ...], roles: dict[str, int], heads: Array
) -> Array:
    """World rotations [T, J, 4] of all joints: those without a role follow the joint above them, or share in
    the turn between the two roles that they lie between."""
    owner = {roles[role]: role for role in wanted}
    frames = len(next(iter(wanted.values())))
    out = np.broadcast_to(quat.IDENTITY, (frames, len(parents), 4)).copy()
    below = _between(parents, owner)
    for j, p in enumerate(parents):
        if j in owner:
            out[:, j] = wanted[owner[j]]
        elif p >= 0:
            out[:, j] = out[:, p]
        if j in below:
            first, last, share = below[j]
            out[:, j] = quat.slerp(wanted[first], wanted[last], share)
    for role in wanted:
        part = role.partition("_")[2]
        if part in SHARED and (second := _second(roles, role, parents)) is not None:
            axis = heads[roles[END[role]]] - heads[roles[role]]
            above = parents[roles[role]]
            out[:, roles[role]] = _half_twisted(out[:, above], wanted[role], axis)
            out[:, second] = wanted[role]
    _toes(out, parents, roles)
    return out


def _between(parents: tuple[int, ...], owner: dict[int, str]) -> dict[int, tuple[str, str, float]]:
    """Joints of the trunk and neck between two roles: the roles, and how far along they are."""
    found = {}
    for j, role in owner.items():
        if role not in ("spine1", "spine2", "spine3", "neck", "head"):
            continue
        chain: list[int] = []
        p = parents[j]
        while p >= 0 and p not in owner:
            chain.insert(0, p)
            p = parents[p]
        if p >= 0:
            for n, joint in enumerate(chain, 1):
                found[joint] = (owner[p], role, n / (len(chain) + 1))
    return found


def _second(roles: dict[str, int], role: str, parents: tuple[int, ...]) -> int | None:
    """The joint halfway down a limb, where the skeleton has one."""
    if END[role] not in roles:
        return None
    middle = parents[roles[END[role]]]
    return middle if middle != roles[role] and parents[middle] == roles[role] else None


def _half_twisted(above: Array, whole: Array, axis: Array) -> Array:
    """``whole`` with half of its twist about the limb, against the joint above."""
    turn = quat.multiply(quat.inverse(above), whole)
    twist = quat.twist(turn, axis)
    return quat.multiply(whole, quat.power(quat.inverse(twist), 0.5))


def _toes(out: Array, parents: tuple[int, ...], roles: dict[str, int]) -> None:
    """All toes bend with the one that has the role."""
    for side in ("left", "right"):
        if {f"{side}_foot", f"{side}_ankle"} <= set(roles):
            toe, ankle = roles[f"{side}_foot"], roles[f"{side}_ankle"]
            stack = [j for j, p in enumerate(parents) if p == ankle or j == toe]
            while stack:
                j = stack.pop()
                out[:, j] = out[:, toe]
                stack += [k for k, p in enumerate(parents) if p == j]
