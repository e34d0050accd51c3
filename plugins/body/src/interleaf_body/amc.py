"""Acclaim files: an ASF skeleton and the AMC frames that go with it.

A bone's axes C and angles turn it by L = C R C^-1 in frames parallel to the world, which is the
convention of `skeleton`. A bone of the file becomes a joint at its tip's parent end: joint ``lfemur``
sits where the left femur begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.lines import Lines, read_lines
from interleaf_body.quaternions import IDENTITY, Array

INCH = 0.0254


@dataclass
class Bone:
    """One bone: where it points, how long, its axes, its degrees of freedom."""

    direction: Array = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axes: Array = field(default_factory=lambda: IDENTITY.copy())
    freedom: tuple[str, ...] = ()


@dataclass
class Skeleton:
    """What an ASF file says; lengths in metres."""

    bones: dict[str, Bone]
    parents: dict[str, str]
    scale: float
    radians: bool


def read_amc(file: Path, asf: Path | None = None, *, fps: float = 120.0) -> Motion:
    """The motion of an AMC file in metres. ``asf``: its skeleton, by default the only one beside it,
    or the one whose name begins like the file's. Frames are 120 a second unless told otherwise:
    the format does not say. Raises InvalidInput with the line of what is wrong."""
    skeleton = _read_asf(read_lines(asf or _beside(file), "an ASF skeleton"))
    return _animated(skeleton, _read_frames(read_lines(file, "an AMC file"), skeleton), fps)


def _beside(file: Path) -> Path:
    found = sorted(file.parent.glob("*.asf")) + sorted(file.parent.glob("*.ASF"))
    near = [f for f in found if file.stem.startswith(f.stem)] or found
    if len(near) != 1:
        raise InvalidInput(f"{file}: {len(near)} skeletons beside it", hint="name the .asf file")
    return near[0]


def _read_asf(lines: Lines) -> Skeleton:
    bones: dict[str, Bone] = {"root": Bone()}
    parents: dict[str, str] = {}
    section, length, degrees = "", 1.0, True
    while lines.more():
        words = lines.words("a section")
        if words[0].startswith(":"):
            section = words[0]
        elif section == ":units" and words[0] == "length":
            length = lines.numbers(words[1:], 1, "the unit of length")[0]
        elif section == ":units" and words[0] == "angle":
            degrees = words[1:] != ["rad"]
        elif section == ":root" and words[0] == "axis":
            bones["root"].freedom = tuple(f"r{c.lower()}" for c in words[1])
        elif section == ":bonedata" and words[0] == "begin":
            name, bone = _bone(lines, degrees)
            bones[name] = bone
        elif section == ":hierarchy" and words[0] not in ("begin", "end"):
            _children(lines, words, bones, parents)
    if len(bones) == 1 or not parents:
        raise lines.error("no :bonedata or no :hierarchy", "an ASF skeleton")
    if not length > 0:
        raise lines.error(f"a unit of length of {length:g}", "a positive number")
    return Skeleton(bones, parents, INCH / length, not degrees)


def _children(
    lines: Lines, words: list[str], bones: dict[str, Bone], parents: dict[str, str]
) -> None:
    for child in words[1:]:
        for name in (words[0], child):
            if name not in bones:
                raise lines.error(f"no bone '{name}'", "bones of :bonedata")
        if child in parents or child == "root" or (words[0] != "root" and words[0] not in parents):
            raise lines.error(f"'{child}' below '{words[0]}'", "a tree, parents first")
        parents[child] = words[0]


def _bone(lines: Lines, degrees: bool) -> tuple[str, Bone]:
    name, bone = "", Bone()
    while (words := lines.words("end of the bone"))[0] != "end":
        if words[0] == "name" and len(words) == 2:
            name = words[1]
        elif words[0] == "direction":
            bone.direction = np.array(lines.numbers(words[1:], 3, "a direction"))
        elif words[0] == "length":
            bone.length = lines.numbers(words[1:], 1, "a length")[0]
        elif words[0] == "axis":
            angles = np.array(lines.numbers(words[1:4], 3, "an axis"))
            order = words[4].upper() if len(words) > 4 else "XYZ"
            bone.axes = _turn(np.radians(angles) if degrees else angles, order)
        elif words[0] == "dof":
            bone.freedom = tuple(w.lower() for w in words[1:])
    if not name:
        raise lines.error("a bone without a name", "name <bone>")
    return name, bone


def _turn(angles: Array, order: str) -> Array:
    """Acclaim's order is applied first letter first, to fixed axes: BVH's, reversed."""
    return quat.from_euler(angles[..., ::-1], order[::-1])


def _read_frames(lines: Lines, skeleton: Skeleton) -> dict[str, list[list[float]]]:
    """Values of every bone, frame by frame."""
    values: dict[str, list[list[float]]] = {}
    count = 0
    while lines.more():
        words = lines.words("frames")
        if words[0].startswith((":", "#")):
            continue
        if len(words) == 1 and words[0].isdecimal():
            _whole(lines, values, count)
            count += 1
            continue
        bone = skeleton.bones.get(words[0])
        if bone is None or not count:
            raise lines.error(f"'{words[0]}'", "a frame's number, then bones of the skeleton")
        wanted = 6 if words[0] == "root" else len(bone.freedom)
        rows = values.setdefault(words[0], [])
        rows.append(lines.numbers(words[1:], wanted, f"values of '{words[0]}'"))
        if len(rows) != count:
            raise lines.error(f"'{words[0]}' in frame {count}", "every bone once in every frame")
    _whole(lines, values, count)
    if not count or "root" not in values:
        raise lines.error("no frames", "frames with a root")
    return values


def _whole(lines: Lines, values: dict[str, list[list[float]]], count: int) -> None:
    short = [name for name, rows in values.items() if len(rows) != count]
    if short:
        raise lines.error(f"'{short[0]}' is missing in frame {count}", "every bone in every frame")


def _animated(skeleton: Skeleton, values: dict[str, list[list[float]]], fps: float) -> Motion:
    names = ["root", *skeleton.parents]
    rows = np.array(values["root"])
    turns = np.broadcast_to(IDENTITY, (len(rows), len(names), 4)).copy()
    offsets = np.zeros((len(names), 3))
    for j, name in enumerate(names):
        bone = skeleton.bones[name]
        channels = rows[:, 3:] if j == 0 else np.array(values.get(name, np.zeros((len(rows), 0))))
        freedom = (bone.freedom or ("rx", "ry", "rz")) if j == 0 else bone.freedom
        if channels.shape[1]:
            angles = channels if skeleton.radians else np.radians(channels)
            turn = _turn(angles, "".join(f[1].upper() for f in freedom))
            turns[:, j] = quat.multiply(quat.multiply(bone.axes, turn), quat.inverse(bone.axes))
        if j and skeleton.parents[name] != "root":
            above = skeleton.bones[skeleton.parents[name]]
            offsets[j] = above.direction * above.length * skeleton.scale
    parents = (-1, *(names.index(skeleton.parents[n]) for n in names[1:]))
    return Motion(rows[:, :3] * skeleton.scale, turns, tuple(names), parents, offsets, float(fps))
