"""A few scenarios of our own, to try every part on without other files."""

from __future__ import annotations

import json
from pathlib import Path

from interleaf_sotopia.actions import Action
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.records import Episode, character_row, episode_row, scenario_row
from interleaf_sotopia.world import FRIEND, STRANGER, Character, Scenario, Task

PEOPLE = (
    Character(
        id="c1",
        first_name="Mara",
        last_name="Lind",
        age=34,
        occupation="Baker",
        gender="Woman",
        pronoun="She/her",
        public_info="Mara bakes for the whole street.",
        secret="She is closing the shop.",
    ),
    Character(
        id="c2",
        first_name="Jonas",
        last_name="Berg",
        age=41,
        occupation="Teacher",
        gender="Man",
        pronoun="He/him",
        public_info="Jonas teaches music.",
        secret="He cannot read notes.",
    ),
)
SCENES = (
    Scenario(
        id="s1",
        codename="last_loaf",
        scenario="Two people reach for the last loaf of bread.",
        goals=(
            "Get the loaf <extra_info>You have guests.</extra_info>",
            "Get at least half of the loaf",
        ),
        relationship=STRANGER,
    ),
    Scenario(
        id="s2",
        codename="loud_piano",
        scenario="Two friends talk about a piano that is played at night.",
        goals=(
            "Have the nights quiet",
            "Keep practising <strategy_hint>offer a concert</strategy_hint>",
        ),
        relationship=FRIEND,
    ),
)


def sample_tasks() -> list[Task]:
    """Two tasks."""
    return [Task(id=f"t{n + 1}", scenario=s, characters=PEOPLE) for n, s in enumerate(SCENES)]


def sample_episodes() -> list[Episode]:
    """Four episodes with points."""
    said = (
        ("speak", "Good morning."),
        ("speak", "Shall we share?"),
        ("action", "nods"),
        ("leave", ""),
    )
    return [
        Episode(
            id=f"e{t}{n}", task=task, models=("ours", "theirs"), points=(float(3 + n), float(5 - n)),
            turns=tuple(Turn(i, i % 2, Action(k, a)) for i, (k, a) in enumerate(said[: 3 + n])),
        )
        for t, task in enumerate(sample_tasks())
        for n in range(2)
    ]  # fmt: skip


def write_sample(folder: Path) -> Path:
    """The same as files."""
    combos = [
        {"combo_id": t.id, "env_id": t.scenario.id, "agent_ids": [c.id for c in t.characters]}
        for t in sample_tasks()
    ]
    found = {
        "scenarios": [scenario_row(s) for s in SCENES],
        "characters": [character_row(c) for c in PEOPLE],
        "combos": combos,
        "episodes": [episode_row(e) for e in sample_episodes()],
    }
    for name, rows in found.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder
