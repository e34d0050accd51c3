"""Scenarios, characters, and what each agent may know (SOTOPIA, arXiv 2310.11667; SOTOPIA-π, section 2).

Knows nothing of the framework.
"""

from __future__ import annotations

from dataclasses import dataclass

from interleaf_sotopia.markup import ENVIRONMENT, visible

STRANGER, KNOW_BY_NAME, ACQUAINTANCE, FRIEND, ROMANTIC, FAMILY = range(6)
RELATIONSHIPS = ("stranger", "know_by_name", "acquaintance", "friend", "romantic", "family")


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """Who an agent plays."""

    id: str
    first_name: str
    last_name: str = ""
    age: int = 0
    occupation: str = ""
    gender: str = ""
    pronoun: str = ""
    public_info: str = ""
    big_five: str = ""
    moral_values: tuple[str, ...] = ()
    schwartz_personal_values: tuple[str, ...] = ()
    personality_and_values: str = ""
    decision_making_style: str = ""
    secret: str = ""
    mbti: str = ""

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation and a private goal for each agent; texts may hold the mark-up of ``markup.py``."""

    id: str
    scenario: str
    goals: tuple[str, ...]
    codename: str = ""
    source: str = ""
    relationship: int = STRANGER
    hard: bool = False
    ages: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if len(self.goals) < 2:
            raise ValueError(
                f"{len(self.goals)} goal(s): expected one for each of two or more agents"
            )
        if not 0 <= self.relationship < len(RELATIONSHIPS):
            raise ValueError(f"relationship {self.relationship}: expected 0 to 5")
        for n, goal in enumerate(self.goals):
            visible(goal, ENVIRONMENT, agent(n))
        visible(self.scenario, ENVIRONMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A scenario and who plays it, in speaking order; ``background``: the pair's story, if any."""

    id: str
    scenario: Scenario
    characters: tuple[Character, ...]
    background: str = ""

    def __post_init__(self) -> None:
        names = [c.name for c in self.characters]
        if len(names) != len(self.scenario.goals):
            raise ValueError(f"{len(names)} characters for {len(self.scenario.goals)} goals")
        if len(set(names)) != len(names):
            raise ValueError(
                f"'{names[0]}' would talk to themselves: expected different characters"
            )
        if any(name.strip().lower() == ENVIRONMENT for name in names):
            raise ValueError("a character is called Environment, as the one who tells what happens")

    @property
    def names(self) -> tuple[str, ...]:
        """Names in speaking order."""
        return tuple(c.name for c in self.characters)

    def swapped(self) -> Task:
        """The same two in the other speaking order, each keeping role and goal."""
        s = self.scenario
        other = Scenario(
            id=s.id, scenario=s.scenario, goals=s.goals[::-1], codename=s.codename, source=s.source,
            relationship=s.relationship, hard=s.hard, ages=s.ages[::-1],
        )  # fmt: skip
        return Task(
            id=f"{self.id}~",
            scenario=other,
            characters=self.characters[::-1],
            background=self.background,
        )


def agent(index: int) -> str:
    """``agent_0`` for the first to speak."""
    return f"agent_{index}"


def own_profile(c: Character) -> str:
    """All that a character knows of themselves, the secret too."""
    return f"{_full(c)} {c.name}'s secret: {c.secret}" if c.secret else _full(c)


def other_profile(c: Character, relationship: int) -> str:
    """What another agent knows of a character.

    stranger: nothing; know_by_name: the name; acquaintance: name and public facts; friend, romantic
    and family: everything but the secret.
    """
    if relationship == STRANGER:
        return ""
    if relationship == KNOW_BY_NAME:
        return c.name
    return _public(c) if relationship == ACQUAINTANCE else _full(c)


def scene(task: Task, index: int) -> str:
    """The situation as agent ``index`` sees it."""
    return visible(task.scenario.scenario, agent(index))


def goal(task: Task, index: int) -> str:
    """The agent's own goal, hints included."""
    return visible(task.scenario.goals[index], agent(index), agent(index))


def _public(c: Character) -> str:
    age = f"{c.age}-year-old" if c.age else ""
    who = " ".join(filter(None, (age, c.occupation.lower() or ("person" if age else ""))))
    gender = f", {c.gender.lower()}" if c.gender else ""
    parts = (
        f"{c.name} is a {who}{gender}." if who else f"{c.name}{gender}.",
        f"Pronouns: {c.pronoun}." if c.pronoun else "",
        c.public_info,
    )
    return " ".join(filter(None, parts))


def _full(c: Character) -> str:
    values = ", ".join(v.strip() for v in (*c.moral_values, *c.schwartz_personal_values))
    parts = (
        _public(c),
        f"Big five: {c.big_five}." if c.big_five else "",
        f"Values: {values}." if values else "",
        c.personality_and_values,
        f"Decides: {c.decision_making_style}." if c.decision_making_style else "",
    )
    return " ".join(filter(None, parts))
