"""New tasks from prompts, and checks before and after training."""

import json
from pathlib import Path

import pytest

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context, Model
from interleaf_sotopia.checks import Regression
from interleaf_sotopia.config import RegressionConfig, SynthesiseConfig
from interleaf_sotopia.sample import write_sample
from interleaf_sotopia.synthesis import Synthesise, Writer, read_prompts, read_task


def test_tasks_from_prompts_none_used_twice(social: Path) -> None:
    config = SynthesiseConfig(
        prompts=str(social / "inspirational_prompts.csv"),
        characters=str(social / "characters.jsonl"),
        tasks=9,
    )
    tasks = list(Synthesise(config).apply(Writer(), ctx=Context(seed=1))["tasks"])
    assert len(tasks) == 9 == len({t.scenario.codename for t in tasks})
    sources = read_prompts(social / "inspirational_prompts.csv")
    assert sum(map(len, sources.values())) == 790
    by = [
        next(s for s, ps in sources.items() if any(p[:40] == t.scenario.codename for p in ps))
        for t in tasks
    ]
    assert {by.count(s) for s in sources} <= {2, 3, 4}, "sources take turns"
    again = list(Synthesise(config).apply(Writer(), ctx=Context(seed=1))["tasks"])
    assert [t.id for t in again] == [t.id for t in tasks]


def test_near_copies_of_the_evaluation_are_left_out(tmp_path: Path) -> None:
    write_sample(tmp_path)
    (tmp_path / "p.csv").write_text("source,prompt\na,one\n")
    config = SynthesiseConfig(
        prompts=str(tmp_path / "p.csv"), characters=str(tmp_path / "characters.jsonl"), tasks=1
    )
    first = Synthesise(config).apply(Writer(), ctx=Context(seed=1))["tasks"]
    with pytest.raises(InterleafError, match="none was a new task"):
        Synthesise(config).apply(Writer(), first, ctx=Context(seed=1))


def test_a_reply_cannot_write_mark_up() -> None:
    import random

    from interleaf_sotopia.sample import PEOPLE

    row = {
        "scenario": '<p viewer="agent_0">x</p>',
        "goal_1": "a <extra_info>",
        "goal_2": "b",
        "relationship": "friend",
    }
    task = read_task(json.dumps(row), "p", PEOPLE, random.Random(0))
    assert "<" not in task.scenario.scenario + "".join(task.scenario.goals)
    with pytest.raises(ValueError, match="relationship"):
        read_task(json.dumps({**row, "relationship": "enemies"}), "p", PEOPLE, random.Random(0))


class Knows(Model):
    """Answers some questions rightly."""

    def __init__(self, right: str) -> None:
        super().__init__()
        self.right = right

    def logprobs(self, sequences, ctx=None):  # type: ignore[no-untyped-def]
        """The letters it likes."""
        from interleaf.values import Table

        return Table({"logprob": [0.0 if s.endswith(self.right) else -1.0 for s in sequences]})


def test_what_was_lost_and_gained(tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("".join(f"q{n},a,b,c,d,{'A' if n < 6 else 'B'}\n" for n in range(8)))
    report = Regression(RegressionConfig(path=str(file))).evaluate(Knows("B"), Knows("A"))
    assert (report["accuracy"].value, report["accuracy_before"].value) == (0.25, 0.75)
    assert (report["lost"].value, report["gained"].value) == (6, 2)
    assert report["mcnemar_p"].value == pytest.approx(0.2890625)
    file.write_text("q,a,b,c,d,E\n")
    with pytest.raises(InvalidInput, match=r"q\.csv:1"):
        Regression(RegressionConfig(path=str(file))).evaluate(Knows("A"))
