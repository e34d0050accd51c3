"""Short motion phrases: what "left", "turn right" or "moves slowly upwards" ask for.

A closed vocabulary of sixteen movements; free text is reduced to it by the words it holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Kind = Literal["shift", "grow", "turn", "still"]

COMPASS = ("right", "down right", "down", "down left", "left", "up left", "up", "up right")
OTHERS = ("closer", "away", "turn left", "turn right", "still")
VOCABULARY = (*COMPASS, *OTHERS)

SIDES = {
    "left": (-1, 0), "leftward": (-1, 0), "leftwards": (-1, 0), "west": (-1, 0),
    "right": (1, 0), "rightward": (1, 0), "rightwards": (1, 0), "east": (1, 0),
    "up": (0, -1), "upward": (0, -1), "upwards": (0, -1), "rise": (0, -1), "rises": (0, -1),
    "rising": (0, -1), "lift": (0, -1), "lifts": (0, -1), "north": (0, -1), "float": (0, -1),
    "down": (0, 1), "downward": (0, 1), "downwards": (0, 1), "fall": (0, 1), "falls": (0, 1),
    "falling": (0, 1), "sink": (0, 1), "sinks": (0, 1), "drop": (0, 1), "drops": (0, 1),
    "south": (0, 1),
}  # fmt: skip
GROW = {
    "closer": 1, "near": 1, "nearer": 1, "approach": 1, "approaches": 1, "approaching": 1,
    "grow": 1, "grows": 1, "forward": 1, "away": -1, "recede": -1, "recedes": -1, "shrink": -1,
    "shrinks": -1, "back": -1, "backward": -1, "backwards": -1,
}  # fmt: skip
TURN = {
    "turn",
    "turns",
    "turning",
    "rotate",
    "rotates",
    "rotating",
    "spin",
    "spins",
    "tilt",
    "tilts",
}
STILL = {"still", "stay", "stays", "freeze", "motionless", "static"}


@dataclass(frozen=True, slots=True)
class Movement:
    """What a phrase asks for: ``shift`` along ``angle`` (radians, 0 to the right, clockwise as seen),
    ``grow`` or ``turn`` with a ``sign`` (closer and clockwise are positive), or ``still``."""

    kind: Kind
    angle: float = 0.0
    sign: int = 1


class UnknownPhrase(ValueError):
    """No word of a phrase names a movement; ``near`` lists phrases that do."""

    def __init__(self, phrase: str) -> None:
        words = re.findall(r"[a-z]+", phrase.lower())
        close = [m for w in words for m in get_close_matches(w, VOCABULARY, 2, 0.6)]
        self.near = tuple(dict.fromkeys(close)) or VOCABULARY
        super().__init__(f"'{phrase}' names no movement")


def understood(phrase: str) -> Movement:
    """The movement a phrase names; UnknownPhrase where no word of it does."""
    words = re.findall(r"[a-z]+", phrase.lower())
    if any(w in STILL for w in words) or phrase.strip().lower() == "nothing":
        return Movement("still")
    x = sum(SIDES[w][0] for w in words if w in SIDES)
    y = sum(SIDES[w][1] for w in words if w in SIDES)
    turn = _turning(words, x)
    if turn:
        return Movement("turn", sign=turn)
    if x or y:
        return Movement("shift", math.atan2(y, x))
    sizes = [GROW[w] for w in words if w in GROW]
    if "zoom" in words:
        sizes.append(-1 if "out" in words else 1)
    if sizes:
        return Movement("grow", sign=sizes[0])
    raise UnknownPhrase(phrase)


def _turning(words: list[str], x: int) -> int:
    if "clockwise" in words:
        return -1 if {"anti", "counter"} & set(words) else 1
    if "anticlockwise" in words or "counterclockwise" in words:
        return -1
    if not TURN & set(words):
        return 0
    return -1 if x < 0 else 1


def named(angle: float) -> str:
    """The compass phrase nearest to an angle in radians."""
    return COMPASS[round(angle / (math.pi / 4)) % 8]


def opposite(phrase: str) -> str:
    """The phrase of the movement played backwards."""
    pairs = {"closer": "away", "turn left": "turn right", "still": "still"}
    pairs |= {v: k for k, v in pairs.items()}
    return pairs[phrase] if phrase in pairs else COMPASS[(COMPASS.index(phrase) + 4) % 8]


def mirrored(phrase: str) -> str:
    """The phrase of the movement in a picture flipped left to right."""
    if "left" in phrase:
        return phrase.replace("left", "right")
    return phrase.replace("right", "left")
