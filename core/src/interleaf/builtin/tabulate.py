"""``core.tabulate``: a schedule as a table, to plot or to keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from interleaf.builtin.config import TabulateConfig
from interleaf.errors import InvalidInput
from interleaf.interfaces.model import Model
from interleaf.interfaces.schedule import Domain, Schedule
from interleaf.values import Table


class Tabulate(Model):
    """Evenly spaced points over a schedule's domain, both ends included."""

    Config = TabulateConfig

    def apply(self, schedule: Schedule) -> Table:
        """A column named by the domain's unit, and one for each value of the schedule.

        Raises InvalidInput for an endless schedule when the configuration names no ``stop``.
        """
        xs = _points(schedule.domain, self.config.stop, self.config.points)
        columns = {name: column.tolist() for name, column in schedule.table(xs).items()}
        return Table({schedule.domain.unit: xs.tolist(), **columns})

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.builtin.config import RampConfig
        from interleaf.builtin.schedules import Cosine

        cosine = Cosine(RampConfig(start=1.0, stop=0.1, length=100.0))
        configs = [TabulateConfig(points=5), TabulateConfig(points=2, stop=50.0)]
        return {"configs": configs, "calls": {"apply": [{"schedule": cosine}]}}


def _points(domain: Domain, stop: float | None, points: int) -> np.ndarray[Any, Any]:
    end = domain.stop if stop is None else stop
    if end is None:
        raise InvalidInput("the schedule is endless", hint="say where to end: with: {stop: 1000}")
    return np.linspace(domain.start, end, points)
