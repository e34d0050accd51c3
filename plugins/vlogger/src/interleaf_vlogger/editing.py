"""An expression changed in a photo or a video, and nothing else (section 1.4 of the paper: "video editing").

The mask is where coordinates of the body change when the fitted body's expression does, a little wider;
every pixel outside of it is the given one, bit for bit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from interleaf.errors import InvalidInput, did_you_mean
from interleaf_body.identity import expressions
from interleaf_body.values import Face, Person
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.inside import PARTS_INSIDE
from interleaf_vlogger.speaking import closing, opens

Floats = np.ndarray[Any, Any]
TARGETS = ("mouth", "eyes", "gaze")
WIDEST = 0.7  # of ARKit's jawOpen: a mouth that is all open
MOVED = 0.05  # pixels by which a point of the body must move to be in the mask
FORM = re.compile(r"(\w+)=(x?)(-?[\d.]+)(?:,(-?[\d.]+))?(?:@(\d+)-(\d+))?")


@dataclass(frozen=True, slots=True)
class Operation:
    """``value`` of a ``target`` in frames ``first`` to ``last`` (all where ``last`` is -1); ``scaled``: of
    what the picture's lips are apart; ``other``: a gaze's height."""

    target: str
    value: float
    other: float = 0.0
    scaled: bool = False
    first: int = 0
    last: int = -1

    def at(self, frame: int) -> bool:
        """Whether it changes a frame."""
        return frame >= self.first and (self.last < 0 or frame <= self.last)


def read(words: str, actions: tuple[str, ...]) -> Operation:
    """``TARGET=VALUE@FIRST-LAST``; ``actions``: the body's own. InvalidInput names what is wrong."""
    found = FORM.fullmatch(words.replace(" ", ""))
    if not found:
        raise InvalidInput(
            f"'{words}' is no edit", hint="such as mouth=0, eyes=1@10-20, gaze=0.5,0"
        )
    target, scaled, value, other, first, last = found.groups()
    if target not in (*TARGETS, *actions):
        raise InvalidInput(
            f"'{words}': no target '{target}'", hint=did_you_mean(target, (*TARGETS, *actions))
        )
    made = Operation(
        target, float(value), float(other or 0), bool(scaled), int(first or 0), int(last or -1)
    )
    low = -1.0 if target == "gaze" else 0.0
    good = made.value >= 0 if scaled else low <= made.value <= 1 and low <= made.other <= 1
    if not good or (scaled and target != "mouth") or (other and target != "gaze"):
        raise InvalidInput(
            f"'{words}': the value is out of range",
            hint=f"{low:g} to 1; x0.5 scales the mouth alone; two numbers are for gaze alone",
        )
    return made


def edited(
    picture: Floats, person: Person, operations: list[Operation], grow: int = 3,
    within: Floats | None = None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """A picture [H, W, 3] uint8 with another expression, and the mask [H, W] of what may differ.

    ``within`` [H, W]: a mask of the user's, outside of which nothing changes either.
    """
    known = Compositor(picture, person, share=np.ones(picture.shape[:2], np.float32))
    face, met = _expression(known, operations)
    amounts = expressions(known.body, face, 1)
    vertices = known.body(person.rotvec, amounts, person.transl[None]).vertices[0]
    found = known.drawn(vertices, met)
    made, field, part = found.frame, found.field, found.part
    moved = (np.abs(field) > MOVED).any(-1) | (np.isin(part, PARTS_INSIDE) & (field != 0).any(-1))
    mask = moved & ((part > 0) | (known.part > 0))
    mask |= np.isin(part, PARTS_INSIDE) != np.isin(known.part, PARTS_INSIDE)
    mask = ndimage.binary_dilation(mask, iterations=grow) if grow and mask.any() else mask
    if within is not None:
        mask &= within > 0
    soft = np.clip(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] / 2, 0, 1)[..., None]
    mixed = np.rint(soft * made + (1 - soft) * known.photo).astype(np.uint8)
    return np.where(mask[..., None], mixed, known.photo), mask


def _expression(known: Compositor, operations: list[Operation]) -> tuple[Face, Floats]:
    """The face that operations ask for, and how far [2] each lip comes back to the other."""
    told: dict[str, float] = {}
    met: Floats | None = None
    for o in operations:
        if o.target == "mouth":
            told["jawOpen"], met = _mouth(known, o)
        elif o.target == "eyes":
            told |= {"eyeBlinkLeft": o.value, "eyeBlinkRight": o.value}
        elif o.target == "gaze":
            told |= _gaze(o.value, o.other)
        else:
            told[o.target] = o.value
    names = tuple(told) or known.body.topology.expression_names[:1]
    face = Face(np.array([[told.get(n, 0.0) for n in names]], np.float32), names)
    return face, closing(face, known)[0] if met is None else met


def _mouth(known: Compositor, o: Operation) -> tuple[float, Floats | None]:
    brought = known.brought
    if o.scaled:
        if not (brought and brought.mouth.opened):
            return 0.0, None
        if o.value <= 1:
            return 0.0, np.full(2, 1 - o.value)
        return min((o.value - 1) * brought.apart / opens(known.body), 1.0), np.zeros(2)
    if o.value == 0:
        return 0.0, np.ones(2)
    return WIDEST * o.value, None


def _gaze(left: float, up: float) -> dict[str, float]:
    """ARKit's actions of eyes that look to the person's left (1) or right (-1), and up (1) or down (-1)."""
    return {
        "eyeLookOutLeft": max(left, 0.0), "eyeLookInRight": max(left, 0.0),
        "eyeLookInLeft": max(-left, 0.0), "eyeLookOutRight": max(-left, 0.0),
        "eyeLookUpLeft": max(up, 0.0), "eyeLookUpRight": max(up, 0.0),
        "eyeLookDownLeft": max(-up, 0.0), "eyeLookDownRight": max(-up, 0.0),
    }  # fmt: skip
