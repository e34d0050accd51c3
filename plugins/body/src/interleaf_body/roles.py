"""Which joint of a skeleton is the left knee: the names of usual skeletons, told apart by themselves.

Roles are the 22 body joints that most motion work shares. The joint of a role is where its bone
begins: ``left_knee`` carries the shin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from interleaf.errors import InvalidInput
from interleaf.values import Motion

ROLES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
PARENT = {
    "left_hip": "pelvis", "right_hip": "pelvis", "spine1": "pelvis", "left_knee": "left_hip",
    "right_knee": "right_hip", "spine2": "spine1", "left_ankle": "left_knee",
    "right_ankle": "right_knee", "spine3": "spine2", "left_foot": "left_ankle",
    "right_foot": "right_ankle", "neck": "spine3", "left_collar": "spine3", "right_collar": "spine3",
    "head": "neck", "left_shoulder": "left_collar", "right_shoulder": "right_collar",
    "left_elbow": "left_shoulder", "right_elbow": "right_shoulder", "left_wrist": "left_elbow",
    "right_wrist": "right_elbow",
}  # fmt: skip

# One-sided names, written for the left; "L" stands for the side as each convention writes it.
_MIDDLE = {
    "pelvis": "hips hip pelvis root",
    "spine1": "lowerback spine1 spine abdomen torso",
    "spine2": "upperback spine2 spine spine1 chest",
    "spine3": "thorax spine3 spine1 spine2 upperchest chest2 chest3 chest4 spine4",
    "neck": "neck lowerneck neck1",
    "head": "head",
}
_SIDED = {
    "hip": "Lfemur Lupleg Lhip Lthigh Lupperleg Lupleg",
    "knee": "Ltibia Lleg Lknee Lshin Lcalf Llowerleg Lcalf",
    "ankle": "Lfoot Lankle",
    "foot": "Ltoes Ltoebase Ltoe Lfoot",
    "collar": "Lclavicle Lshoulder Lcollar",
    "shoulder": "Lhumerus Larm Lshoulder Lupperarm Luparm",
    "elbow": "Lradius Lforearm Lelbow Llowerarm",
    "wrist": "Lwrist Lhand",
}
# The role at the far end of a limb; a hand continues its forearm.
END = {
    f"{side}_{a}": f"{side}_{b}"
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
ANNY = {
    "pelvis": "root", "spine1": "spine05", "spine2": "spine03", "spine3": "spine01",
    "neck": "neck01", "head": "head", "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot",
    "foot": "toe1-1", "collar": "clavicle", "shoulder": "upperarm01", "elbow": "lowerarm01",
    "wrist": "wrist",
}  # fmt: skip
NEEDED = frozenset({"pelvis", "left_hip", "right_hip", "left_knee", "right_knee"})


def roles_of(motion: Motion) -> dict[str, int]:
    """The joints that have a role, by role; InvalidInput where even hips and knees are not found."""
    found = _anny(motion.joints) or _same(motion.joints) or _usual(motion)
    if missing := NEEDED - set(found):
        raise InvalidInput(
            f"no joints known as {', '.join(sorted(missing))}; there are {', '.join(motion.joints)}",
            hint="names of BVH files of CMU, Mixamo, Rokoko, SMPL or anny are known",
        )
    return found


def _same(joints: tuple[str, ...]) -> dict[str, int]:
    return {r: joints.index(r) for r in ROLES} if set(ROLES) <= set(joints) else {}


def _anny(joints: tuple[str, ...]) -> dict[str, int]:
    if not {"spine05", "upperleg01.L", "wrist.R"} <= set(joints):
        return {}
    names = {role: ANNY.get(role) or _side(role) for role in ROLES}
    return {role: joints.index(name) for role, name in names.items() if name in joints}


def _side(role: str) -> str:
    side, _, part = role.partition("_")
    return f"{ANNY[part]}.{side[0].upper()}"


def _usual(motion: Motion) -> dict[str, int]:
    plain = {_plain(name): j for j, name in reversed(list(enumerate(motion.joints)))}
    found: dict[str, int] = {}
    for side in ("left", "right"):
        taken: set[int] = set()
        for part in ("hip", "knee", "foot", "ankle", "shoulder", "collar", "elbow", "wrist"):
            j = _first(_SIDED[part].replace("L", side).split(), plain, taken)
            if j is not None:
                found[f"{side}_{part}"] = j
                taken.add(j)
        _settle(found, side, motion.parents)
    found.update(_spine(motion, plain))
    return found


def _settle(found: dict[str, int], side: str, parents: tuple[int, ...]) -> None:
    """Names that mean two things: a "LeftFoot" without toes is the ankle, and "LeftShoulder" above the arm
    the collar."""
    foot, ankle = (f"{side}_{part}" for part in ("foot", "ankle"))
    if foot in found and ankle not in found:
        found[ankle] = found.pop(foot)
    collar, shoulder, elbow = (f"{side}_{part}" for part in ("collar", "shoulder", "elbow"))
    if collar in found and shoulder not in found and elbow in found:
        found[shoulder] = found.pop(collar)


def _spine(motion: Motion, plain: Mapping[str, int]) -> dict[str, int]:
    """Pelvis, neck, head by name; the joints between pelvis and neck share the three spine roles."""
    found: dict[str, int] = {}
    taken: set[int] = set()
    for role in ("pelvis", "neck", "head"):
        j = _first(_MIDDLE[role].split(), plain, taken)
        if j is not None:
            found[role] = j
            taken.add(j)
    if "pelvis" not in found:
        found["pelvis"] = 0
    top = found.get("neck", found.get("head"))
    chain: list[int] = []
    while top is not None and (top := motion.parents[top]) > found["pelvis"]:
        chain.insert(0, top)
    if chain:
        for share, role in zip((0.0, 0.5, 1.0), ("spine1", "spine2", "spine3"), strict=True):
            found[role] = chain[round(share * (len(chain) - 1))]
    return found


def _first(names: list[str], plain: Mapping[str, int], taken: set[int]) -> int | None:
    return next((plain[n] for n in names if n in plain and plain[n] not in taken), None)


def _plain(name: str) -> str:
    """``mixamorig:LeftUpLeg``, ``L_UpLeg``, ``lfemur`` and ``upleg.L`` as one spelling."""
    bare = re.sub(r"^.*:|^(Bip\w*|bone|jnt|DEF|[mf]_avg)[ _-]+", "", name)
    side = ""
    for word, letter in (("left", "l"), ("right", "r")):
        mark = rf"(?i:{word})|^(?i:{letter})(?=[_. -])|^{letter}(?=[A-Z])|(?<=[_. -])(?i:{letter})$"
        if re.search(mark, bare):
            side, bare = word, re.sub(mark, "", bare, count=1)
            break
    plain = re.sub(r"[^a-z0-9]", "", bare.lower())
    if not side and plain[:1] in ("l", "r") and plain[1:] in ACCLAIM:
        side, plain = ("left" if plain[0] == "l" else "right"), plain[1:]
    return side + plain


ACCLAIM = frozenset(
    ("femur", "tibia", "foot", "toes", "clavicle", "humerus", "radius", "wrist", "hipjoint", "hand")
) | {"thumb", "fingers"}
