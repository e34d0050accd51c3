"""People rate conversations without knowing which model spoke: a page out, ratings in."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf_sotopia import bias, page, rating
from interleaf_sotopia.records import Episode, digest
from interleaf_sotopia.scores import SOTOPIA, Dimension
from interleaf_sotopia.summary import rated_dimensions

COLUMNS = ("rater", "item", "agent", *(d.name for d in SOTOPIA))
SCRIPT = files("interleaf_sotopia").joinpath("blind.js").read_text(encoding="utf-8")


def item(e: Episode) -> str:
    """A name that says nothing about the models."""
    return digest(["rate", e.id])[:12]


def html(episodes: Sequence[Episode], title: str, seed: int = 0) -> str:
    """The page: every conversation once, in an order of the seed."""
    shown = sorted(episodes, key=item)
    random.Random(seed).shuffle(shown)
    body = "".join(_one(n, e) for n, e in enumerate(shown, 1))
    columns = escape(str(list(COLUMNS)).replace("'", '"'), quote=True)
    form = (
        f'<form data-columns="{columns}"><p><label>Your name or number <input id="rater" '
        f"required></label></p>"
        f'{body}<p><button>Save ratings.csv</button> <span id="state" class="soft"></span></p></form>'
    )
    told = (
        "Rate what each speaker did, not how you would have done it. Leave out what you "
        "cannot tell. Nothing is sent anywhere."
    )
    return page.document(title, [page.paragraph(told), form], script=SCRIPT)


def _one(number: int, e: Episode) -> str:
    nameless = replace(e, models=("agent",) * len(e.models), points=(), reason="")
    forms = "".join(
        f'<fieldset data-item="{item(e)}" '
        f'data-agent="{a}"><legend>{escape(name)}</legend>{_inputs()}</fieldset>'
        for a, name in enumerate(e.task.names)
    )
    return f"<section><h2>{number}</h2>{page.transcript(nameless, shown=True)}{forms}</section>"


def _inputs() -> str:
    return " ".join(
        f'<label title="{escape(d.meaning)}">{escape(d.name)} <input name="{d.name}" type="number" '
        f'min="{d.low}" max="{d.high}" step="1" size="3"> <span class="soft">{d.low} to '
        f"{d.high}</span></label>"
        for d in SOTOPIA
    )


def read_ratings(file: Path, episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    """Saved ratings: ``rater``, ``episode``, ``agent``, ``model`` and the dimensions (None where left out).

    InvalidInput names the line of a rating that is none, or of a conversation that is unknown.
    """
    known = {item(e): e for e in episodes}
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from None
    found = []
    for n, row in enumerate(csv.DictReader(lines), 2):
        try:
            found.append(_row(row, known))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"{file}:{n}: {error}", hint="the file is what the page saves"
            ) from None
    if not found:
        raise InvalidInput(
            f"{file} holds no ratings", hint="open the page that `rate` wrote, rate, and save"
        )
    return found


def _row(row: Mapping[str, Any], known: Mapping[str, Episode]) -> dict[str, Any]:
    name, agent = row["item"], int(row["agent"])
    if name not in known:
        raise ValueError(f"no conversation is called {name}")
    e = known[name]
    if not 0 <= agent < len(e.models):
        raise ValueError(f"agent {agent} of {len(e.models)}")
    values = {d.name: _score(row.get(d.name, ""), d) for d in SOTOPIA}
    return {"rater": row["rater"], "episode": e.id, "agent": agent, "model": e.models[agent],
            "scenario": e.task.scenario.id, **values}  # fmt: skip


def _score(text: Any, d: Dimension) -> int | None:
    if text is None or not str(text).strip():
        return None
    value = int(str(text))
    if not d.low <= value <= d.high:
        raise ValueError(f"{d.name} is {value}: expected {d.low} to {d.high}")
    return value


def compared(
    people: Sequence[Mapping[str, Any]], judgements: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The judge's goal scores against people's, over all and for each model; agreement of two raters
    (Randolph's kappa on each dimension) where two rated the same."""
    rated = rating.together(judgements, rated_dimensions(judgements))
    rows: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for r in people:
        rows.setdefault((r["episode"], r["agent"]), []).append(r)
    found = []
    for (e, agent), group in rows.items():
        goals = [r["goal"] for r in group if r["goal"] is not None]
        scores = rated[e].scores if e in rated else None
        found.append({
            "model": group[0]["model"], "scenario": group[0]["scenario"],
            "people": sum(goals) / len(goals) if goals else None,
            "judge": scores[agent]["goal"] if scores else None,
        })  # fmt: skip
    told = []
    for model in ("", *dict.fromkeys(r["model"] for r in found)):
        chosen = [r for r in found if model in ("", r["model"])]
        p = bias.pairs(*([r[k] for r in chosen] for k in ("judge", "people", "scenario")))
        for name, of in (("gap", bias.gap), ("pearson", bias.pearson), ("spearman", bias.spearman)):
            told.append(_told(name, model, of(p)))
    return told + [_told("kappa", d.name, _agreement(rows.values(), d)) for d in SOTOPIA]


def _agreement(groups: Any, d: Dimension) -> bias.Statistic:
    both = [g[:2] for g in groups if len({r["rater"] for r in g}) >= 2]
    return bias.randolph(
        [a[d.name] for a, _ in both], [b[d.name] for _, b in both], d.high - d.low + 1
    )


def _told(name: str, group: str, s: bias.Statistic) -> dict[str, Any]:
    return {
        "measure": name,
        "group": group,
        "value": s.value,
        "interval": s.interval,
        "n": s.n,
        "reason": s.reason,
    }
