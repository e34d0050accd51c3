"""The learning rates of :mod:`interleaf_continual.rates` as Schedules. Each gives the name ``value``."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from interleaf.errors import InvalidInput
from interleaf.interfaces.schedule import Domain, Schedule
from interleaf_continual import rates
from interleaf_continual.config import (
    AnnealConfig,
    InfiniteConfig,
    PhaseConfig,
    PiecewiseConfig,
    PolynomialConfig,
    PowerLawConfig,
    RepeatConfig,
    RewarmConfig,
    StableConfig,
    TrapezoidConfig,
)
from interleaf_continual.rates import Part, Phase, Tail

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def lengths(steps: int, **asked: float) -> dict[str, int]:
    """Whole steps of each phase: below 1 a part of ``steps``, else a count.

    InvalidInput when they are longer than ``steps`` together.
    """
    found = {n: round(v * steps) if v < 1 else round(v) for n, v in asked.items()}
    total = sum(found.values())
    if total > steps and not _rounding(asked, total - steps):
        told = " + ".join(f"{n} {v}" for n, v in found.items())
        raise InvalidInput(
            f"the phases are longer than the schedule: {told} = {total} of {steps} steps",
            hint="lengths, not places: below 1 a part of steps, else a number of steps",
        )
    longest = max(found, key=found.__getitem__)
    found[longest] -= max(0, total - steps)  # parts that sum to 1 may round up
    return found


def _rounding(asked: Mapping[str, float], over: int) -> bool:
    parts = [v for v in asked.values() if v < 1]
    return len(parts) == len(asked) and sum(parts) <= 1 + 1e-9 and over <= len(parts)


class _Rate(Schedule):
    """A row of phases."""

    def parts(self) -> list[Part]:
        """The phases, from step 0 on."""
        raise NotImplementedError

    @property
    def domain(self) -> Domain:
        """From 0 to the last phase's end, or endless."""
        end = sum(p.length for p in self.parts())
        return Domain(0, None if end == inf else end, self.config.unit)

    def values(self, xs: Array) -> Mapping[str, Array]:
        """The rate at each x, exactly what it is at that x alone."""
        return {"value": rates.learning_rate(self.parts(), xs)}

    def branch(self, at: float, steps: int, floor: float) -> list[Part]:
        """The phases of this schedule left at ``at`` for an anneal of ``steps`` down to ``floor``."""
        return rates.anneal(self.parts(), at, steps, floor)


class Rewarm(_Rate):
    """Section 4: linear warm-up, cosine decay; each stage has one of its own."""

    Config = RewarmConfig

    def parts(self) -> list[Part]:
        """Warm-up, decay, and for an endless one the floor."""
        c = self.config
        n = lengths(c.steps, warmup=c.warmup)["warmup"]
        found = rates.rewarm(c.steps, n, c.start, c.peak, c.floor, c.from_first)
        return [*found, Tail(c.floor)] if c.endless else found

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [
            RewarmConfig(steps=2000), RewarmConfig(steps=7, start=0.1, peak=1.0, floor=0.1, warmup=3),
            RewarmConfig(steps=10, warmup=0, endless=True), RewarmConfig(steps=9, from_first=True),
        ]}  # fmt: skip


class Infinite(_Rate):
    """Section 7: warm-up, cooldown, a constant for as long as data comes, a short anneal."""

    Config = InfiniteConfig

    def parts(self) -> list[Part]:
        """Warm-up, cooldown, constant, and unless endless the anneal."""
        c = self.config
        if not c.floor <= c.constant <= c.peak:
            raise InvalidInput(
                f"peak {c.peak:g}, constant {c.constant:g}, floor {c.floor:g} do not fall",
                hint="peak >= constant >= floor",
            )
        n = lengths(c.steps, warmup=c.warmup, cooldown=c.cooldown, hold=c.hold)
        head = rates.infinite(n["warmup"], n["cooldown"], c.peak, c.constant, c.shape, c.from_first)
        begin = sum(n.values())
        return head if c.endless else rates.anneal(head, begin, c.steps - begin, c.floor)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        shapes = [InfiniteConfig(steps=1000, shape=s) for s in ("cosine", "invsqrt", "linear")]
        odd = InfiniteConfig(steps=20, warmup=0, cooldown=12, hold=8, from_first=True)
        return {"configs": [*shapes, odd, InfiniteConfig(steps=300, endless=True)]}


class Anneal(_Rate):
    """The last phase of an infinite schedule, to continue a checkpoint with."""

    Config = AnnealConfig

    def parts(self) -> list[Part]:
        """One exponential."""
        c = self.config
        return [Phase(c.steps, c.start, c.floor, "exponential")]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [AnnealConfig(steps=100), AnnealConfig(steps=3, start=1.0, floor=1.0)]}


class Stable(_Rate):
    """Warm-up, stable, decay (WSD)."""

    Config = StableConfig

    def parts(self) -> list[Part]:
        """Three phases."""
        c = self.config
        if c.shape == "exponential" and not c.floor:
            raise InvalidInput(
                "an exponential decay never reaches 0", hint="give a floor, or another shape"
            )
        return _plateau(c, c.shape)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [
            StableConfig(steps=500, floor=1e-5), StableConfig(steps=9, start=1e-5, shape="linear"),
            StableConfig(steps=50, floor=1e-5, shape="exponential", decay=1 / 3),
        ]}  # fmt: skip


class Trapezoid(_Rate):
    """Up, level, down, all in lines."""

    Config = TrapezoidConfig

    def parts(self) -> list[Part]:
        """Three lines."""
        return _plateau(self.config, "linear")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [TrapezoidConfig(steps=50), TrapezoidConfig(steps=2, warmup=1, decay=1)]}


def _plateau(c: Any, shape: str) -> list[Part]:
    n = lengths(c.steps, warmup=c.warmup, decay=c.decay)
    level = c.steps - n["warmup"] - n["decay"]
    rise = rates.warm_up(n["warmup"], c.start, c.peak, c.from_first)
    return [rise, Phase(level, c.peak, c.peak), Phase(n["decay"], c.peak, c.floor, shape)]


class PowerLaw(_Rate):
    """Warm-up, then a power of the step, endless; ``continual.inverse_sqrt`` is the half one."""

    Config = PowerLawConfig

    def parts(self) -> list[Part]:
        """Warm-up and tail."""
        c = self.config
        if c.floor > c.peak:
            raise InvalidInput(f"the floor {c.floor:g} lies above the peak {c.peak:g}")
        rise = rates.warm_up(c.warmup, 0.0, c.peak, c.from_first)
        scale = c.scale or max(c.warmup, 1)
        return [rise, Tail(c.peak, c.exponent, scale, c.floor)]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [
            PowerLawConfig(), PowerLawConfig(warmup=0, exponent=1.0, scale=50.0, floor=1e-6),
        ]}  # fmt: skip


class Polynomial(_Rate):
    """Warm-up, then a polynomial decay."""

    Config = PolynomialConfig

    def parts(self) -> list[Part]:
        """Warm-up and decay."""
        c = self.config
        n = lengths(c.steps, warmup=c.warmup)["warmup"]
        rise = rates.warm_up(n, 0.0, c.peak, c.from_first)
        return [rise, Phase(c.steps - n, c.peak, c.floor, "power", c.exponent)]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [PolynomialConfig(steps=40), PolynomialConfig(steps=9, exponent=2.5)]}


class Piecewise(_Rate):
    """Any row of phases."""

    Config = PiecewiseConfig

    def parts(self) -> list[Part]:
        """Each phase from where the one before ended."""
        c = self.config
        if not c.phases:
            raise InvalidInput("a piecewise schedule has no phases", hint="phases: [{length, to}]")
        begins = [c.start, *(p.to for p in c.phases)]
        found: list[Part] = [_phase(a, p) for a, p in zip(begins, c.phases, strict=False)]
        return [*found, Tail(c.phases[-1].to)] if c.endless else found

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        rows = (PhaseConfig(length=5, to=1.0), PhaseConfig(length=2.5, to=0.1, shape="exponential"))
        return {
            "configs": [PiecewiseConfig(phases=rows), PiecewiseConfig(phases=rows, endless=True)]
        }


def _phase(begin: float, p: PhaseConfig) -> Phase:
    if p.shape == "exponential" and not begin * p.to > 0:
        raise InvalidInput(
            f"an exponential phase from {begin:g} to {p.to:g}", hint="both ends on one side of 0"
        )
    return Phase(p.length, begin, p.to, p.shape, p.exponent)


class Repeat(Schedule):
    """A schedule again and again: cosine restarts, or re-warming for every new data set."""

    Config = RepeatConfig

    @property
    def period(self) -> float:
        """The length of one round; InvalidInput for an endless schedule."""
        inner = self.config.of.domain
        if inner.stop is None:
            raise InvalidInput("continual.repeat: an endless schedule has no second round")
        return float(inner.stop - inner.start)

    @property
    def domain(self) -> Domain:
        """``times`` rounds, or endless."""
        inner, times, period = self.config.of.domain, self.config.times, self.period
        stop = inner.start + times * period if times else None
        return Domain(inner.start, stop, inner.unit)

    def values(self, xs: Array) -> Mapping[str, Array]:
        """``of`` at the place inside the round; the last round keeps its end."""
        import numpy as np

        inner, period = self.config.of.domain, self.period
        place = np.fmod(xs - inner.start, period)
        if self.config.times:
            place = np.where(xs == self.domain.stop, period, place)
        found: Mapping[str, Array] = self.config.of.table(inner.start + place)
        return found

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        of = Rewarm(RewarmConfig(steps=8, warmup=2, start=3e-5))
        return {"configs": [RepeatConfig(of=of), RepeatConfig(of=of, times=3)]}
