"""Values that change while training: schedules by name, read at a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Schedule

OPTIMISER = ("lr", "weight_decay", "clip")


@dataclass(frozen=True, slots=True)
class Knobs:
    """``schedules`` by name, or constants; step ``s`` of this run reads them at ``offset + s``.

    ``lr``, ``weight_decay`` and ``clip`` steer the optimiser; any other name is passed on to the
    objective's ``forward`` as a keyword.
    """

    values: Mapping[str, Schedule | float]
    offset: int = 0

    def check(self, steps: int) -> None:
        """Refuse a schedule that does not cover all steps or does not count them."""
        for name, schedule in self.values.items():
            if isinstance(schedule, Schedule) and steps:
                _covers(name, schedule, self.offset, self.offset + steps - 1)

    def at(self, step: int) -> dict[str, float]:
        """Every value at a step."""
        return {name: _value(name, v, self.offset + step) for name, v in self.values.items()}

    def described(self) -> dict[str, Any]:
        """What tells these values from others, for checkpoints."""
        told = {n: _told(v) if isinstance(v, Schedule) else v for n, v in self.values.items()}
        kinds = {n: type(v).__name__ for n, v in self.values.items()}
        return {"values": told, "kinds": kinds, "offset": self.offset}


def _told(schedule: Schedule) -> str:
    """Its parameters, schedules among them by theirs: nothing that another process would say otherwise."""
    config = schedule.config
    values = {f.name: getattr(config, f.name) for f in fields(config)}
    parts = (
        f"{name}={_told(v) if isinstance(v, Schedule) else repr(v)}" for name, v in values.items()
    )
    return f"{type(config).__qualname__}({', '.join(parts)})"


def _covers(name: str, schedule: Schedule, first: int, last: int) -> None:
    domain = schedule.domain
    if domain.unit != "step":
        raise InvalidInput(
            f"the schedule of '{name}' counts in {domain.unit}, the trainer in steps",
            hint="give it unit: step",
        )
    if domain.start > first or (domain.stop is not None and domain.stop < last):
        stop = "without end" if domain.stop is None else f"to {domain.stop:g}"
        raise InvalidInput(
            f"the schedule of '{name}' is defined from {domain.start:g} {stop}, but training "
            f"reads it at steps {first} to {last}",
            hint="lengthen the schedule or train fewer steps",
        )


def _value(name: str, schedule: Schedule | float, step: int) -> float:
    if not isinstance(schedule, Schedule):
        return schedule
    found = schedule.at(step)
    if name in found:
        return found[name]
    if len(found) == 1:
        return next(iter(found.values()))
    raise InvalidInput(
        f"the schedule of '{name}' gives {', '.join(found)}",
        hint=f"it needs one value, or '{name}'",
    )
