"""Task files of lm-eval-harness, read as data: local files only, and nothing in them is run."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from interleaf.errors import CorruptData, InvalidInput, did_you_mean
from interleaf.pipeline.yaml12 import Loader

SUITES = Path(__file__).with_name("suites")
CODE = (
    "process_docs",
    "process_results",
    "custom_dataset",
    "doc_to_image",
    "doc_to_audio",
    "use_prompt",
    "class",
)
KEYS = (
    "task", "task_alias", "tag", "dataset_path", "dataset_name", "dataset_kwargs", "training_split",
    "validation_split", "test_split", "fewshot_split", "doc_to_text", "doc_to_target", "doc_to_choice",
    "description", "target_delimiter", "fewshot_delimiter", "fewshot_config", "num_fewshot", "metric_list",
    "output_type", "generation_kwargs", "repeats", "filter_list", "gen_prefix", "metadata",
    "docs", "unavailable",
)  # fmt: skip
OURS = ("docs", "unavailable", "dataset_kwargs", "dataset_path")  # what the harness need not see
SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")


@dataclass(frozen=True, slots=True)
class Task:
    """One task: its configuration for the harness, and its documents by split.

    ``unavailable``: why it cannot be measured here ("": it can).
    """

    name: str
    config: Mapping[str, Any]
    documents: Mapping[str, list[dict[str, Any]]]
    unavailable: str = ""


def read_tasks(place: str | Path, data: Path | None = None) -> list[Task]:
    """The tasks of a file (one, or a list under ``tasks``), of a folder's files, or of a suite of ours.

    ``place``: a path, ``eighteen`` or ``safety``. Documents are read from ``data``, else from beside the
    task's file; they may also stand in it, as ``docs``. A task whose documents are not there is
    unavailable. InvalidInput for files that are no tasks, or that name code or a remote data set.
    """
    found = [t for file in _files(Path(place)) for t in _read(file, data)]
    names = [t.name for t in found]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice:
        raise InvalidInput(f"two tasks are called '{twice}'")
    return found


def _files(place: Path) -> list[Path]:
    suite = SUITES / f"{place}.yaml"
    if place.name == str(place) and not place.exists() and suite.is_file():
        return [suite]
    if place.is_dir():
        found = sorted(f for f in place.iterdir() if f.suffix in (".yaml", ".yml", ".json"))
        if not found:
            raise InvalidInput(f"{place} holds no task", hint="expected .yaml or .json files")
        return found
    if not place.is_file():
        raise InvalidInput(
            f"there is no task {place}", hint="a file, a folder, eighteen, or safety"
        )
    return [place]


def _read(file: Path, data: Path | None) -> Iterator[Task]:
    try:
        content = yaml.load(file.read_text("utf-8"), Loader)  # of safe values only; JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        hint = (
            "functions in task files are not run: write them as templates"
            if "!function" in told
            else ""
        )
        raise InvalidInput(f"{file} is no task: {told}", hint=hint) from error
    many = content.get("tasks") if isinstance(content, dict) and "tasks" in content else [content]
    for config in many if isinstance(many, list) else [many]:
        yield _task(config, file, data or file.parent)


def _task(config: Any, file: Path, data: Path) -> Task:
    if not isinstance(config, dict) or not isinstance(config.get("task"), str):
        raise InvalidInput(f"{file} is no task", hint="expected a mapping with the key 'task'")
    place = f"{file}: task '{config['task']}'"
    for key in config:
        if key in CODE:
            raise InvalidInput(
                f"{place} has {key}, which would run code", hint="write it as a template"
            )
        if key not in KEYS:
            raise InvalidInput(f"{place} has the unknown key '{key}'", hint=did_you_mean(key, KEYS))
    why = config.get("unavailable", "")
    try:
        documents = {} if why else _documents(config, place, data)
    except DataMissing as missing:
        why, documents = missing.message, {}
    kept = {
        k: v
        for k, v in config.items()
        if k not in ("docs", "unavailable", "dataset_kwargs", "dataset_path")
    }
    return Task(config["task"], kept, documents, why)


class DataMissing(InvalidInput):
    """A task's documents are not there."""


def _documents(
    config: Mapping[str, Any], place: str, data: Path
) -> dict[str, list[dict[str, Any]]]:
    wanted = [config[s] for s in SPLITS if config.get(s)] or ["test"]
    if "docs" in config:
        rows = _checked(config["docs"], f"{place} docs")
        return dict.fromkeys(wanted, rows)
    if config.get("dataset_path") not in ("json", "csv"):
        hint = "dataset_path: json, dataset_kwargs: {data_files: {test: file.jsonl}}"
        raise InvalidInput(f"{place} reads the data set {config.get('dataset_path')!r}", hint=hint)
    files = (config.get("dataset_kwargs") or {}).get("data_files")
    if isinstance(files, str):
        files = dict.fromkeys(wanted, files)
    if not isinstance(files, dict):
        raise InvalidInput(f"{place} names no data_files", hint="data_files: {test: file.jsonl}")
    return {split: _rows(data, str(name), place) for split, name in files.items()}


def _rows(data: Path, name: str, place: str) -> list[dict[str, Any]]:
    file = data / name
    if "://" in name or not file.is_file():
        raise DataMissing(
            f"{place}: there is no {file}", hint="nothing is downloaded: put it there, or --data"
        )
    if file.suffix == ".csv":
        with file.open(newline="", encoding="utf-8") as stream:
            return _checked(list(csv.DictReader(stream)), str(file))
    text = file.read_text("utf-8")
    if text.lstrip().startswith("["):
        return _checked(_json(text, str(file)), str(file))
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    return _checked([_json(line, f"{file}:{n}") for n, line in lines], str(file))


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CorruptData(
            f"{place} is no JSON: {error}", hint="one document a line, or a list"
        ) from error


def _checked(rows: Any, place: str) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise CorruptData(f"{place}: expected documents, each an object, at least one")
    return rows
