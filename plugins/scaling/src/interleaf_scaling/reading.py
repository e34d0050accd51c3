"""Run tables from files: CSV, Parquet, or a checkout of the paper's repository."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interleaf_scaling.runs import KNOWN, BadRuns, Runs, choose_columns, number, read_columns

# The 17 tasks of the paper's average (mlfoundations/scaling, MIT): a 0.154B model beats chance on them.
TASKS_17 = (
    "bigbench_operators", "pubmed_qa_labeled", "hellaswag_zeroshot", "boolq", "arc_easy", "coqa",
    "bigbench_dyck_languages", "lambada_openai", "bigbench_novel_concepts", "winograd",
    "bigbench_cs_algorithms", "commonsense_qa", "bigbench_qa_wikidata", "hellaswag", "copa", "squad",
    "piqa",
)  # fmt: skip
SETS = {"c4_original": "C4", "rpj": "RedPajama", "rw_original": "RefinedWeb"}


def read_runs(
    path: str | Path,
    names: Mapping[str, str] | None = None,
    scales: Mapping[str, float] | None = None,
) -> Runs:
    """Runs of a ``.csv`` or ``.parquet`` file, or of a folder that holds the paper's ``exp_data``.

    ``names`` maps fields to columns and ``scales`` multiplies them (``{"d": 1e9}``). BadRuns says
    which row and column are wrong.
    """
    columns = read_file(Path(path))
    source = str(path)
    if scales:
        columns = _scaled(columns, dict(names or {}), scales, source)
    return read_columns(columns, names, source)


def read_file(path: Path) -> dict[str, list[Any]]:
    """Columns by name."""
    if not path.exists():
        raise BadRuns(f"no such file: {path}", "name a CSV or Parquet file, or a checkout's folder")
    if path.is_dir():
        return _checkout(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    return _csv(path)


def _csv(path: Path) -> dict[str, list[Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRuns(f"{path} is no CSV text: {error}", "save it as UTF-8 CSV") from None
    if len(rows) < 2:
        raise BadRuns(f"{path} has no rows", "a header line, then a row for each trained model")
    head = [name.strip() for name in rows[0]]
    twice = sorted({name for name in head if head.count(name) > 1})
    if twice:
        raise BadRuns(f"{path}: the column '{twice[0]}' stands twice", "rename one of them")
    for place, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise BadRuns(
                f"{path}, row {place}: {len(row)} cells, the header has {len(head)}",
                "every row needs every column",
            )
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(head)}


def _parquet(path: Path) -> dict[str, list[Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise BadRuns(
            "reading Parquet needs pyarrow", 'pip install "interleaf-scaling[parquet]"'
        ) from None
    try:
        found: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    except (ArrowException, OSError) as error:
        raise BadRuns(f"{path} is no Parquet file: {error}", "write it again") from None
    return found


def _scaled(
    columns: dict[str, list[Any]], names: dict[str, str], scales: Mapping[str, float], source: str
) -> dict[str, list[Any]]:
    chosen = choose_columns(columns, names, source)
    for what, factor in scales.items():
        if what not in chosen:
            raise BadRuns(f"no column for '{what}' to scale", f"fields: {', '.join(KNOWN)}")
        name = chosen[what]
        numbers = [
            number(cell, source, row, name, optional=True)
            for row, cell in enumerate(columns[name], 2)
        ]
        columns = {**columns, name: [factor * v for v in numbers]}
    return columns


def _checkout(folder: Path) -> dict[str, list[Any]]:
    """The testbed of a local checkout: ``exp_data/models`` and ``exp_data/evals``."""
    root = next((f for f in (folder, folder / "exp_data") if (f / "models").is_dir()), None)
    if root is None:
        raise BadRuns(
            f"{folder} holds no exp_data/models", "name a checkout of mlfoundations/scaling"
        )
    rows = [_model(file, root / "evals") for file in sorted((root / "models").glob("*.json"))]
    if not rows:
        raise BadRuns(f"{root / 'models'} holds no JSON files", "is the checkout whole?")
    return {name: [row[name] for row in rows] for name in rows[0]}


def _model(file: Path, evals: Path) -> dict[str, Any]:
    try:
        raw = json.loads(file.read_bytes())
        hyper = raw["hyperparameters"]
        loss = next(
            r["loss"] for r in raw["results"] if any("c4_val" in v for v in r.get("val_data", ()))
        )
        row = {
            "run": raw["name"],
            "train_set": SETS.get(raw["dataset_name"], raw["dataset_name"]),
            "n_params": hyper["params"],
            "tokens": hyper["tokens"],
            "loss_c4": loss,
        }
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise BadRuns(f"{file} is not a model of the testbed: {error!r}", "restore it") from None
    return {**row, "err_avg17": _average(evals / f"evaluation_{row['run']}_heavy.json", TASKS_17)}


def _average(file: Path, tasks: Sequence[str]) -> float | None:
    """1 - mean accuracy, None where the evaluation is not there."""
    if not file.is_file():
        return None
    try:
        scores = json.loads(file.read_bytes())["eval_metrics"]["icl"]
        return float(1 - sum(scores[task] for task in tasks) / len(tasks))
    except (ValueError, KeyError, TypeError) as error:
        raise BadRuns(
            f"{file} is not an evaluation of the testbed: {error!r}", "restore it"
        ) from None
