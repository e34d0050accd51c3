"""Sounds that only resemble speech: tones and hiss with known phonemes, for tests and trying things out.

Vowels are harmonics through two resonances, consonants are noise, lips that meet are silence. Nobody
would understand them; a model trained on them speaks to nobody. Teacher speech is espeak-ng's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interleaf_vlogger.espeak import Speech

Floats = np.ndarray[Any, Any]
RATE = 16_000
# Vowels by their two resonances in Hz (Peterson and Barney 1952, rounded), and noises by their centre.
VOWELS = {"a": (730, 1100), "i": (270, 2300), "u": (300, 870), "E": (530, 1850), "O": (570, 840)}
NOISES = {"s": 6000, "S": 3000, "f": 4500, "t": 5000}
MEET = ("p", "m", "b")


def murmur(syllables: int, rng: np.random.Generator) -> Speech:
    """So many syllables of one consonant and one vowel, a pause before and after."""
    pitch = float(rng.uniform(90, 230))
    pieces, phonemes, at = [np.zeros(RATE // 5, np.float32)], [(0.0, "_")], 0.2
    for _ in range(syllables):
        consonant = str(rng.choice([*NOISES, *MEET]))
        vowel = str(rng.choice(list(VOWELS)))
        for name, seconds in (
            (consonant, rng.uniform(0.07, 0.11)),
            (vowel, rng.uniform(0.12, 0.24)),
        ):
            piece = _sound(name, int(seconds * RATE), pitch, rng)
            phonemes.append((at, name))
            pieces.append(piece)
            at += len(piece) / RATE
    phonemes.append((at, "_"))
    pieces.append(np.zeros(RATE // 3, np.float32))
    return Speech(np.concatenate(pieces), RATE, tuple(phonemes))


def _sound(name: str, count: int, pitch: float, rng: np.random.Generator) -> Floats:
    t = np.arange(count) / RATE
    shape = np.sin(np.pi * np.clip(np.arange(count) / count, 0, 1)) ** 0.5
    if name in VOWELS:
        first, second = VOWELS[name]
        k = pitch * np.arange(1, int(4000 / pitch))
        loud = sum(1 / (1 + ((k - f) / 120.0) ** 2) for f in (first, second))
        wave = (np.sin(2 * np.pi * k[:, None] * t) * np.asarray(loud)[:, None]).sum(0)
        return (0.2 * shape * wave / max(np.abs(wave).max(), 1e-6)).astype(np.float32)
    if name in NOISES:
        wave = rng.normal(0, 1, count) * np.cos(2 * np.pi * NOISES[name] * t)
        return (0.05 * shape * wave).astype(np.float32)
    return np.zeros(count, np.float32)
