"""What became of a study: what was planned, played, lost, doubled, spent, rated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interleaf_sotopia import page, rating
from interleaf_sotopia.engine import request_seed
from interleaf_sotopia.episode import Rules, Turn, actors, ended
from interleaf_sotopia.records import DONE, FAILED, OVER_BUDGET, PLANNED, Episode, transcript_digest
from interleaf_sotopia.scores import OVERALL, SETS, SOTOPIA, Dimension
from interleaf_sotopia.store import Store

SHOWN = 40


def audit(store: Store) -> dict[str, Any]:
    """Counts from the stored turns themselves.

    ``lost``: planned episodes that are not there, and finished ones whose turns are not a whole
    conversation by the rules they were played by. ``doubled``: episodes of one identity, and turns in
    one place, beyond the first.
    """
    counts, whole, turns = store.counts(), 0, 0
    broken: list[str] = []
    seen: Counter[Any] = Counter()
    for e in store.episodes():
        seen[_identity(store, e)] += 1
        turns += len(e.turns)
        rules = store.rules(e.id)
        if rules is not None and e.status in (DONE, OVER_BUDGET) and not _is_whole(e, rules):
            broken.append(e.id)
        whole += 1
    planned = store.planned()
    return {
        "planned": planned, "done": counts.get(DONE, 0), "failed": counts.get(FAILED, 0),
        "over_budget": counts.get(OVER_BUDGET, 0), "unfinished": counts.get(PLANNED, 0),
        "lost": max(0, planned - whole) + len(broken), "broken": broken,
        "doubled": sum(n - 1 for n in seen.values()) + store.doubled_turns(), "turns": turns,
        "requests": store.requests(),
    }  # fmt: skip


def _identity(store: Store, e: Episode) -> Any:
    """What no two episodes share: of a planned one the plan, of one from elsewhere its content."""
    rules = store.rules(e.id)
    if rules is None:
        return transcript_digest([replace(e, id="")]), e.task.id, e.models
    return e.task.id, e.models, e.seed, e.repetition, str(rules), str(store.sampling(e.id))


def _is_whole(e: Episode, rules: Rules) -> bool:
    """Whether the turns are exactly those that the rules allow, up to an end."""
    rules = replace(rules, seed=request_seed(e.id, -1, -1))
    agents = len(e.task.names)
    played: list[Turn] = []
    for turn in e.turns:
        if ended(played, agents, rules):
            return False
        number, who = actors(played, agents, rules)
        if turn.number != number or turn.agent not in who:
            return False
        played.append(turn)
    return e.status == OVER_BUDGET or bool(ended(played, agents, rules))


def summary(store: Store) -> dict[str, Any]:
    """The audit, what it cost, what went wrong in turns, and the ratings, as plain data."""
    episodes = list(store.episodes())
    judgements = store.judgements()
    which = rated_dimensions(judgements)
    rated = rating.together(judgements, which)
    report = rating.report([e for e in episodes if e.status == DONE], rated, which)
    notes: Counter[str] = Counter()
    for e in episodes:
        notes.update(e.notes)
    failed = sum(j["status"] != "done" for j in judgements)
    return {
        **audit(store),
        "digest": transcript_digest(episodes),
        "tokens": {
            "prompt": sum(e.tokens[0] for e in episodes),
            "completion": sum(e.tokens[1] for e in episodes),
        },
        "cost": cost(store, episodes, judgements),
        "notes": dict(sorted(notes.items())),
        "ratings": {"done": len(judgements) - failed, "judge_failed": failed},
        "scores": {
            m.name + (f"/{m.group}" if m.group else ""): {
                "value": m.value,
                "n": m.n,
                "interval": m.interval,
                "reason": m.reason,
            }
            for m in report.measures
            if m.group.count("/") < 2 or not m.group.rsplit("/", 2)[1].startswith("agent_")
        },
    }


def rated_dimensions(judgements: Any) -> tuple[Dimension, ...]:
    """The dimensions that the stored ratings have."""
    first = next((j["scores"][0] for j in judgements if j["status"] == "done"), None)
    if first is None:
        return SOTOPIA
    return next((s for s in SETS.values() if {d.name for d in s} == set(first)), SOTOPIA)


def cost(store: Store, episodes: Any, judgements: Any) -> dict[str, Any]:
    """Money by the prices that were given, of the agents' and of the judges' tokens."""
    prices: Mapping[str, Any] = store.last_settings().get("prices", {})

    def money(kind: str, prompt: float, completion: float) -> float:
        a, b = prices.get(kind, (0.0, 0.0))
        return (prompt * a + completion * b) / 1e6

    n = max(1, len(episodes))
    agents = money("model", sum(e.tokens[0] for e in episodes), sum(e.tokens[1] for e in episodes))
    judge = money(
        "judge",
        sum(j["prompt_tokens"] for j in judgements),
        sum(j["completion_tokens"] for j in judgements),
    )
    return {
        "agents": agents,
        "judge": judge,
        "total": agents + judge,
        "per_episode": (agents + judge) / n,
    }


def html(store: Store, title: str = "Social episodes") -> str:
    """The page of a study."""
    told = summary(store)
    judgements = store.judgements()
    which = rated_dimensions(judgements)
    rated = rating.together(judgements, which)
    episodes = [e for e in store.episodes() if e.status != PLANNED]
    done = [e for e in episodes if e.status == DONE]
    report = rating.report(done, rated, which)
    counts = {
        k: told[k]
        for k in (
            "planned",
            "done",
            "failed",
            "over_budget",
            "unfinished",
            "lost",
            "doubled",
            "turns",
            "requests",
        )
    }
    means = [m for m in report.measures if m.value is not None and m.group.count("/") < 1]
    goals = [(f"{m.name}" + (f" · {m.group}" if m.group else ""), m.value or 0.0, *m.interval)
             for m in means if m.interval and m.name in ("goal", OVERALL)]  # fmt: skip
    shown = episodes[:SHOWN]
    return page.document(
        title,
        [
            page.section("What happened", page.table(_row(counts)), *_troubles(told)),
            page.section(
                "Scores",
                page.forest(goals, "means with 95 % intervals, scenarios resampled"),
                page.measures(
                    type(report)(tuple(m for m in report.measures if not _is_item(m.group)))
                ),
            ),
            page.section(
                "Transcripts",
                *(page.transcript(e, _scores(rated, e)) for e in shown),
                page.paragraph(f"{len(episodes) - len(shown)} more are in the store", "soft")
                if len(episodes) > SHOWN
                else "",
            ),
        ],
        f"{store.path.name} · digest {told['digest']}",
    )


def _is_item(group: str) -> bool:
    parts = group.rsplit("/", 2)
    return len(parts) == 3 and parts[1].startswith("agent_")


def _row(values: Mapping[str, Any]) -> Any:
    from interleaf.values import Table

    return Table({k: [v] for k, v in values.items()})


def _troubles(told: Mapping[str, Any]) -> list[str]:
    found = []
    if told["notes"]:
        found.append(
            page.paragraph(
                "Turns with trouble: " + ", ".join(f"{k} {v}" for k, v in told["notes"].items()),
                "flag",
            )
        )
    if told["ratings"]["judge_failed"]:
        found.append(
            page.paragraph(
                f"{told['ratings']['judge_failed']} ratings failed; they are no scores and in no mean.",
                "flag",
            )
        )
    if told["cost"]["total"]:
        found.append(
            page.paragraph(
                f"Cost {told['cost']['total']:.4f}, {told['cost']['per_episode']:.5f} an episode.",
                "note",
            )
        )
    return found


def _scores(rated: Mapping[str, rating.Rated], e: Episode) -> list[dict[str, float]]:
    return (rated[e.id].scores if e.id in rated else None) or []


def as_json(told: Mapping[str, Any]) -> str:
    """Readable, without NaN."""
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
