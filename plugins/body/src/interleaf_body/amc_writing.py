"""`Motion` values as Acclaim files.

A bone of an ASF file ends where those below it begin, so every joint's offset becomes a bone of its
own, ``<joint>_link``, without degrees of freedom; the joint itself is a bone of length 0 at its end.
"""

from __future__ import annotations

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.amc import INCH
from interleaf_body.skeleton import check

LINK = "_link"
UNIT = 0.45  # the unit of CMU's files: inches divided by this


def format_asf(motion: Motion) -> str:
    """The skeleton's text; the root joint is called ``root``."""
    check(motion)
    names = _names(motion)
    lines = [
        ":version 1.10", ":name interleaf", ":units", "  mass 1.0", f"  length {UNIT}", "  angle deg",
        ":root", "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0",
        ":bonedata",
    ]  # fmt: skip
    tree = [":hierarchy", "  begin"]
    for j, p in enumerate(motion.parents):
        if p < 0:
            continue
        length = float(np.linalg.norm(motion.offsets[j]))
        direction = motion.offsets[j] / length if length else np.array([0.0, 1.0, 0.0])
        lines += _bone(f"{names[j]}{LINK}", direction, length * UNIT / INCH, "")
        lines += _bone(names[j], np.array([0.0, 1.0, 0.0]), 0.0, "rx ry rz")
        tree += [f"    {names[p]} {names[j]}{LINK}", f"    {names[j]}{LINK} {names[j]}"]
    return "\n".join([*lines, *tree, "  end", ""])


def format_amc(motion: Motion) -> str:
    """The frames' text."""
    check(motion)
    names, root = _names(motion), motion.root * (UNIT / INCH)
    angles = np.degrees(quat.to_euler(motion.rotations.astype(np.float64), "ZYX"))[..., ::-1]
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(len(root)):
        lines += [str(t + 1), f"root {_numbers(root[t])} {_numbers(angles[t, 0])}"]
        lines += [f"{names[j]} {_numbers(angles[t, j])}" for j in range(1, len(names))]
    return "\n".join(lines) + "\n"


def _names(motion: Motion) -> list[str]:
    return ["root", *(name.replace(" ", "_") for name in motion.joints[1:])]


def _bone(name: str, direction: np.ndarray, length: float, freedom: str) -> list[str]:
    dof = [f"    dof {freedom}"] if freedom else []
    return ["  begin", f"    name {name}", f"    direction {_numbers(direction)}",
            f"    length {length:.9g}", "    axis 0 0 0 XYZ", *dof, "  end"]  # fmt: skip


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{v:.8f}" for v in values)
