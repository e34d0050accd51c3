"""Task files: what can be measured is, what cannot says why, and nothing in them is run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces.report import Measure, Report
from interleaf_gemma import Gemma, GemmaConfig, Tokenizer
from interleaf_gemma.evaluating.harness import Harness
from interleaf_gemma.evaluating.measuring import measured, wilson
from interleaf_gemma.evaluating.tasks import SUITES, read_tasks
from interleaf_gemma.evaluating.wins import compare, told
from interleaf_gemma.shipped import TOKENIZER

TASK: dict[str, Any] = {
    "task": "pets", "output_type": "multiple_choice", "test_split": "test", "num_fewshot": 0,
    "doc_to_text": "{{text}}", "doc_to_choice": "{{choices}}", "doc_to_target": "answer",
    "metric_list": [{"metric": "acc"}],
}  # fmt: skip
DOCS = [{"text": f"Tom had {n}", "choices": [" a dog", " xyz"], "answer": n % 2} for n in range(6)]


@pytest.fixture(scope="module")
def harness() -> Harness:
    words = Tokenizer.load(TOKENIZER)
    sizes = {"d_model": 32, "layers": 1, "d_ff": 64, "head_dim": 16}
    return Harness(Gemma(GemmaConfig.preset("tiny", vocab_size=len(words), **sizes)).eval(), words)


def written(folder: Path, **changes: Any) -> Path:
    file = folder / "task.json"
    file.write_text(json.dumps({**TASK, "docs": DOCS, **changes}))
    return file


def test_a_task_of_one_file(harness: Harness, tmp_path: Path) -> None:
    report = measured(harness, read_tasks(written(tmp_path)))
    share = report["acc/pets"]
    pairs = [(d["text"], c) for d in DOCS for c in d["choices"]]

    totals = [
        t
        for t, _ in harness.loglikelihood(
            [SimpleNamespace(args=p) for p in pairs], disable_tqdm=True
        )
    ]
    chosen = [int(totals[2 * n] < totals[2 * n + 1]) for n in range(6)]
    assert share.value == sum(c == d["answer"] for c, d in zip(chosen, DOCS, strict=True)) / 6
    assert (share.n, share.interval) == (6, wilson(share.value, 6))
    assert report["score"].value == share.value
    assert report["score/pets"].settings["metric"] == "acc"


def test_documents_beside_the_task_or_in_a_folder(harness: Harness, tmp_path: Path) -> None:
    source = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": "pets.jsonl"}}}
    file = written(tmp_path, docs=None, **source)
    data = json.loads(file.read_text())
    del data["docs"]
    file.write_text(json.dumps(data))
    (task,) = read_tasks(file)
    assert "pets.jsonl" in task.unavailable
    report = measured(harness, [task])
    assert report["score/pets"].value is None and report["score"].value is None
    other = tmp_path / "data"
    other.mkdir()
    (other / "pets.jsonl").write_text("\n".join(map(json.dumps, DOCS)))
    (task,) = read_tasks(file, other)
    assert measured(harness, [task], limit=4)["acc/pets"].n == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("task: x\ndoc_to_text: !function os.system\n", "no task"),
        ("task: x\nprocess_docs: f\n", "would run code"),
        ("task: x\ndoc_to_txt: f\n", "unknown key"),
        ("task: x\ndataset_path: hellaswag\n", "reads the data set 'hellaswag'"),
        ("- 3\n", "no task"),
        ("task: x\ndocs: []\n", "expected documents"),
        ("a: [", "no task"),
    ],
)
def test_files_that_are_no_tasks(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "task.yaml"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=message):
        read_tasks(file)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    source = {"dataset_path": "json", "dataset_kwargs": {"data_files": "pets.jsonl"}}
    config = {**TASK, **source}
    (tmp_path / "task.json").write_text(json.dumps(config))
    (tmp_path / "pets.jsonl").write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(CorruptData, match=r"pets.jsonl:2"):
        read_tasks(tmp_path / "task.json")


def test_templates_reach_nothing_but_documents(harness: Harness, tmp_path: Path) -> None:
    for template in ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ missing }}"):
        with pytest.raises(InvalidInput, match="cannot be run"):
            measured(harness, read_tasks(written(tmp_path, doc_to_text=template)))


def test_a_metric_that_would_be_downloaded_is_refused(harness: Harness, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="metric 'bertscore'"):
        measured(harness, read_tasks(written(tmp_path, metric_list=[{"metric": "bertscore"}])))


AB = {"label": ["A", "B"], "text": ["x", "y"]}
ROW: dict[str, dict[str, Any]] = {
    "mmlu": {"question": "What?", "choices": ["a", "b", "c", "d"], "answer": 1, "subject": "high_school"},
    "hellaswag": {"ctx": "Tom", "endings": ["ran", "sat"], "label": "1"},
    "piqa": {"goal": "Eat", "sol1": "use a fork", "sol2": "use a car", "label": 0},
    "siqa": {"context": "C", "question": "Q", "answerA": "a", "answerB": "b", "answerC": "c", "label": "2"},
    "boolq": {"passage": "P", "question": "q", "answer": True},
    "winogrande": {"sentence": "Tom saw Sam and _ ran.", "option1": "Tom", "option2": "Sam", "answer": "2"},
    "commonsenseqa": {"question": "Q?", "choices": AB, "answerKey": "B"},
    "openbookqa": {"question_stem": "Q", "choices": AB, "answerKey": "A"},
    "arc_easy": {"question": "Q", "choices": AB, "answerKey": "A"},
    "arc_challenge": {"question": "Q", "choices": AB, "answerKey": "B"},
    "triviaqa": {"question": "Q", "answer": {"value": "x", "aliases": ["x", "y"]}},
    "naturalqs": {"question": "Q", "answer": ["x", "y"]},
    "gsm8k": {"question": "Q", "answer": "1 + 1 = 2\n#### 2"},
    "math": {"problem": "Q", "solution": "It is $\\boxed{2}$.", "answer": "2"},
    "agieval": {"query": "Q", "choices": ["x", "y"], "gold": [1]},
    "bbh": {"input": "Q", "target": "yes"},
    "crows_pairs": {"sent_more": "a b", "sent_less": "a c"},
    "winogender": {
        "sentence": "The nurse told the man that she ran.", "pronoun": "she", "occupation": "nurse",
        "participant": "man", "target": "nurse",
    },
    "truthfulqa": {"question": "Q", "choices": ["x", "y"], "label": 0},
}  # fmt: skip
BBQ = {"context": "C", "question": "Q", "ans0": "x", "ans1": "y", "ans2": "z", "label": 2}
BIAS = {"sentence": "S", "pronoun": "he", "options": ["x", "y"], "label": 0}
ROW |= {"bbq_ambiguous": BBQ, "bbq_disambiguated": BBQ, "winobias_1_2": BIAS, "winobias_2_2": BIAS}


@pytest.mark.parametrize(("suite", "tasks", "scored"), [("eighteen", 18, 16), ("safety", 10, 7)])
def test_the_suites_run_on_data_of_their_form(
    harness: Harness, tmp_path: Path, suite: str, tasks: int, scored: int
) -> None:
    for name, row in ROW.items():
        for file in (f"{name}.jsonl", f"{name}.shots.jsonl"):
            (tmp_path / file).write_text("\n".join([json.dumps(row)] * 8))
    found = read_tasks(suite, tmp_path)
    assert len(found) == tasks
    report = measured(harness, found, limit=1)
    scores = [m for m in report.measures if m.name == "score" and m.group]
    assert sum(m.value is not None for m in scores) == scored
    assert all(m.reason for m in scores if m.value is None)
    assert report["score"].value is None  # two or three are never measured, so there is no mean
    assert SUITES.joinpath(f"{suite}.yaml").is_file()


def test_wins_ties_and_losses() -> None:
    def report(**scores: float | None) -> Report:
        rows = [
            Measure(name="score", value=v, reason="" if v is not None else "no data", group=k)
            for k, v in scores.items()
        ]
        return Report(measures=tuple(rows))

    ours, peer = report(a=0.5, b=0.5, c=0.5, d=None), report(a=0.4, b=0.502, c=0.6, d=0.9)
    found = told(compare(ours, peer, margin=0.005))
    assert [found[n].value for n in ("wins", "ties", "losses")] == [1, 1, 1]
    assert found.tables[0].columns["outcome"] == ["win", "tie", "loss", "no data"]
    nothing = told(compare(report(a=None), report(a=0.5), margin=0))
    assert nothing["wins"].value is None and nothing["wins"].reason


def test_scores_measured_otherwise_are_not_compared() -> None:
    five = Report((Measure(name="score", value=0.5, group="a", settings={"shots": 5}),))
    none = Report((Measure(name="score", value=0.5, group="a", settings={"shots": 0}),))
    with pytest.raises(InvalidInput, match="shots 5 and 0"):
        compare(five, none, 0)
