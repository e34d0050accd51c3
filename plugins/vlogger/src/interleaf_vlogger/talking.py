"""From sound to lips and body, block after block, with memory for one window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interleaf_vlogger import sound
from interleaf_vlogger.agreement import beat
from interleaf_vlogger.diffusion import BLOCK, Group, denoised
from interleaf_vlogger.network import AHEAD, BEHIND, HEARS

Floats = np.ndarray[Any, Any]
Weights = Callable[[Floats], Floats]
"""Guidance at frames [n]."""
TAIL = 0.0125  # seconds by which the last mel window of a frame reaches into the next


@dataclass(frozen=True, slots=True)
class Sampling:
    """``steps`` of denoising; ``lips`` and ``body``: guidance at any frames, 1 for none; ``draws`` of the
    body, of which the one is kept that follows the loudness best, as its pairs for training were made;
    ``noise``: how much of it lips begin from, 1 to draw them, 0 for the likeliest."""

    steps: int
    lips: Weights
    body: Weights
    draws: int = 1
    noise: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a stream must know to go on: plain arrays, bounded whatever the length of the sound.

    ``frame``: the next; ``samples`` at 16 kHz from sample ``begin`` on; ``lips`` [m, 6] and ``body`` [m, D]
    of the block before.
    """

    frame: int
    begin: int
    samples: Floats
    lips: Floats
    body: Floats


class Stream:
    """Movement of a voice that arrives in pieces; frames that were given out never change.

    A frame depends on sound up to ``AHEAD`` frames and 15 ms after it, and comes with its block of 32.
    """

    def __init__(
        self,
        lips: Group,
        body: Group,
        fps: float,
        seed: int,
        how: Sampling,
        state: State | None = None,
    ) -> None:
        self.groups = {"lips": lips, "body": body}
        self.fps, self.seed, self.how = fps, seed, how
        none = np.zeros(0, np.float32)
        width = len(lips.mean), len(body.mean)
        self.state = state or State(
            0, 0, none, np.zeros((0, width[0]), np.float32), np.zeros((0, width[1]), np.float32)
        )

    def push(self, samples: Floats) -> Iterator[tuple[Floats, Floats]]:
        """Blocks of lips [32, 6] and body [32, D] that the sound [S] at 16 kHz so far decides."""
        s = self.state
        self._set(samples=np.concatenate([s.samples, np.asarray(samples, np.float32)]))
        while self._heard() >= self.state.frame + BLOCK + AHEAD:
            yield self._block(BLOCK, None)

    def finish(self, frames: int) -> Iterator[tuple[Floats, Floats]]:
        """The rest, until there are ``frames`` in all; after the end it is silent."""
        while (left := frames - self.state.frame) > 0:
            yield self._block(min(BLOCK, left), frames)

    def _heard(self) -> int:
        """Frames whose sound is there whole."""
        end = (self.state.begin + len(self.state.samples)) / sound.RATE
        return int((end - TAIL) * self.fps + 1e-9)

    def _block(self, count: int, total: int | None) -> tuple[Floats, Floats]:
        first = self.state.frame
        heard = self._mel(first - len(self.state.lips), first + BLOCK, total)
        found = {"lips": self._drawn("lips", heard, first, 1)[0]}
        found["body"] = self._liveliest(self._drawn("body", heard, first, self.how.draws), first)
        begin = max(0, int((first + BLOCK - BLOCK - BEHIND - 1) / self.fps * sound.RATE))
        skip = max(0, begin - self.state.begin)
        self._set(
            frame=first + BLOCK, begin=self.state.begin + skip, samples=self.state.samples[skip:],
            lips=found["lips"], body=found["body"],
        )  # fmt: skip
        return found["lips"][:count], found["body"][:count]

    def _mel(self, first: int, last: int, total: int | None) -> Tensor:
        """What frames first..last-1 hear [n, W A]; beyond the sound, its first and last."""
        at = np.arange(first - BEHIND, last + AHEAD)
        low, high = max(0, int(at[0])), int(at[-1]) + 1
        if total is not None:
            high = max(min(high, total), low + 1)
        rows = sound.mel(self.state.samples, self.fps, low, high, self.state.begin)
        return heard(rows[np.clip(at, low, high - 1) - low])

    def _drawn(self, name: str, heard: Tensor, first: int, draws: int) -> Floats:
        """Movements [draws, 32, D] of the block that begins at ``first``."""
        group = self.groups[name]
        before = getattr(self.state, name)
        blocks = range((first - len(before)) // BLOCK, first // BLOCK + 1)
        noise = [
            torch.cat([self._noise(f"{name}.{b}" + f".{d}" * (d > 0), group) for b in blocks])
            for d in range(draws)
        ]
        frames = np.arange(first - len(before), first + BLOCK)
        weight = torch.from_numpy(getattr(self.how, name)(frames).astype(np.float32))
        past = torch.from_numpy(before) if len(before) else None
        made = denoised(group, torch.stack(noise), heard, past, weight, self.how.steps)
        return np.asarray(made.numpy(), np.float32)

    def _liveliest(self, drawn: Floats, first: int) -> Floats:
        """Of movements [N, 32, D] the one that goes best with how loud it is, the block before included."""
        if len(drawn) == 1:
            return np.asarray(drawn[0])
        before = self.state.body
        begin = round((first - len(before)) / self.fps * sound.RATE) - self.state.begin
        frames = len(before) + BLOCK
        samples = self.state.samples[begin : begin + int((frames + 1) / self.fps * sound.RATE)]
        loud = sound.loudness(samples, frames, self.fps)
        scores = [beat(np.concatenate([before, one]), loud) for one in drawn]
        return np.asarray(drawn[int(np.argmax(scores))])

    def _noise(self, of: str, group: Group) -> Tensor:
        mark = blake2b(f"{self.seed}.{of}".encode(), digest_size=8).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(mark, "little") >> 1)
        found = torch.randn(BLOCK, len(group.scale), generator=generator)
        return found if group.white else self.how.noise * found

    def _set(self, **changes: Any) -> None:
        kept = {n: getattr(self.state, n) for n in ("frame", "begin", "samples", "lips", "body")}
        self.state = State(**{**kept, **changes})


def heard(mel: Floats) -> Tensor:
    """[T + W - 1, A] -> what each of T frames hears [T, W A]."""
    found = torch.from_numpy(mel).unfold(0, HEARS, 1)
    return found.transpose(1, 2).flatten(1)


def of_sound(samples: Floats, fps: float) -> Tensor:
    """What every frame of a whole sound hears [T, W A]."""
    rows = sound.mel(samples, fps, 0, sound.frames_of(samples, fps))
    return heard(np.pad(rows, ((BEHIND, AHEAD), (0, 0)), mode="edge"))


def talk(stream: Stream, samples: Floats) -> Iterator[tuple[Floats, Floats]]:
    """All blocks of a whole sound, the samples handed over piece by piece."""
    second = sound.RATE
    for a in range(0, len(samples), second):
        yield from stream.push(samples[a : a + second])
    yield from stream.finish(sound.frames_of(samples, stream.fps))
