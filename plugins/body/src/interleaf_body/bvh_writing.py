"""`Motion` values as BVH text."""

from __future__ import annotations

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.bvh import END
from interleaf_body.skeleton import check
from interleaf_body.units import METRES


def format_bvh(motion: Motion, *, unit: str = "m", order: str = "ZXY") -> str:
    """The file's text. Leaves whose name ends in ``_end`` become end sites; other leaves get one of
    half their own length, which most programs want. ``order``: of the rotation channels."""
    check(motion)
    if unit not in METRES:
        raise InvalidInput(f"no unit '{unit}'", hint=f"one of {', '.join(METRES)}")
    if sorted(order) != ["X", "Y", "Z"]:
        raise InvalidInput(f"no order '{order}'", hint="the letters X, Y and Z, such as ZXY")
    scale = 1 / METRES[unit]
    lines = ["HIERARCHY"]
    written = _joint(motion, 0, order, scale, 0, lines)
    seconds = f"{1 / motion.fps:.9g}"
    lines += ["MOTION", f"Frames: {len(motion.root)}", f"Frame Time: {seconds}"]
    angles = np.degrees(quat.to_euler(motion.rotations[:, written].astype(np.float64), order))
    values = np.concatenate([motion.root * scale, angles.reshape(len(angles), -1)], 1)
    lines += [" ".join(f"{v:.6f}" for v in row) for row in values]
    return "\n".join(lines) + "\n"


def _joint(
    motion: Motion, j: int, order: str, scale: float, depth: int, lines: list[str]
) -> list[int]:
    """Write joint ``j`` and those below it; gives the joints that have channels, in order."""
    pad, children = "\t" * depth, [i for i, p in enumerate(motion.parents) if p == j]
    name, end = motion.joints[j], motion.joints[j].endswith(END) and not children and depth > 0
    turns = " ".join(f"{axis}rotation" for axis in order)
    places = "6 Xposition Yposition Zposition" if depth == 0 else "3"
    lines.append(f"{pad}End Site" if end else f"{pad}{'JOINT' if depth else 'ROOT'} {name}")
    lines += [pad + "{", f"{pad}\tOFFSET {_triple(motion.offsets[j] * scale)}"]
    if not end:
        lines.append(f"{pad}\tCHANNELS {places} {turns}")
    below = [w for child in children for w in _joint(motion, child, order, scale, depth + 1, lines)]
    if not children and not end:
        site = _triple(motion.offsets[j] * (scale / 2))
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET {site}", f"{pad}\t}}"]
    lines.append(pad + "}")
    return below if end else [j, *below]


def _triple(offset: np.ndarray) -> str:
    return " ".join(f"{v:.6f}" for v in offset)
