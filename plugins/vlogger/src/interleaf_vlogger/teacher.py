"""Lips that a rule moves by the phonemes of a synthesised sentence: teacher data, not captured speech.

Every phoneme has a shape of the mouth; shapes are blurred over time, as lips are on their way from one to
the next, and lips that must meet (p, b, m) meet whatever comes before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

Floats = np.ndarray[Any, Any]

# What the network moves: how far the jaw is open, how much of that the lips close again, rounded lips,
# funnelled lips, wide lips, and the lower lip under the upper teeth. All 0..1.
LIPS = ("jaw", "closure", "pucker", "funnel", "stretch", "roll")
_FINE = 200.0  # Hz, at which shapes are blurred
_BLUR = 0.030  # seconds: a Gaussian's standard deviation
_BLUR_CLOSURE = 0.016
_EARLY = 0.035  # seconds by which closing lips are ahead of the sound

# jaw, closure, pucker, funnel, stretch, roll, by how a name in espeak's notation begins; the longest fits.
SHAPES: dict[str, tuple[float, ...]] = {
    "_": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "p": (0.15, 1.0, 0.0, 0.0, 0.0, 0.0), "b": (0.15, 1.0, 0.0, 0.0, 0.0, 0.0),
    "m": (0.15, 1.0, 0.0, 0.0, 0.0, 0.0),
    "f": (0.12, 0.3, 0.0, 0.0, 0.0, 0.7), "v": (0.12, 0.3, 0.0, 0.0, 0.0, 0.7),
    "w": (0.16, 0.0, 0.8, 0.2, 0.0, 0.0), "r": (0.18, 0.0, 0.3, 0.2, 0.0, 0.0),
    "S": (0.14, 0.0, 0.2, 0.6, 0.0, 0.0), "Z": (0.14, 0.0, 0.2, 0.6, 0.0, 0.0),
    "tS": (0.14, 0.0, 0.2, 0.6, 0.0, 0.0), "dZ": (0.14, 0.0, 0.2, 0.6, 0.0, 0.0),
    "T": (0.16, 0.0, 0.0, 0.0, 0.1, 0.0), "D": (0.16, 0.0, 0.0, 0.0, 0.1, 0.0),
    "s": (0.10, 0.0, 0.0, 0.0, 0.4, 0.0), "z": (0.10, 0.0, 0.0, 0.0, 0.4, 0.0),
    "t": (0.14, 0.0, 0.0, 0.0, 0.2, 0.0), "d": (0.14, 0.0, 0.0, 0.0, 0.2, 0.0),
    "n": (0.14, 0.0, 0.0, 0.0, 0.2, 0.0), "l": (0.20, 0.0, 0.0, 0.0, 0.1, 0.0),
    "j": (0.16, 0.0, 0.0, 0.0, 0.5, 0.0), "h": (0.25, 0.0, 0.0, 0.0, 0.0, 0.0),
    "k": (0.20, 0.0, 0.0, 0.0, 0.1, 0.0), "g": (0.20, 0.0, 0.0, 0.0, 0.1, 0.0),
    "N": (0.20, 0.0, 0.0, 0.0, 0.1, 0.0),
    "a": (0.60, 0.0, 0.0, 0.0, 0.2, 0.0), "A": (0.65, 0.0, 0.0, 0.0, 0.0, 0.0),
    "V": (0.45, 0.0, 0.0, 0.0, 0.0, 0.0), "0": (0.50, 0.0, 0.2, 0.2, 0.0, 0.0),
    "E": (0.40, 0.0, 0.0, 0.0, 0.4, 0.0), "e": (0.38, 0.0, 0.0, 0.0, 0.4, 0.0),
    "@": (0.28, 0.0, 0.0, 0.0, 0.0, 0.0), "3": (0.28, 0.0, 0.25, 0.1, 0.0, 0.0),
    "I": (0.24, 0.0, 0.0, 0.0, 0.4, 0.0), "i": (0.20, 0.0, 0.0, 0.0, 0.6, 0.0),
    "O": (0.42, 0.0, 0.4, 0.3, 0.0, 0.0), "o": (0.32, 0.0, 0.6, 0.3, 0.0, 0.0),
    "U": (0.22, 0.0, 0.6, 0.2, 0.0, 0.0), "u": (0.20, 0.0, 0.9, 0.2, 0.0, 0.0),
    "y": (0.20, 0.0, 0.9, 0.2, 0.0, 0.0),
}  # fmt: skip
_OTHER = SHAPES["@"]  # of a sound that is not listed
# Vowels that end elsewhere than they begin: the shape of their second half.
SECOND = {"aI": "I", "aU": "U", "OI": "I", "eI": "I", "oU": "U", "i@": "@", "e@": "@", "U@": "@"}
OPEN = ("a", "A", "V", "0", "O")  # vowels for which a mouth must be seen open
MEET = ("p", "b", "m")


def shape_of(name: str) -> tuple[float, ...]:
    """The mouth of a phoneme, by the longest listed beginning of its name."""
    for length in (2, 1):
        if name[:length] in SHAPES:
            return SHAPES[name[:length]]
    return _OTHER


def lips(phonemes: Sequence[tuple[float, str]], frames: int, fps: float) -> Floats:
    """Curves [frames, 6] in the order of ``LIPS``, frame i at time i / fps."""
    count = int(np.ceil((frames + 1) / fps * _FINE)) + 1
    target = np.zeros((count, len(LIPS)))
    meeting = np.zeros(count)
    starts = [t for t, _ in phonemes] + [count / _FINE]
    for (start, name), stop in zip(phonemes, starts[1:], strict=True):
        a, b = round(start * _FINE), max(round(stop * _FINE), round(start * _FINE) + 1)
        half = SECOND.get(name[:2])
        target[a:b] = shape_of(name)
        if half:
            target[(a + b) // 2 : b] = SHAPES[half]
        if name[:1] in MEET:
            meeting[max(0, a - round(_EARLY * _FINE)) : b] = 1.0
    closure = LIPS.index("closure")
    sound = target[:, closure] * (meeting == 0)
    curves = gaussian_filter1d(target, _BLUR * _FINE, axis=0, mode="nearest")
    met = gaussian_filter1d(meeting, _BLUR_CLOSURE * _FINE, mode="nearest")
    curves[:, closure] = np.maximum(
        gaussian_filter1d(sound, _BLUR * _FINE, mode="nearest"), np.minimum(1.25 * met, 1.0)
    )
    at = np.arange(frames) / fps * _FINE
    whole = np.minimum(at.astype(int), count - 2)
    part = (at - whole)[:, None]
    return np.asarray((1 - part) * curves[whole] + part * curves[whole + 1], np.float32)


# What the curves mean to a face with ARKit's actions: closure acts on what the jaw has opened.
ACTIONS = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthStretchLeft", "mouthStretchRight",
           "mouthRollLower", "eyeBlinkLeft", "eyeBlinkRight")  # fmt: skip


def actions(curves: Floats, blinks: Floats | None = None) -> Floats:
    """Amounts [T, 9] of ``ACTIONS`` from curves [T, 6] and how far the eyes are closed [T]."""
    jaw, closure, pucker, funnel, stretch, roll = np.clip(curves, 0, 1).T
    shut = np.zeros(len(curves)) if blinks is None else np.clip(blinks, 0, 1)
    out = np.stack([jaw, closure * jaw, pucker, funnel, stretch, stretch, roll, shut, shut], axis=1)
    return out.astype(np.float32)


def gap_of_curves(curves: Floats) -> Floats:
    """How far the lips are apart [T], 0..1."""
    gap: Floats = np.clip(curves[:, 0], 0, 1) * (1 - np.clip(curves[:, 1], 0, 1))
    return gap


def blinking(first: int, last: int, fps: float, rng: np.random.Generator) -> Floats:
    """How far the eyes are closed in frames first..last-1: blinks of 0.2 s, about 17 a minute, at least a
    second apart. A rule (exponential pauses from frame 0 on), not learnt: nothing was trained on eyes.
    """
    times = np.arange(first, last) / fps
    shut, at = np.zeros(last - first), 0.5 + rng.exponential(2.5)
    while at < last / fps + 0.2:
        shut = np.maximum(shut, np.clip(1.2 - np.abs(times - at) / 0.1, 0, 1))
        at += 1.0 + rng.exponential(2.5)
    return shut
