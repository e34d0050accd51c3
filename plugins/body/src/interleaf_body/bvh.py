"""BVH files to `Motion` values and back; every fault names its line.

A joint of the file is a joint of the motion; end sites become joints named ``<parent>_end`` on
request. Any order of channels, CRLF, tabs, missing end sites and any frame rate are taken. Position
channels of joints other than the root must stand still: they are the joint's offset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.lines import Lines, read_lines
from interleaf_body.quaternions import Array
from interleaf_body.units import metres_per_unit, reach

CHANNELS = frozenset(f"{axis}{what}" for axis in "XYZ" for what in ("position", "rotation"))
END = "_end"
STILL = 1e-3  # of the body's size: how far a joint's position channels may move


@dataclass
class Tree:
    """The hierarchy as written: offsets in the file's unit, one list of channels per joint."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)

    def add(self, name: str, parent: int) -> int:
        """A new joint's index."""
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append([])
        return len(self.names) - 1


def read_bvh(file: Path, *, unit: str = "auto", ends: bool = False) -> Motion:
    """The motion in ``file``, in metres. ``unit``: auto (by the skeleton's size), m, cm, mm, inch,
    foot or cmu. Raises InvalidInput with the line of what is wrong."""
    return parse_bvh(read_lines(file, "a BVH file"), unit=unit, ends=ends)


def parse_bvh(lines: Lines, *, unit: str = "auto", ends: bool = False) -> Motion:
    """The motion in the lines of a file."""
    tree = _hierarchy(lines)
    values, fps = _motion(lines, sum(map(len, tree.channels)))
    if not any(c.endswith("rotation") for listed in tree.channels for c in listed):
        raise lines.error("no joint has rotation channels", "is this a BVH of a skeleton?", line=1)
    motion = _assembled(tree, values, fps, unit, lines.name)
    if ends:
        return motion
    from interleaf_body.skeleton import without

    return without(motion, frozenset(n for n in tree.names if n.endswith(END)))


def _hierarchy(lines: Lines) -> Tree:
    tree, stack = Tree(), [-1]
    lines.expect("HIERARCHY")
    while True:
        words = lines.words("the hierarchy")
        key = words[0]
        if key in ("ROOT", "JOINT", "End"):
            stack.append(_joint(lines, tree, words, stack[-1]))
            lines.expect("{")
        elif key == "}":
            if len(stack) == 1:
                raise lines.error("a } without its {", "balance the braces of the hierarchy")
            stack.pop()
        elif key == "OFFSET":
            tree.offsets[_inside(lines, stack)] = lines.numbers(words[1:], 3, "an OFFSET")
        elif key == "CHANNELS":
            tree.channels[_inside(lines, stack)] = _channels(lines, words)
        elif key == "MOTION":
            if len(stack) > 1:
                raise lines.error("MOTION inside of a joint", "close every { first")
            break
        else:
            raise lines.error(f"'{key}' in the hierarchy", "OFFSET, CHANNELS, JOINT, End Site or }")
    if not tree.names:
        raise lines.error("no ROOT before MOTION", "a BVH begins with HIERARCHY and ROOT <name>")
    return tree


def _inside(lines: Lines, stack: list[int]) -> int:
    if stack[-1] < 0:
        raise lines.error(
            "outside of any joint", "OFFSET and CHANNELS stand between a joint's braces"
        )
    return stack[-1]


def _joint(lines: Lines, tree: Tree, words: list[str], parent: int) -> int:
    if words[0] == "ROOT" and tree.names:
        raise lines.error("a second ROOT", "one skeleton a file; split the file")
    if words[0] != "ROOT" and parent < 0:
        raise lines.error(f"{words[0]} outside of ROOT", "a BVH begins with ROOT <name>")
    name = f"{tree.names[parent]}{END}" if words[0] == "End" else " ".join(words[1:])
    if not name:
        raise lines.error(f"{words[0]} without a name", "JOINT <name>")
    if name in tree.names:
        raise lines.error(f"a second joint '{name}'", "names of joints are unique")
    return tree.add(name, parent)


def _channels(lines: Lines, words: list[str]) -> list[str]:
    listed = [w[:1].upper() + w[1:].lower() for w in words[2:]]
    if len(words) < 2 or not words[1].isdecimal() or int(words[1]) != len(listed):
        raise lines.error(f"CHANNELS {' '.join(words[1:])}", "CHANNELS <how many> <their names>")
    for channel in listed:
        if channel not in CHANNELS or listed.count(channel) > 1:
            raise lines.error(
                f"channel '{channel}'", f"each at most once of {', '.join(sorted(CHANNELS))}"
            )
    turns = sum(c.endswith("rotation") for c in listed)
    if turns not in (0, 3) or len(listed) - turns not in (0, 3):
        raise lines.error(
            f"channels {' '.join(listed)}", "three rotations, and three positions or none"
        )
    return listed


def _motion(lines: Lines, width: int) -> tuple[Array, float]:
    """Channel values [T, width] and frames per second."""
    words = lines.words("Frames:")
    if words[0] not in ("Frames:", "Frames") or not words[-1].isdecimal():
        raise lines.error(f"'{' '.join(words)}'", "Frames: <how many>")
    count = int(words[-1])
    words = lines.words("Frame Time:")
    if [w.rstrip(":") for w in words[:2]] != ["Frame", "Time"] or len(words) != 3:
        raise lines.error(f"'{' '.join(words)}'", "Frame Time: <seconds>")
    if "," in words[2]:
        raise lines.error(
            f"frame time '{words[2]}' with a comma", f"write {words[2].replace(',', '.')}"
        )
    step = lines.numbers(words[2:], 1, "the frame time")[0]
    if not step > 0:
        raise lines.error(f"a frame time of {step:g} s", "a positive number of seconds")
    rows = lines.table(width)
    if count == 0 or len(rows) != count:
        raise lines.error(
            f"Frames: {count}, but {len(rows)} rows follow",
            "the file is cut off or its header wrong",
        )
    return rows, _tidy(1 / step)


def _tidy(fps: float) -> float:
    """Frame times are written with few digits: 0.0333333 is 30 frames a second."""
    for exact in (round(fps), round(fps * 1.001) / 1.001):
        if exact and abs(fps - exact) < 2e-4 * exact:
            return float(exact)
    return fps


def _assembled(tree: Tree, values: Array, fps: float, unit: str, name: str) -> Motion:
    offsets, parents = np.array(tree.offsets), tuple(tree.parents)
    size = reach(offsets, parents)
    scale = metres_per_unit(unit, size, name)
    turns = np.broadcast_to(quat.IDENTITY, (len(values), len(parents), 4)).copy()
    root, column = np.zeros((len(values), 3)), 0
    for j, channels in enumerate(tree.channels):
        block = dict(zip(channels, values[:, column : column + len(channels)].T, strict=True))
        column += len(channels)
        order = "".join(c[0] for c in channels if c.endswith("rotation"))
        if order:
            angles = np.stack([block[f"{axis}rotation"] for axis in order], -1)
            turns[:, j] = quat.from_euler(np.radians(angles), order)
        if "Xposition" in block:
            place = np.stack([block[f"{axis}position"] for axis in "XYZ"], -1)
            if j == 0:
                root = place
            else:
                offsets[j] = _still(place, size, tree.names[j], name)
    root = root + (0 if "Xposition" in tree.channels[0] else offsets[0])
    offsets[0] = 0.0
    return Motion(root * scale, turns, tuple(tree.names), parents, offsets * scale, fps)


def _still(place: Array, size: float, joint: str, name: str) -> Array:
    middle = place.mean(0)
    moved = float(np.abs(place - middle).max())
    if moved > STILL * max(size, 1e-9):
        raise InvalidInput(
            f"{name}: the position channels of '{joint}' move by {moved:.3g} units",
            hint="bones of a motion keep their length: export rotations only",
        )
    return middle
