"""Speech with its phonemes from the espeak-ng library, through ctypes.

The library is a Debian package (libespeak-ng1, espeak-ng-data); where it is missing, everything that
does not make teacher data works without. It remembers what it said, and says the same sentence a little
otherwise the next time: every sentence is said in a new process.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.pipeline.apart import apart

Floats = np.ndarray[Any, Any]
SYNCHRONOUS, PHONEME_EVENTS, UTF8 = 2, 1, 1
RATE, PITCH, SPREAD = 1, 3, 4  # espeak's parameters: words a minute, pitch and its range, 0..100
LIST_END, PHONEME = 0, 7  # kinds of events


@dataclass(frozen=True, slots=True)
class Voice:
    """How it is said: espeak's voice with a variant (``en-us+f3``), words a minute, pitch and its range."""

    name: str = "en-us"
    rate: int = 160
    pitch: int = 50
    spread: int = 50


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """``samples`` float32 in −1..1 at ``rate`` Hz; ``phonemes``: when each begins, in seconds, and its name
    in espeak's notation. Pauses are named ``_`` or begin with it."""

    samples: Floats
    rate: int
    phonemes: tuple[tuple[float, str], ...]


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text", ctypes.c_int),
        ("length", ctypes.c_int), ("audio", ctypes.c_int), ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p), ("name", ctypes.c_char * 8),
    )  # fmt: skip


_Heard = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def installed() -> bool:
    """Whether the library can be found."""
    return ctypes.util.find_library("espeak-ng") is not None


@lru_cache(1)
def _library() -> tuple[Any, int]:
    """The initialised library and its sample rate; it holds one state for the whole process."""
    found = ctypes.util.find_library("espeak-ng")
    if found is None:
        raise PluginMissing(
            "teacher speech needs the espeak-ng library",
            hint="apt install libespeak-ng1 espeak-ng-data (Debian, Ubuntu)",
        )
    library = ctypes.CDLL(found)
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)
    if rate <= 0:
        raise PluginMissing(
            "the espeak-ng library finds no data", hint="apt install espeak-ng-data"
        )
    return library, rate


@lru_cache(1)
def _process() -> ProcessPoolExecutor:
    """One new process for each sentence."""
    return ProcessPoolExecutor(1, apart(__name__), max_tasks_per_child=1)


def say(text: str, voice: Voice | None = None) -> Speech:
    """Synthesise ``text``, the same each time; InvalidInput for a voice that espeak-ng does not know."""
    if not installed():
        _library()  # says what is missing
    return _process().submit(_said, text, voice or Voice()).result()


def _said(text: str, voice: Voice) -> Speech:
    library, rate = _library()
    if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
        raise InvalidInput(f"espeak-ng has no voice '{voice.name}'", hint="espeak-ng --voices")
    for which, value in ((RATE, voice.rate), (PITCH, voice.pitch), (SPREAD, voice.spread)):
        library.espeak_SetParameter(which, value, 0)
    pieces: list[Floats] = []
    phonemes: list[tuple[float, str]] = []

    def heard(wav: Any, count: int, events: Any) -> int:
        if wav and count:
            pieces.append(np.ctypeslib.as_array(wav, (count,)).astype(np.float32) / 32768)
        i = 0
        while events and events[i].type != LIST_END:
            if events[i].type == PHONEME:
                phonemes.append((events[i].audio / 1000, events[i].name.decode(errors="replace")))
            i += 1
        return 0

    callback = _Heard(heard)
    library.espeak_SetSynthCallback(callback)
    data = text.encode() + b"\0"
    failed = library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, UTF8, None, None)
    if failed or not pieces:
        raise InvalidInput(f"espeak-ng said nothing for {text[:40]!r}", hint="give it words")
    return Speech(np.concatenate(pieces), rate, tuple(phonemes))


def sentence(words: Sequence[str], rng: np.random.Generator, length: tuple[int, int]) -> str:
    """Words drawn at random, with a pause now and then."""
    count = int(rng.integers(length[0], length[1] + 1))
    chosen = [str(words[i]) for i in rng.integers(0, len(words), count)]
    for i in range(count - 1):
        if rng.random() < 0.12:
            chosen[i] += ","
    return " ".join(chosen) + "."
