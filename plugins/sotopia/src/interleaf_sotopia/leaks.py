"""Is a task that is trained on one that is evaluated on, or nearly?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from interleaf.errors import InvalidInput
from interleaf_sotopia.markup import ENVIRONMENT, visible
from interleaf_sotopia.world import Scenario, Task

NEAR, GRAM = 0.8, 5


def _scenario(task: Task | Scenario) -> Scenario:
    return task if isinstance(task, Scenario) else task.scenario


def words(task: Task | Scenario) -> tuple[str, ...]:
    """Scenario and goals as lower-case words."""
    s = _scenario(task)
    texts = (s.scenario, *sorted(s.goals))
    return tuple(re.findall(r"\w+", " ".join(visible(t, ENVIRONMENT) for t in texts).lower()))


def grams(text: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """Its 5-grams; a shorter text is one."""
    return frozenset(tuple(text[i : i + GRAM]) for i in range(max(1, len(text) - GRAM + 1)))


def found(
    training: Iterable[Task | Scenario], evaluation: Sequence[Task | Scenario]
) -> list[tuple[str, str, float]]:
    """Pairs of scenarios, trained and evaluated, whose words are the same or whose 5-grams have a Jaccard
    index of at least 0.8; the index with them."""
    known = {_scenario(t).id: grams(words(t)) for t in evaluation}
    seen: dict[str, frozenset[tuple[str, ...]]] = {}
    for t in training:
        seen.setdefault(_scenario(t).id, grams(words(t)))
    return [
        (a, b, near)
        for a, left in seen.items()
        for b, right in known.items()
        if (near := 1.0 if a == b else len(left & right) / len(left | right)) >= NEAR
    ]


def refuse(training: Sequence[Task | Scenario], evaluation: Sequence[Task | Scenario]) -> None:
    """InvalidInput when anything leaks."""
    leaking = found(training, evaluation)
    if leaking:
        a, b, near = leaking[0]
        raise InvalidInput(
            f"{len(leaking)} scenarios of the training are those of the evaluation: {a} is {b} "
            f"(overlap {near:.2f})",
            hint="train on other scenarios: what is measured on these would be worth nothing",
        )
