"""What is known of a moving picture before its frames are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from numpy.typing import NDArray

Pixels = NDArray[Any]

TOLERANCE = Fraction(1, 2)  # of a frame: times farther than this from a steady rate are variable


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """Size in pixels as shown (after ``rotation``), rate, and what is unusual about the file.

    ``duration`` in seconds; ``rotation`` in degrees clockwise, already applied; ``sar`` the shape of a
    pixel, width by height, left as it is; ``variable`` frame times that no one rate explains;
    ``truncated`` fewer frames than the file should have; ``bits`` per sample as stored.
    """

    width: int
    height: int
    fps: Fraction
    n_frames: int
    duration: Fraction
    codec: str
    pixel_format: str = ""
    bits: int = 8
    rotation: int = 0
    sar: Fraction = Fraction(1)
    has_audio: bool = False
    has_alpha: bool = False
    variable: bool = False
    truncated: bool = False


class Source(Protocol):
    """An open moving picture. ``notes`` tell what was lost or mended, and grow while frames are read."""

    info: VideoInfo
    times: Sequence[Fraction]  # seconds at which each frame appears, rising, the first at 0
    notes: list[str]

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The frames [H, W, 3] at rising indices; ends early where the file does."""
        ...


@dataclass(slots=True)
class Timing:
    """When frames appear, and the steady rate nearest to that."""

    times: list[Fraction]
    fps: Fraction
    variable: bool = field(init=False)

    def __post_init__(self) -> None:
        slack = TOLERANCE / self.fps
        self.variable = any(abs(t - i / self.fps) > slack for i, t in enumerate(self.times))


def timing(stamps: Sequence[Fraction], last: Fraction, told: Fraction | None = None) -> Timing:
    """Times counted from the first frame; ``last`` is how long the last frame lasts (0: unknown).

    The rate is the one the file ``told`` where it explains the times, else their mean.
    """
    times = [s - stamps[0] for s in stamps]
    if told and told > 0:
        kept = Timing(times, told)
        if not kept.variable:
            return kept
    total = times[-1] + last if last > 0 else times[-1] * len(times) / max(len(times) - 1, 1)
    mean = Fraction(len(times)) / total if total > 0 else (told or Fraction(25))
    return Timing(times, plain_rate(mean, total))


def plain_rate(mean: Fraction, total: Fraction) -> Fraction:
    """The simplest rate that gives the same count of frames to within 5 ms of the total time."""
    slack = Fraction(5, 1000) / total if total > 0 else Fraction(0)
    round_rates = (Fraction(round(mean)), Fraction(round(mean * 1001 / 1000)) * 1000 / 1001)
    near = min(round_rates, key=lambda rate: abs(rate / mean - 1))
    if near > 0 and abs(near / mean - 1) <= slack:
        return near
    return mean.limit_denominator(100_000)


def select(
    times: Sequence[Fraction],
    own: Fraction,
    fps: Fraction | None,
    start: Fraction,
    stop: Fraction | None,
) -> list[int]:
    """Which frame is on show at start, start + 1/fps, … before ``stop``; without ``fps``, each once.

    A frame is on show from its own time until that of the next (players' rule, so that a variable
    frame rate becomes steady by presentation time).
    """
    end = max(times[-1] + 1 / own, Fraction(0))
    stop = end if stop is None else min(stop, end)
    if fps is None:
        return [i for i, t in enumerate(times) if start <= t < stop]
    chosen, index, tick = [], 0, 0
    nudge = Fraction(1, 10**6)  # stamps are rounded to the clock of the file
    while (now := start + tick / fps) + nudge < stop:
        while index + 1 < len(times) and times[index + 1] <= now + nudge:
            index += 1
        chosen.append(index)
        tick += 1
    return chosen
