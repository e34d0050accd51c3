"""The list of checks: a name, what it applies to, and a function that raises when it does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interleaf.interfaces.component import Component
from interleaf.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``capability`` names the capability or law that asks for it."""

    name: str
    run: Callable[[Subject, int], None]
    interface: type[Component]
    capability: str = ""

    def applies(self, subject: Subject) -> bool:
        """Whether the component's declaration selects this check."""
        wanted = not self.capability or self.capability in subject.spec.capabilities
        return wanted and issubclass(subject.spec.interface, self.interface)


CHECKS: list[Check] = []


def check(
    interface: type[Component] = Component, capability: str = ""
) -> Callable[[Callable[[Subject, int], None]], Callable[[Subject, int], None]]:
    """Register a check under its function's name; it receives a subject and how often to try."""

    def register(run: Callable[[Subject, int], None]) -> Callable[[Subject, int], None]:
        CHECKS.append(Check(run.__name__, run, interface, capability))
        return run

    return register


def ensure(holds: object, message: str) -> None:
    """Raise AssertionError with ``message`` unless ``holds``; works under ``python -O`` too."""
    if not holds:
        raise AssertionError(message)
