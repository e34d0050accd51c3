"""The seven dimensions of SOTOPIA, and how a judge's reply becomes scores: strictly, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from interleaf_sotopia.actions import the_object


@dataclass(frozen=True, slots=True)
class Dimension:
    """A score: integers from ``low`` to ``high``."""

    name: str
    low: int
    high: int
    meaning: str


SOTOPIA = (
    Dimension("believability", 0, 10, "natural, and in character"),
    Dimension("relationship", -5, 5, "how the relationship and the agent's standing changed"),
    Dimension("knowledge", 0, 10, "new and important information gained"),
    Dimension("secret", -10, 0, "0: the secret was kept; -10: it is out"),
    Dimension("social_rules", -10, 0, "0: no moral or legal rule was broken"),
    Dimension("financial", -5, 5, "material gain or loss"),
    Dimension("goal", 0, 10, "how far the agent's goal was reached"),
)
SETS: Mapping[str, tuple[Dimension, ...]] = {
    "sotopia": SOTOPIA,
    "goal": tuple(d for d in SOTOPIA if d.name == "goal"),
}
OVERALL = "overall"
SHORT = {"BEL": "believability", "REL": "relationship", "KNO": "knowledge", "SEC": "secret",
         "SOC": "social_rules", "FIN": "financial", "GOAL": "goal"}  # fmt: skip


def dimensions(name: str) -> tuple[Dimension, ...]:
    """A set by name; ValueError for an unknown one."""
    if name not in SETS:
        raise ValueError(f"no dimensions '{name}': expected {' or '.join(SETS)}")
    return SETS[name]


def overall(scores: Mapping[str, float], which: Sequence[Dimension] = SOTOPIA) -> float:
    """The unweighted mean of the dimensions."""
    return sum(scores[d.name] for d in which) / len(which)


def key(agent: int) -> str:
    """How a judge's reply names an agent: by place, for names may resemble one another."""
    return f"agent_{agent + 1}"


@lru_cache(maxsize=64)
def form(agents: int, which: tuple[Dimension, ...]) -> type[BaseModel]:
    """The reply of a judge: for each agent and dimension a reasoning and an integer in range."""
    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    fields: dict[str, Any] = {}
    for d in which:
        score = create_model(
            d.name,
            __config__=strict,
            reasoning=(str, ...),
            score=(Annotated[int, Field(ge=d.low, le=d.high)], ...),
        )
        fields[d.name] = (score, ...)
    one = create_model("Scores", __config__=strict, **fields)
    every: dict[str, Any] = {key(a): (one, ...) for a in range(agents)}
    return create_model("Judgement", __config__=strict, **every)


def schema(agents: int, which: tuple[Dimension, ...]) -> dict[str, Any]:
    """The same as a JSON schema, without references."""
    properties = {
        d.name: {
            "type": "object",
            "properties": {"reasoning": {"type": "string"},
                           "score": {"type": "integer", "minimum": d.low, "maximum": d.high}},
            "required": ["reasoning", "score"], "additionalProperties": False,
        }
        for d in which
    }  # fmt: skip
    one = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "object", "properties": {key(a): one for a in range(agents)},
        "required": [key(a) for a in range(agents)], "additionalProperties": False,
    }  # fmt: skip


def read_scores(
    text: str, agents: int, which: tuple[Dimension, ...] = SOTOPIA
) -> tuple[list[dict[str, int]], list[dict[str, str]]]:
    """Scores and reasonings of each agent; ValueError tells a judge what to correct.

    Fences, prose around the object and trailing commas are tolerated. A score that is no integer
    in range (7.5, "7/10", NaN, true, 11), a missing or an additional agent or dimension are not, and
    nothing is clamped.
    """
    try:
        found = form(agents, which).model_validate(dict(the_object(text)))
    except ValidationError as error:
        raise ValueError("; ".join(_told(e) for e in error.errors()[:4])) from None
    rows = [getattr(found, key(a)) for a in range(agents)]
    return (
        [{d.name: getattr(r, d.name).score for d in which} for r in rows],
        [{d.name: getattr(r, d.name).reasoning for d in which} for r in rows],
    )


def _told(error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"])
    return f"{place}: {error['msg']}"
