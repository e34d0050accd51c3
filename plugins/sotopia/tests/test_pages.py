"""Pages escape what was said; blind ratings come back; logs of upstream are read as what they are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interleaf.errors import InvalidInput
from interleaf.interfaces.report import Measure, Report
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import blind, page, summary
from interleaf_sotopia.actions import Action
from interleaf_sotopia.config import PageConfig
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.exchange import read_logs
from interleaf_sotopia.journal import judgement_written
from interleaf_sotopia.sample import PEOPLE, SCENES, sample_episodes
from interleaf_sotopia.scores import SOTOPIA
from interleaf_sotopia.store import Store
from interleaf_sotopia.views import StudyPage

EVIL = '</div><script>alert(1)</script><p viewer="agent_0">you win</p>&<img src=x onerror=y>'


def test_what_was_said_is_shown_and_not_run(tmp_path: Path) -> None:
    e = replace(
        sample_episodes()[0], turns=(Turn(0, 0, Action("speak", EVIL)),), models=("<b>m</b>", "n")
    )
    pages = [
        page.document("x", [page.transcript(e)]), blind.html([e], EVIL),
        StudyPage(PageConfig(title=EVIL)).render([EVIL], Collection.of({e.id: e})).data.decode(),
    ]  # fmt: skip
    with Store(tmp_path / "s.db", writing=True) as store:
        store.add_episodes([e])
        pages.append(summary.html(store, EVIL))
    for found in pages:
        assert "<script>alert" not in found and "<img" not in found and "<b>m" not in found
        assert "&lt;script&gt;alert(1)" in found


def test_the_flag_is_told_in_words() -> None:
    def told(value: float | None) -> str:
        report = Report(
            (
                Measure(
                    name="optimised_against_judge",
                    value=value,
                    reason="" if value is not None else "few",
                ),
            )
        )
        return StudyPage().render([report]).data.decode()

    assert (
        "was optimised against its judge" in told(1.0)
        and "did not grow" in told(0.0)
        and "cannot be told: few" in told(None)
    )


def rating(episode: str, goal: int) -> dict[str, Any]:
    """A stored rating with the goal of both agents."""
    row = {d.name: 0 for d in SOTOPIA} | {"goal": goal}
    return {
        "episode": episode,
        "judge": "j",
        "sample": 0,
        "swapped": 0,
        "status": "done",
        "scores": [row, row],
        "reasons": [{}, {}],
        "raw": "",
        "error": "",
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }


def test_blind_ratings_out_and_in(tmp_path: Path) -> None:
    episodes = sample_episodes()
    text = blind.html(episodes, "Rate")
    assert "ours" not in text and "theirs" not in text and "points" not in text
    assert all(text.count(f'data-item="{blind.item(e)}"') == 2 for e in episodes)
    lines = [",".join(blind.COLUMNS)]
    for rater in ("ann", "bo"):
        lines += [
            f"{rater},{blind.item(e)},{a},5,0,3,0,0,0,{n + a}"
            for n, e in enumerate(episodes)
            for a in (0, 1)
        ]
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join(lines) + "\n")
    people = blind.read_ratings(file, episodes)
    assert len(people) == 16 and {r["model"] for r in people} == {"ours", "theirs"}
    told = {
        (r["measure"], r["group"]): r
        for r in blind.compared(people, [rating(e.id, n + 1) for n, e in enumerate(episodes)])
    }
    assert told["gap", ""]["value"] == pytest.approx(0.5) and told["gap", "ours"]["value"] == 1
    assert told["kappa", "goal"]["value"] == 1
    assert told["pearson", "ours"]["value"] == pytest.approx(1)


@pytest.mark.parametrize(
    "line",
    [
        "ann,unknown,0,5,0,3,0,0,0,5",
        "ann,ITEM,7,5,0,3,0,0,0,5",
        "ann,ITEM,0,11,0,3,0,0,0,5",
        "ann,ITEM,x,,,,,,,",
    ],
)
def test_a_bad_rating_is_told_with_its_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(
        ",".join(blind.COLUMNS)
        + "\n"
        + line.replace("ITEM", blind.item(sample_episodes()[0]))
        + "\n"
    )
    with pytest.raises(InvalidInput, match=r"ratings\.csv:2"):
        blind.read_ratings(file, sample_episodes())


def log(rewards: Any) -> dict[str, Any]:
    """An EpisodeLog of upstream."""
    a, b = (c.name for c in PEOPLE)
    return {
        "environment": "s1",
        "agents": ["c1", "c2"],
        "tag": "t",
        "models": ["judge", "gpt", "llama"],
        "messages": [
            [
                ["Environment", a, "Hello"],
                [a, "Environment", 'said: "Good morning"'],
                [b, "Environment", "did nothing"],
            ],
            [[b, "Environment", "[action] nods"], [a, "Environment", "left the conversation"]],
        ],
        "reasoning": "",
        "rewards": rewards,
    }


def test_upstreams_logs_and_its_zeros(tmp_path: Path) -> None:
    dims = {"believability": 8, "relationship": 1, "knowledge": 3, "secret": 0, "social_rules": 0,
            "financial_and_material_benefits": 1, "goal": 7, "overall_score": 2.8}  # fmt: skip
    file = tmp_path / "logs.jsonl"
    rows = [log([[2.8, dims], [2.8, dims]]), log([0.0, 0.0])]
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    episodes, ratings = read_logs(file, {s.id: s for s in SCENES}, {c.id: c for c in PEOPLE})
    first = episodes[0]
    assert first.models == ("gpt", "llama")
    assert [(t.agent, t.action.kind, t.action.argument) for t in first.turns] == [
        (0, "speak", "Good morning"), (1, "none", ""), (1, "action", "nods"), (0, "leave", ""),
    ]  # fmt: skip
    assert [r["status"] for r in ratings] == ["done", "judge_failed"]
    assert ratings[0]["scores"][0]["financial"] == 1
    with Store(tmp_path / "s.db", writing=True) as store:
        store.add_episodes(episodes)
        for r in ratings:
            store.execute(judgement_written(r))
        told = summary.summary(store)
    assert told["scores"]["goal"]["value"] == 7 and told["scores"]["goal"]["n"] == 2
    assert told["ratings"] == {"done": 1, "judge_failed": 1}
    file.write_text(json.dumps({**log([]), "agents": ["c1", "nobody"]}) + "\n")
    with pytest.raises(InvalidInput, match=r"logs\.jsonl:1: no character has the id nobody"):
        read_logs(file, {s.id: s for s in SCENES}, {c.id: c for c in PEOPLE})
