"""Schedule: values over a domain, in closed form and without state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

from interleaf.errors import InvalidInput
from interleaf.interfaces.component import Component

if TYPE_CHECKING:
    import numpy as np

Unit = Literal["step", "token", "frame", "t", "flop", "run"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a schedule is defined: ``start`` ≤ x ≤ ``stop`` (None: endless), in ``unit``."""

    start: float = 0
    stop: float | None = None
    unit: Unit = "step"


class Schedule(Component):
    """A pure function from its domain to one or more named values."""

    default_call: ClassVar[str] = "table"

    @property
    def domain(self) -> Domain:
        """Where this schedule is defined."""
        raise NotImplementedError

    def values(self, xs: np.ndarray[Any, Any]) -> Mapping[str, np.ndarray[Any, Any]]:
        """Named arrays, one number for each of the float64 ``xs``, all inside the domain."""
        raise NotImplementedError

    @final
    def table(
        self, xs: Sequence[float] | np.ndarray[Any, Any]
    ) -> Mapping[str, np.ndarray[Any, Any]]:
        """Named arrays over ``xs``; refuses points that are not finite or outside the domain."""
        import numpy as np

        points = np.asarray(xs, dtype=np.float64)
        d = self.domain
        stop = np.inf if d.stop is None else d.stop
        wrong = ~(np.isfinite(points) & (points >= d.start) & (points <= stop))
        if wrong.any():
            raise InvalidInput(
                f"{type(self).__name__} is defined for {d.start:g} ≤ {d.unit} ≤ {stop:g}, "
                f"asked at {points[wrong].ravel()[0]:g}"
            )
        return self.values(points)

    @final
    def at(self, x: float) -> Mapping[str, float]:
        """The values at one point: exactly ``table([x])[0]``."""
        return {name: float(column[0]) for name, column in self.table([x]).items()}
