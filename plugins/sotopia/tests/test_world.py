"""Scenarios: who may know what, and files as they are found."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf_sotopia import prompts, reading, world
from interleaf_sotopia.episode import Rules
from interleaf_sotopia.markup import visible
from interleaf_sotopia.sample import PEOPLE, SCENES, sample_tasks, write_sample
from interleaf_sotopia.world import Character, Scenario, Task, own_profile

MARA, JONAS = PEOPLE


def test_a_stranger_is_unknown_and_a_friend_known_but_for_the_secret() -> None:
    told = [world.other_profile(MARA, r) for r in range(6)]
    assert told[world.STRANGER] == ""
    assert told[world.KNOW_BY_NAME] == "Mara Lind"
    assert "bakes" in told[world.ACQUAINTANCE] and "Decides" not in told[world.ACQUAINTANCE]
    known = replace(MARA, decision_making_style="by heart")
    for close in (world.FRIEND, world.ROMANTIC, world.FAMILY):
        assert "by heart" in world.other_profile(known, close)
    assert not any(MARA.secret in t for t in told)
    assert MARA.secret in own_profile(MARA)


def test_goals_are_private_and_hints_are_for_their_owner() -> None:
    task = sample_tasks()[0]
    mine = prompts.ask(task, 0, (), 0, Rules()).text
    theirs = prompts.ask(task, 1, (), 0, Rules()).text
    assert "You have guests." in mine and "You have guests." not in theirs
    assert "at least half" in theirs and "at least half" not in mine
    assert MARA.secret in mine and MARA.secret not in theirs


def test_marked_parts_are_for_their_viewers() -> None:
    text = 'All. <p viewer="agent_1">One.</p><p viewer="environment">Judge.</p>'
    assert visible(text, "agent_0") == "All."
    assert visible(text, "agent_1") == "All. One."
    assert visible(text, "environment") == "All. One.Judge."
    assert visible("Win (<strategy_hint>cheat</strategy_hint>)", "agent_1", "agent_0") == "Win"


def test_what_is_no_tag_is_prose() -> None:
    assert visible("Tom & Anna < 3 <b>x</b> &amp;", "agent_0") == "Tom & Anna < 3 <b>x</b> &amp;"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<extra_info>open", "not closed"), ("closed</p>", "closes nothing"),
        ('<p viewer="everyone">x</p>', "everyone"), ("<p>x</p>", "viewer"),
    ],
)  # fmt: skip
def test_broken_mark_up_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Scenario(id="s", scenario=text, goals=("a", "b"))


@given(st.text(max_size=80))
def test_marks_are_read_or_refused_and_nothing_hidden_shows(text: str) -> None:
    try:
        shown = visible(f'a<p viewer="environment">{text}</p>', "agent_0")
    except ValueError:
        return
    if "<" not in text:
        assert shown == "a"


def test_one_goal_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="1 goal"):
        Scenario(id="s", scenario="x", goals=("a",))


def test_nobody_talks_to_themselves_or_is_the_environment() -> None:
    with pytest.raises(ValueError, match="themselves"):
        Task(id="t", scenario=SCENES[0], characters=(MARA, replace(MARA, id="other")))
    with pytest.raises(ValueError, match="Environment"):
        Task(
            id="t",
            scenario=SCENES[0],
            characters=(MARA, Character(id="e", first_name="Environment")),
        )


def test_all_scenarios_load(social: Path) -> None:
    told: list[str] = []
    files = [social / f"{n}.jsonl" for n in ("scenarios", "characters", "combos", "relationships")]
    tasks = reading.read_tasks(*files, notice=told.append)
    scenarios = {t.scenario.id: t.scenario for t in tasks}
    assert (len(tasks), len(scenarios)) == (355, 71)
    assert sum(s.hard for s in scenarios.values()) == 14
    # six are no XML, for they hold a raw &, and are shown with it
    raw = [s for s in scenarios.values() if any("&" in text for text in (*s.goals, s.scenario))]
    assert len(raw) == 6
    assert all(
        "&" in visible(t, "agent_0", "agent_0")
        for s in raw
        for t in (*s.goals, s.scenario)
        if "&" in t
    )
    for t in tasks:
        for i in (0, 1):
            other, text = t.characters[1 - i], prompts.ask(t, i, (), 0, Rules()).text
            assert "<extra_info>" not in text and "<p viewer" not in text
            assert (
                not other.secret
                or other.secret not in text
                or other.secret == t.characters[i].secret
            )
            if t.scenario.relationship == world.STRANGER:
                assert other.public_info not in text


def test_what_only_the_environment_knows_is_hidden_from_both(social: Path) -> None:
    found = reading.read_all(social / "scenarios.jsonl", reading.scenario)
    shared = [s for s in found if 'viewer="environment"' in s.scenario]
    assert len(shared) == 8
    assert all(
        "common friend" not in visible(s.scenario, f"agent_{i}") for s in shared for i in (0, 1)
    )


@pytest.mark.parametrize("empty", ["nan", "none", "NaN", "", None])
def test_constraints_that_are_none(empty: object) -> None:
    row = {"env_id": "s", "scenario": "x", "agent_goals": ["a", "b"], "age_constraint": empty}
    assert reading.scenario(row).ages == ()


def test_lists_written_as_text() -> None:
    base = {"agent_id": "a", "first_name": "A"}
    assert reading.character({**base, "moral_values": "[actor, actor]"}).moral_values == (
        "actor",
        "actor",
    )
    assert reading.character({**base, "moral_values": "nan"}).moral_values == ()
    ages = reading.scenario(
        {
            "env_id": "s",
            "scenario": "x",
            "agent_goals": ["a", "b"],
            "age_constraint": "[(18, 70), (20, 30)]",
        }
    )
    assert ages.ages == ((18, 70), (20, 30))


def test_every_bad_record_is_told_with_its_line(tmp_path: Path) -> None:
    write_sample(tmp_path)
    file = tmp_path / "scenarios.jsonl"
    good = file.read_text()
    file.write_text(
        good
        + json.dumps({"env_id": "x", "scenario": "y", "agent_goals": ["one"]})
        + "\n"
        + '{"env_id": "z"}\n'
    )
    with pytest.raises(InvalidInput) as caught:
        reading.read_all(file, reading.scenario)
    assert "scenarios.jsonl:3: 1 goal" in str(
        caught.value
    ) and "scenarios.jsonl:4: 'agent_goals' is missing" in str(caught.value)
    file.write_text(good + "{broken\n")
    with pytest.raises(InvalidInput, match=r"scenarios\.jsonl:3 is no JSON"):
        reading.read_all(file, reading.scenario)


def test_other_forms_of_the_same_files(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    write_sample(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "scenarios.jsonl").read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")
    (tmp_path / "s.json").write_text(json.dumps(rows))
    wanted = reading.read_all(tmp_path / "scenarios.jsonl", reading.scenario)
    for name in ("s.parquet", "s.json"):
        assert reading.read_all(tmp_path / name, reading.scenario) == wanted


def test_a_long_history_loses_its_oldest_turns_and_keeps_the_task() -> None:
    from interleaf_sotopia.actions import Action
    from interleaf_sotopia.episode import Turn

    task = sample_tasks()[0]
    turns = [Turn(n, n % 2, Action("speak", f"word {n} " * 20)) for n in range(40)]
    whole = prompts.ask(task, 0, turns, 40, Rules(max_turns=50))
    cut = prompts.ask(task, 0, turns, 40, Rules(max_turns=50), characters=3000)
    assert whole.dropped == 0 and cut.dropped > 10 and len(cut.text) <= 3000
    assert (
        f"{cut.dropped} earlier turns" in cut.text
        and "You have guests." in cut.text
        and "word 39" in cut.text
    )
    with pytest.raises(ValueError, match="task alone"):
        prompts.ask(task, 0, turns, 40, Rules(), characters=200)
