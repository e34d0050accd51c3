"""From rated episodes to what a policy is trained on: a prompt and the action that followed, turn by turn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces.report import Report
from interleaf_sotopia import prompts
from interleaf_sotopia.actions import NONE
from interleaf_sotopia.episode import Rules
from interleaf_sotopia.filtering import Rated
from interleaf_sotopia.records import Episode
from interleaf_sotopia.scores import OVERALL


def rated_agents(
    episodes: Sequence[Episode], ratings: Report, measure: str, model: str = ""
) -> list[Rated]:
    """Each agent of each rated episode, as the filters read it; ratings come from a judge's report alone."""
    values = {
        (m.name, *_item(m.group)): m.value
        for m in ratings.measures
        if m.value is not None and _item(m.group)
    }
    found = []
    for e in episodes:
        for role, name in enumerate(e.models):
            score = values.get((measure, e.id, role))
            if score is None or (model and name != model):
                continue
            others = [values.get((measure, e.id, a)) for a in range(len(e.models)) if a != role]
            known = [o for o in others if o is not None]
            found.append(Rated(
                task=e.task.id.removesuffix("~"), episode=e.id, role=role, score=score,
                other=sum(known) / len(known) if known else 0.0,
                overall=values.get((OVERALL, e.id, role)) or 0.0,
                partner=" ".join(n for a, n in enumerate(e.models) if a != role), agreed=score > 0,
            ))  # fmt: skip
    if not found:
        told = f" of the model '{model}'" if model else ""
        raise InvalidInput(
            f"the report holds no rating '{measure}' of these episodes{told}",
            hint="needs: {ratings: a sotopia.judge step over the same episodes}",
        )
    return found


def _item(group: str) -> tuple[Any, ...]:
    """``model/agent_n/episode`` → (episode, n)."""
    parts = group.rsplit("/", 2)
    if len(parts) != 3 or not parts[1].startswith("agent_") or not parts[1][6:].isdigit():
        return ()
    return parts[2], int(parts[1][6:])


def turns(
    e: Episode, role: int, rules: Rules, style: str = "full", characters: int = 0
) -> Iterator[list[dict[str, str]]]:
    """A conversation of two turns for each action of an agent that did something."""
    for n, turn in enumerate(e.turns):
        if turn.agent != role or turn.action.kind == NONE:
            continue
        asked = prompts.ask(e.task, role, e.turns[:n], turn.number, rules, style, characters)
        a = turn.action
        row: dict[str, Any] = {"action_type": a.kind, "argument": a.argument}
        said = json.dumps({**row, "to": list(a.to)} if a.to else row, ensure_ascii=False)
        yield [{"role": "user", "content": asked.text}, {"role": "model", "content": said}]
