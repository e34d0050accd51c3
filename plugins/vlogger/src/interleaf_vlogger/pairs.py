"""Sound with the movement that goes with it: here made from a synthetic voice and motion files.

Teacher data: lips follow a rule (`teacher`), and head and arms come from clips that nobody spoke in,
chosen so that they are lively where the voice is loud. **Constructed pairing, not captured speech.**
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset
from interleaf.values import Audio
from interleaf.weights import sha256_of
from interleaf_body.backends import body_model
from interleaf_body.files import SUFFIXES, read_motion
from interleaf_body.retarget import onto
from interleaf_body.skeleton import resample
from interleaf_vlogger import sound
from interleaf_vlogger.agreement import beat
from interleaf_vlogger.config import HELD_VOICES, VOICES, TeacherConfig
from interleaf_vlogger.espeak import Speech, Voice, say, sentence
from interleaf_vlogger.murmur import murmur
from interleaf_vlogger.people import mirrored, residuals
from interleaf_vlogger.teacher import lips

Floats = np.ndarray[Any, Any]
WORDS_HELD = 5  # one word in so many is never trained on
QUICKEST, SLOWEST = 0.85, 1.15  # at which clips are played


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """``samples`` [S] float32 at 16 kHz; at ``fps`` ``lips`` [T, 6] as ``teacher.LIPS`` and ``body`` [T, D],
    residual rotation vectors of ``people.MOVED``; ``phonemes`` and when they begin; what it was made from."""

    samples: Floats
    lips: Floats
    body: Floats
    fps: float
    phonemes: tuple[tuple[float, str], ...] = ()
    text: str = ""
    voice: str = ""
    source: str = ""


class Teacher(Dataset):
    """Sentences that espeak-ng says, with the lips of a rule and the gestures of motion files."""

    Config = TeacherConfig

    def open(self, ctx: Context | None = None) -> Teacher:
        """This."""
        return self

    def __len__(self) -> int:
        return int(self.config.utterances)

    def ids(self) -> Iterator[str]:
        """The part and a number."""
        return (f"{self.config.part}-{i:06d}" for i in range(len(self)))

    def __iter__(self) -> Iterator[Pair]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Pair:
        if not 0 <= index < len(self):
            raise IndexError(index)
        c = self.config
        rng = np.random.default_rng([c.seed % 2**32, index, c.part == "held"])
        spoken, text, voice = self._spoken(index, rng)
        heard = sound.mono(Audio(spoken.samples[:, None], spoken.rate))
        return self._paired(spoken, heard, text, voice, rng)

    def _spoken(self, index: int, rng: np.random.Generator) -> tuple[Speech, str, str]:
        """The sound, what is said, and by whom."""
        c = self.config
        if c.speech == "murmur":
            return murmur(2 * int(rng.integers(c.words[0], c.words[1] + 1)), rng), "", "murmur"
        voices = c.voices or (VOICES if c.part == "train" else HELD_VOICES)
        voice = Voice(
            voices[index % len(voices)], int(rng.integers(130, 190)), int(rng.integers(30, 71)),
            int(rng.integers(30, 71)),
        )  # fmt: skip
        text = sentence(self._words, rng, c.words)
        return say(text, voice), text, voice.name

    def _paired(
        self, spoken: Speech, heard: Floats, text: str, voice: str, rng: np.random.Generator
    ) -> Pair:
        fps = self.config.fps
        frames = sound.frames_of(heard, fps)
        loud = sound.loudness(heard, frames, fps)
        best, found = -np.inf, ("", np.zeros((0, 0)))
        for _ in range(self.config.tries):
            name, segment = self._segment(frames, rng)
            follows = beat(segment, loud)
            if follows > best:
                best, found = follows, (name, segment)
        curves = lips(spoken.phonemes, frames, fps)
        return Pair(
            heard, curves, found[1].astype(np.float32), fps, spoken.phonemes, text, voice, found[0]
        )

    def _segment(self, frames: int, rng: np.random.Generator) -> tuple[str, Floats]:
        """So many frames of a clip, played faster or slower, perhaps in a mirror; a short one swings back."""
        name, clip = self._clips[int(rng.integers(len(self._clips)))]
        pace = float(rng.uniform(QUICKEST, SLOWEST))
        room = len(clip) - 1 - pace * (frames - 1)
        at = float(rng.uniform(0, max(room, 1e-9))) + pace * np.arange(frames)
        at = (
            np.abs((at + len(clip) - 1) % (2 * (len(clip) - 1)) - (len(clip) - 1))
            if room < 0
            else at
        )
        low = np.minimum(at.astype(int), len(clip) - 2)
        share = (at - low)[:, None]
        segment = (1 - share) * clip[low] + share * clip[low + 1]
        return name, mirrored(segment, self.config.body) if rng.random() < 0.5 else segment

    @cached_property
    def _words(self) -> list[str]:
        c = self.config
        text = (
            Path(c.lexicon).read_text("utf-8")
            if c.lexicon
            else files("interleaf_vlogger").joinpath("words.txt").read_text("utf-8")
        )
        known = sorted({w.lower() for w in text.split() if w.isalpha()})
        held = [w for w in known if _mark(w) % WORDS_HELD == 0]
        chosen = held if c.part == "held" else [w for w in known if w not in set(held)]
        if not chosen:
            raise InvalidInput(
                f"the lexicon has no words for the part '{c.part}'", hint="some tens of words"
            )
        return chosen

    @cached_property
    def _clips(self) -> list[tuple[str, Floats]]:
        """Names and residuals [T, D] of this part of every clip."""
        c = self.config
        body, found = body_model(c.body).bake(), []
        for file in motion_files(Path(c.gestures), c.pattern):
            motion = resample(onto(read_motion(file), body), c.fps)
            whole = residuals(motion, c.body, c.residual)
            cut = round(len(whole) * (1 - c.held))
            part = whole[:cut] if c.part == "train" else whole[cut:]
            if len(part) > 2 * round(c.fps):
                found.append((file.name, part))
        if not found:
            raise InvalidInput(
                f"{c.gestures}: no clip is long enough to be divided", hint="ten seconds at least"
            )
        return found

    def fingerprint(self) -> str:
        """Of the configuration and the bytes of all files."""
        c = self.config
        told = [
            c.part,
            c.utterances,
            c.words,
            c.voices,
            c.speech,
            c.tries,
            c.held,
            c.body,
            c.fps,
            c.residual,
            c.seed,
        ]
        told += [sha256_of(f) for f in motion_files(Path(c.gestures), c.pattern)]
        told += [self._words]
        return blake2b(repr(told).encode(), digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_vlogger.example import teacher

        return {"configs": [teacher(part=part, utterances=3) for part in ("train", "held")]}


def motion_files(root: Path, pattern: str) -> list[Path]:
    """The motion files at ``root`` whose names hold ``pattern``."""
    found = [root] if root.is_file() else sorted(
        f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES and pattern in f.name
    )  # fmt: skip
    if not found:
        raise InvalidInput(
            f"{root} holds no motion file with '{pattern}' in its name",
            hint=f"files ending in {' or '.join(SUFFIXES)}",
        )
    return found


def _mark(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big")
