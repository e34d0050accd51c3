"""Learning rates over steps: re-warming, infinite schedules and their kin, in closed form.

Every schedule here is a row of phases, each a shape between two values (arXiv 2403.08763: section 4
for re-warming and re-decaying, section 7 for infinite schedules). A phase begins where the one before
it ended, so a schedule has no jumps that were not asked for, and the rate at step t needs only t.

    t      step, counted from 0; any real number >= 0
    u      place inside a phase, 0 at its begin and 1 at its end
    rise   0 where a phase has its first value, 1 where it has its last
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf, log, pi
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CHUNK = 1 << 14  # points at a time: what one phase needs stays in the cache
TAU = 10.0  # how fast the inverse square root cooldown falls


@dataclass(frozen=True, slots=True)
class Phase:
    """From ``start`` to ``stop`` in ``length`` steps, by one of :data:`SHAPES`.

    A phase that is left early keeps the ``span`` it was made for.
    """

    length: float
    start: float
    stop: float
    shape: str = "linear"
    exponent: float = 1.0  # of the shape ``power``
    span: float = 0.0  # 0: the length

    def at(self, s: Array) -> Array:
        """The values ``s`` steps into the phase: exactly ``start`` at 0 and ``stop`` at its end."""
        rise = SHAPES[self.shape](s / (self.span or self.length), self)
        return (1 - rise) * self.start + rise * self.stop


@dataclass(frozen=True, slots=True)
class Tail:
    """What goes on for ever: ``value · (1 + s / scale)^-exponent``, never below ``floor``.

    An exponent of 0 holds the value; 1/2 with ``scale`` the warm-up's length is the schedule of
    Vaswani et al. (arXiv 1706.03762, equation 3).
    """

    value: float
    exponent: float = 0.0
    scale: float = 1.0
    floor: float = 0.0
    length: float = inf

    def at(self, s: Array) -> Array:
        """The values ``s`` steps into the tail."""
        import numpy as np

        if not self.exponent:
            return np.full_like(s, self.value)
        return np.maximum(self.floor, self.value * (1 + s / self.scale) ** -self.exponent)


Part = Phase | Tail


def learning_rate(parts: Iterable[Part], t: Array) -> Array:
    """The rate at every ``t`` (float64, any shape and order). A boundary belongs to what follows it.

    A tail, if there is one, comes last; without one, ``t`` goes up to the end of the last phase.
    """
    import numpy as np

    kept = [p for p in parts if p.length]
    ends = list(accumulate(p.length for p in kept))
    begins = [0.0, *ends[:-1]]
    ends[-1] = inf  # the last one holds its own end
    flat = np.ascontiguousarray(t, dtype=np.float64).ravel()
    out = np.empty_like(flat)
    for place in range(0, flat.size, CHUNK):
        part = slice(place, place + CHUNK)
        _fill(list(zip(kept, begins, ends, strict=True)), flat[part], out[part])
    return out.reshape(np.shape(t))


def _fill(parts: list[tuple[Part, float, float]], t: Array, out: Array) -> None:
    """The rates at ``t``; a part that holds none of the points costs nothing."""
    low, high = t.min(), t.max()
    for part, begin, end in parts:
        if begin <= low and high < end:
            out[:] = part.at(t - begin)
        elif low < end and high >= begin:
            inside = (t >= begin) & (t < end)
            out[inside] = part.at(t[inside] - begin)


def _linear(u: Array, _: Phase) -> Array:
    return u


def _cosine(u: Array, _: Phase) -> Array:
    """Half a cosine: ``(1 − cos πu) / 2``."""
    import numpy as np

    return (1 - np.cos(pi * u)) / 2


def _square_root(u: Array, _: Phase) -> Array:
    """The "1 − sqrt" decay of arXiv 2405.18392: falls fast at first."""
    import numpy as np

    return np.sqrt(u)


def _inverse_square_root(u: Array, _: Phase) -> Array:
    """``h(u) / h(1)`` with ``h(u) = 1 / sqrt(1 + τu) − 1``."""
    import numpy as np

    return (1 / np.sqrt(1 + TAU * u) - 1) / (1 / np.sqrt(np.float64(1 + TAU)) - 1)


def _exponential(u: Array, phase: Phase) -> Array:
    """``start · (stop / start)^u``; both ends must be above 0."""
    import numpy as np

    ratio = log(phase.stop / phase.start)
    return np.expm1(u * ratio) / np.expm1(np.float64(ratio)) if ratio else u


def _power(u: Array, phase: Phase) -> Array:
    """Polynomial decay: ``1 − (1 − u)^exponent``."""
    return 1 - (1 - u) ** phase.exponent


SHAPES: Mapping[str, Callable[[Array, Phase], Array]] = {
    "linear": _linear,
    "cosine": _cosine,
    "sqrt": _square_root,
    "invsqrt": _inverse_square_root,
    "exponential": _exponential,
    "power": _power,
}


def warm_up(length: int, start: float, peak: float, from_first: bool = False) -> Phase:
    """A line from ``start`` at step 0 to ``peak`` at step ``length``.

    ``from_first``: already the first step learns; it gets the first of ``length + 1`` rises, so that
    a warm-up from 0 wastes no step.
    """
    begin = start + (peak - start) / (length + 1) if from_first else start
    return Phase(length, begin, peak)


def rewarm(
    steps: int, warmup: int, start: float, peak: float, floor: float, from_first: bool = False
) -> list[Part]:
    """Section 4: from ``start`` linearly up to ``peak``, then half a cosine down to ``floor``.

    ``start`` is 0 in a first stage, and where the stage before ended in a later one.
    """
    rise = warm_up(warmup, start, peak, from_first)
    return [rise, Phase(steps - warmup, peak, floor, "cosine")]


def infinite(
    warmup: int, cooldown: int, peak: float, constant: float, shape: str = "cosine",
    from_first: bool = False,
) -> list[Part]:  # fmt: skip
    """Section 7: warm up, cool down to ``constant`` by ``shape``, and stay there as long as data comes.

    ``shape``: ``cosine``, ``invsqrt`` or ``linear``. No step of it depends on how much will come.
    """
    rise = warm_up(warmup, 0.0, peak, from_first)
    return [rise, Phase(cooldown, peak, constant, shape), Tail(constant)]


def anneal(parts: Iterable[Part], at: float, steps: int, floor: float) -> list[Part]:
    """``parts`` up to step ``at``, then exponentially down to ``floor`` in ``steps``.

    It makes a checkpoint ready for use, while the run itself goes on from the state before it.
    """
    kept = left_at(parts, at)
    last = kept[-1]
    here = float(last.at(_point(last.length))) if last.length else _begin(last)
    return [*kept, Phase(steps, here, floor, "exponential")]


def left_at(parts: Iterable[Part], at: float) -> list[Part]:
    """``parts``, left at step ``at``."""
    kept: list[Part] = []
    begin = 0.0
    for part in parts:
        if begin + part.length >= at:
            whole = part if isinstance(part, Tail) else replace(part, span=part.span or part.length)
            return [*kept, replace(whole, length=at - begin)]
        kept.append(part)
        begin += part.length
    raise ValueError(f"the schedule ends at step {begin:g}, before {at:g}")


def _begin(part: Part) -> float:
    return part.start if isinstance(part, Phase) else part.value


def _point(x: float) -> Array:
    import numpy as np

    return np.float64(x)  # type: ignore[return-value]
