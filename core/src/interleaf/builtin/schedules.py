"""Schedules in closed form, and an algebra of them. Every one gives the name ``value`` unless the
schedules it is made from give others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from interleaf.builtin.config import ConstantConfig, MixConfig, RampConfig, ScaleConfig, ThenConfig
from interleaf.errors import InvalidInput
from interleaf.interfaces.schedule import Domain, Schedule

Values = Mapping[str, np.ndarray[Any, Any]]


class Constant(Schedule):
    """The same value everywhere."""

    Config = ConstantConfig

    @property
    def domain(self) -> Domain:
        """From 0, endless."""
        return Domain(0, None, self.config.unit)

    def values(self, xs: np.ndarray[Any, Any]) -> Values:
        """``value`` for each x."""
        return {"value": np.full_like(xs, self.config.value)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [ConstantConfig(value=v) for v in (0.0, -2.5)]}


class _Ramp(Schedule):
    Config = RampConfig

    @property
    def domain(self) -> Domain:
        """From 0 to ``length``."""
        return Domain(0, self.config.length, self.config.unit)

    def _between(self, rise: np.ndarray[Any, Any]) -> Values:
        """``start`` where ``rise`` is 0 and ``stop`` where it is 1, exactly."""
        return {"value": (1 - rise) * self.config.start + rise * self.config.stop}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        ramps = [(1.0, 0.0, 1.0), (0.0, 3e-4, 2000.0), (5.0, 5.0, 3.0)]
        return {"configs": [RampConfig(start=a, stop=b, length=n) for a, b, n in ramps]}


class Linear(_Ramp):
    """A straight line."""

    def values(self, xs: np.ndarray[Any, Any]) -> Values:
        """``start + (stop − start) · x / length``."""
        return self._between(xs / self.config.length)


class Cosine(_Ramp):
    """Half a cosine (SGDR, arXiv 1608.03983, equation 5, without restarts)."""

    def values(self, xs: np.ndarray[Any, Any]) -> Values:
        """``start + (stop − start) · (1 − cos(π x / length)) / 2``."""
        return self._between((1 - np.cos(np.pi * xs / self.config.length)) / 2)


class Then(Schedule):
    """``first``, and from its end on ``second``, whose own start is moved there."""

    Config = ThenConfig

    @property
    def domain(self) -> Domain:
        """Both domains, one after the other; they must share a unit, and the first must end."""
        first, second = self.config.first.domain, self.config.second.domain
        _same_unit(first, second)
        if first.stop is None:
            raise InvalidInput(
                "core.then: the first schedule is endless, so the second never begins"
            )
        end = None if second.stop is None else first.stop + second.stop - second.start
        return Domain(first.start, end, first.unit)

    def values(self, xs: np.ndarray[Any, Any]) -> Values:
        """At the joint itself the second schedule holds."""
        first, second = self.config.first, self.config.second
        joint, begin = first.domain.stop, second.domain.start
        early = xs < joint
        left = first.table(np.where(early, xs, first.domain.start))
        right = second.table(np.where(early, begin, xs - joint + begin))
        _same_names(left, right)
        return {name: np.where(early, left[name], right[name]) for name in left}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        up, down = (Linear(RampConfig(start=a, stop=b, length=7)) for a, b in ((0, 1), (1, 0)))
        endless = Constant(ConstantConfig(value=1))
        return {"configs": [ThenConfig(first=up, second=second) for second in (down, endless)]}


class Scale(Schedule):
    """A schedule times a factor, over a domain that may be stretched."""

    Config = ScaleConfig

    @property
    def domain(self) -> Domain:
        """That of ``of``, its end moved by ``stretch``."""
        inner, stretch = self.config.of.domain, self.config.stretch
        stop = None if inner.stop is None else inner.start + (inner.stop - inner.start) * stretch
        return Domain(inner.start, stop, inner.unit)

    def values(self, xs: np.ndarray[Any, Any]) -> Values:
        """``factor · of(start + (x − start) / stretch)``."""
        inner = self.config.of.domain
        at = inner.start + (xs - inner.start) / self.config.stretch
        if inner.stop is not None:
            at = np.minimum(at, inner.stop)  # rounding must not leave the domain
        return {
            name: self.config.factor * column for name, column in self.config.of.table(at).items()
        }

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        ramp, endless = Cosine(RampConfig(length=3)), Constant(ConstantConfig(value=2))
        return {"configs": [ScaleConfig(of=s, factor=-0.5, stretch=1.7) for s in (ramp, endless)]}


class Mix(Schedule):
    """A weighted mean of two schedules, where both are defined."""

    Config = MixConfig

    @property
    def domain(self) -> Domain:
        """The common part of both domains; they must share a unit and overlap."""
        first, second = self.config.first.domain, self.config.second.domain
        _same_unit(first, second)
        start = max(first.start, second.start)
        stops = [d.stop for d in (first, second) if d.stop is not None]
        if stops and min(stops) < start:
            raise InvalidInput("core.mix: the two schedules have no point in common")
        return Domain(start, min(stops) if stops else None, first.unit)

    def values(self, xs: np.ndarray[Any, Any]) -> Values:
        """``(1 − weight) · first + weight · second``."""
        left, right = self.config.first.table(xs), self.config.second.table(xs)
        _same_names(left, right)
        w = self.config.weight
        return {name: (1 - w) * left[name] + w * right[name] for name in left}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        first, second = Linear(RampConfig(length=9)), Constant(ConstantConfig(value=2))
        return {"configs": [MixConfig(first=first, second=second, weight=w) for w in (0.0, 0.3)]}


def _same_unit(first: Domain, second: Domain) -> None:
    if first.unit != second.unit:
        raise InvalidInput(f"one schedule counts in {first.unit}, the other in {second.unit}")


def _same_names(left: Values, right: Values) -> None:
    if set(left) != set(right):
        raise InvalidInput(f"one schedule gives {sorted(left)}, the other {sorted(right)}")
