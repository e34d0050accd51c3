"""A voice over a photo: movement block after block, laid over the fitted pose, drawn frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model
from interleaf.values import Frames, Image, Motion
from interleaf_body import quaternions as quat
from interleaf_body.identity import expressions
from interleaf_body.model import BakedBody
from interleaf_body.values import Face, Person
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.config import CompositorConfig
from interleaf_vlogger.people import MOVED, is_arm

Floats = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Manner:
    """``liveliness``: how much of the body's movement, 1 for all of it; ``arms``: whether they move, which
    only makes sense where the photo's arms lie where the fitted body has them."""

    liveliness: float = 0.5
    arms: bool = False


class Placed(Protocol):
    """Someone whose body is fitted: a compositor, or what makes control maps."""

    @property
    def person(self) -> Person: ...

    @property
    def body(self) -> BakedBody: ...


def poses(placed: Placed, turns: Floats, manner: Manner) -> Floats:
    """Rotation vectors [T, J, 3] of the photo's pose and residuals [T, 3 J'] over it."""
    person, body = placed.person, placed.body
    names = MOVED[person.body]
    kept = np.array([manner.liveliness * (manner.arms or not is_arm(n)) for n in names])
    delta = turns.reshape(len(turns), -1, 3) * kept[:, None]
    fixed = np.repeat(np.asarray(person.rotvec, np.float64), len(turns), axis=0)
    at = [body.topology.joint_names.index(n) for n in names]
    whole = quat.multiply(quat.from_rotvec(fixed[:, at]), quat.from_rotvec(delta))
    fixed[:, at] = quat.to_rotvec(whole)
    return fixed.astype(np.float32)


def closing(face: Face, compositor: Compositor) -> Floats:
    """How far [T, 2] the upper and the lower of lips that the photo shows apart have come together, 0..1.

    A smile stays one while nothing is said; lips cover its teeth where they must meet or round; where a jaw
    opens, the lower lip goes no further down than the jaw or the photo has it.
    """
    if not (compositor.brought and compositor.brought.mouth.opened):
        return np.zeros((len(face.amounts), 2))
    told = dict(zip(face.names, np.clip(face.amounts, 0, 1).T, strict=True))
    none = np.zeros(len(face.amounts))
    jaw, shut = told.get("jawOpen", none), told.get("mouthClose", none)
    meeting = np.minimum(shut / np.maximum(jaw, 0.05), 1)
    rounded = 1.5 * (told.get("mouthPucker", none) + told.get("mouthFunnel", none))
    both = np.maximum(meeting, rounded)
    wide = np.maximum(jaw - shut, 0) * opens(compositor.body) / compositor.brought.apart
    found: Floats = np.clip(np.stack([both, np.maximum(both, wide)], 1), 0, 1)
    return found


def opens(body: BakedBody) -> float:
    """Metres by which a jaw that is all open parts the lips."""
    return float(-body.basis[body.topology.expression_names.index("jawOpen"), :, 1].min())


def moved(placed: Placed, turns: Floats, face: Face, manner: Manner) -> Floats:
    """Vertices [T, V, 3] of the fitted body with residuals [T, 3 J'] over its pose and a face [T]."""
    amounts = expressions(placed.body, face, len(turns))
    place = np.repeat(placed.person.transl[None], len(turns), axis=0).astype(np.float32)
    found: Floats = placed.body(poses(placed, turns, manner), amounts, place).vertices
    return found


def laid(person: Person, motion: Motion, face: Face | None) -> tuple[Floats, Face]:
    """A motion of residuals, as ``vlogger.motion`` gives it, as turns [T, 3 J'], and a face as long."""
    names = MOVED[person.body]
    if not set(names) <= set(motion.joints):
        raise InvalidInput("the motion is on another skeleton", hint=f"body: {person.body}")
    at = [motion.joints.index(n) for n in names]
    turns = quat.to_rotvec(motion.rotations[:, at]).reshape(len(motion.root), -1)
    still = face or Face(np.zeros((1, 1), np.float32), ("jawOpen",))
    if not len(still.amounts):
        raise InvalidInput("a face needs frames")
    held = np.minimum(np.arange(len(turns)), len(still.amounts) - 1)
    return turns, replace(still, amounts=still.amounts[held])


def matching(image: Image, person: Person) -> Floats:
    """The photo that a person was fitted to, as uint8 [H, W, C]; InvalidInput for another size."""
    if image.pixels.shape[1::-1] != tuple(person.size):
        raise InvalidInput(
            f"the person was fitted to a photo of {person.size[0]}×{person.size[1]} pixels",
            hint="the same photo",
        )
    return _bytes(image.pixels)


def drawn(
    compositor: Compositor, blocks: Iterable[tuple[Floats, Face]], manner: Manner
) -> Iterator[Floats]:
    """Frames [H, W, 3] uint8 of blocks of residuals [n, 3 J'] and faces."""
    for turns, face in blocks:
        posed = moved(compositor, turns, face, manner)
        for vertices, shut in zip(posed, closing(face, compositor), strict=True):
            yield compositor.frame(vertices, shut)


def animated(
    compositor: Compositor, motion: Motion, face: Face | None, manner: Manner, ctx: Context
) -> Frames:
    """Frames of the photo's size, one for each of a motion, with progress."""
    turns, held = laid(compositor.person, motion, face)
    out = np.empty((len(turns), *compositor.photo.shape), np.uint8)
    for i, frame in enumerate(drawn(compositor, [(turns, held)], manner)):
        out[i] = frame
        ctx.monitor.progress(i + 1, len(turns))
    return Frames(out, Fraction(str(float(motion.fps))).limit_denominator(1001))


class Composite(Model):
    """A photo that moves with the body fitted to it, without learning."""

    Config = CompositorConfig

    def apply(
        self, image: Image, person: Person, motion: Motion, face: Face | None = None,
        ctx: Context | None = None,
    ) -> Frames:  # fmt: skip
        """Frames of the photo's size, one for each of the motion: residuals over the rest pose, as
        ``vlogger.motion`` gives them, on the skeleton of the person's body."""
        compositor = Compositor(matching(image, person), person)
        manner = Manner(self.config.liveliness, self.config.arms)
        return animated(compositor, motion, face, manner, ctx or Context())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_vlogger.example import example_person, example_photo, example_turns

        call = {"image": example_photo(), "person": example_person()}
        face = Face(np.array([[0.0], [0.6]], np.float32), ("jawOpen",))
        return {
            "configs": [CompositorConfig(), CompositorConfig(arms=True, liveliness=1.0)],
            "calls": {"apply": [{**call, "motion": example_turns(), "face": face}]},
        }


def _bytes(pixels: Floats) -> Floats:
    if pixels.dtype == np.uint8:
        return pixels
    top = 65535 if pixels.dtype == np.uint16 else 1.0
    found: Floats = np.rint(np.clip(pixels / top, 0, 1) * 255).astype(np.uint8)
    return found
