"""Records of attempts from the logs of other tools: garak, inspect_ai, lm-evaluation-harness.

Only identities and outcomes are taken over, never prompts or replies. An outcome is true where the attempt
*succeeded*, from the side of whoever attempted it: garak counts a reply that passes as a failed attack.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from interleaf_openrisk.results import ARMS, read_jsonl
from interleaf_openrisk.uplift import BadCounts

Row = dict[str, Any]
LARGEST = 1 << 30  # bytes of one file inside an archive


def imported(kind: str, file: Path, *, arm: str, vector: str, metric: str = "") -> list[Row]:
    """The records of a log, as ``attempts_of`` reads them.

    ``kind`` is one of ``KINDS``; ``metric`` chooses the detector (garak), the scorer (inspect_ai) or
    ``METRIC`` or ``METRIC,FILTER`` (lm-eval) where a log has several. Raises BadCounts for a log that is
    none, that is not finished, or that needs a choice.
    """
    if arm not in ARMS:
        raise BadCounts(f"no arm '{arm}'", f"arms: {', '.join(ARMS)}")
    rows = [
        {"vector": vector, "task_id": task, "arm": arm, "seed": seed, "outcome": outcome, "grader": by}
        for task, seed, outcome, by in KINDS[kind](file, metric)
    ]  # fmt: skip
    if not rows:
        raise BadCounts(f"{file} holds no graded attempt", f"a log of {kind}")
    return rows


Found = Iterator[tuple[str, int, bool, str]]  # task, repetition, success, grader


def _garak(file: Path, metric: str) -> Found:
    """Attempts with status 2 (graded): a reply is a hit where its score reaches the run's threshold."""
    rows = read_jsonl(file)
    if not any(str(r.get("entry_type", "")).startswith("start_run") for r in rows):
        raise BadCounts(f"{file} is no report of garak", "the file that ends in .report.jsonl")
    setup: Row = {k: v for r in rows if r["entry_type"] == "start_run setup" for k, v in r.items()}
    threshold = _number(setup.get("run.eval_threshold", 0.5), file, "run.eval_threshold")
    hits: Counter[tuple[str, str]] = Counter()
    graded: Counter[tuple[str, str]] = Counter()
    for number, row in enumerate(rows, 1):
        if row.get("entry_type") != "attempt" or row.get("status") != 2:
            continue
        probe, found = str(row.get("probe_classname")), row.get("detector_results") or {}
        detector = _one(found, metric, f"{file}, record {number}: {probe}", "detectors")
        for reply, score in enumerate(found[detector]):
            if score is None:
                continue  # garak could not grade it
            hit = _number(score, file, f"record {number}, {detector}") >= threshold
            hits[probe, detector] += hit
            graded[probe, detector] += 1
            yield f"{probe}#{row.get('seq')}", reply, hit, detector
    _as_told(rows, hits, graded, file)


def _as_told(
    rows: list[Row],
    hits: Counter[tuple[str, str]],
    graded: Counter[tuple[str, str]],
    file: Path,
) -> None:
    """What garak itself counted, in its eval entries, must be what was read from the attempts."""
    for row in rows:
        if row.get("entry_type") != "eval":
            continue
        detector = str(row.get("detector")).removeprefix("detector/")
        key, total = (str(row.get("probe")), detector), row.get("total_evaluated", row.get("total"))
        if key in graded and (graded[key], graded[key] - hits[key]) != (total, row.get("passed")):
            counted = f"{graded[key] - hits[key]} of {graded[key]}"
            told = f"{row.get('passed')} of {total} passed, its attempts say {counted}"
            raise BadCounts(
                f"{file}: for {key[0]} the report says {told}", "a whole, unchanged report"
            )


def _inspect(file: Path, metric: str) -> Found:
    """Samples of a finished log, JSON or ``.eval``: C or 1 is a success, I, N or 0 is none."""
    header, samples = _archive(file) if zipfile.is_zipfile(file) else _log(file)
    status = header.get("status")
    if status != "success":
        raise BadCounts(
            f"{file}: the evaluation ended with '{status}'", "a log of a finished evaluation"
        )
    task = str(header.get("eval", {}).get("task", ""))
    for sample in samples:
        place = f"{file}, sample {sample.get('id')}"
        scores = sample.get("scores") or {}
        scorer = _one(scores, metric, place, "scorers")
        value = scores[scorer].get("value") if isinstance(scores[scorer], dict) else None
        outcome = {"C": True, "I": False, "N": False, 1: True, 0: False}.get(
            value if isinstance(value, str | int | float) else ""
        )
        if outcome is None:
            raise BadCounts(f"{place}: {scorer} gave {value!r}", "C, I, N, 1 or 0: true or false")
        yield f"{task}#{sample.get('id')}", _whole(sample.get("epoch", 1), place), outcome, scorer


def _log(file: Path) -> tuple[Row, list[Row]]:
    whole = _json(file.read_bytes() if file.is_file() else b"", str(file))
    return whole, whole.get("samples") or []


def _archive(file: Path) -> tuple[Row, list[Row]]:
    """An ``.eval`` archive; Python before 3.14 needs ``zipfile-zstd`` for those of today's inspect_ai."""
    with suppress(ImportError):
        import zipfile_zstd  # noqa: F401
    try:
        with zipfile.ZipFile(file) as archive:
            names = sorted(n for n in archive.namelist() if n.startswith("samples/"))
            found = []
            for name in ("header.json", *names):
                if archive.getinfo(name).file_size > LARGEST:
                    raise BadCounts(
                        f"{file}: {name} is larger than {LARGEST} bytes", "a smaller log"
                    )
                found.append(_json(archive.read(name), f"{file}, {name}"))
    except (NotImplementedError, KeyError, zipfile.BadZipFile, OSError, EOFError) as error:
        hint = "pip install 'interleaf-openrisk[inspect]', or: inspect log convert FILE --to json"
        raise BadCounts(f"{file} cannot be read: {error}", hint) from None
    return found[0], found[1:]


def _json(data: bytes, place: str) -> Row:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadCounts(f"{place} is no JSON: {error}", "a log of inspect_ai") from None
    if not isinstance(found, dict):
        raise BadCounts(f"{place} holds no JSON object", "a log of inspect_ai")
    return found


def _lm_eval(file: Path, metric: str) -> Found:
    """Samples as ``lm_eval --log_samples`` writes them; a task with several filters repeats its samples."""
    if file.suffix == ".json":
        raise BadCounts(
            f"{file} holds means only", "run lm_eval with --log_samples, give samples_*.jsonl"
        )
    rows = read_jsonl(file)
    chosen, _, wanted = metric.partition(",")
    filters = dict.fromkeys(str(r.get("filter", "none")) for r in rows)
    if len(filters) > 1 and wanted not in filters:
        hint = f"--metric METRIC,FILTER with one of {', '.join(filters)}"
        raise BadCounts(f"{file} holds each sample once for each filter", hint)
    task = file.stem.removeprefix("samples_").rpartition("_")[0] or file.stem
    seen: defaultdict[str, int] = defaultdict(int)
    for number, row in enumerate(rows, 1):
        if wanted and row.get("filter") != wanted:
            continue
        place = f"{file}, record {number}"
        named = {name: row.get(name) for name in row.get("metrics") or () if isinstance(name, str)}
        name = _one(named, chosen, place, "metrics")
        if row.get("doc_id") is None or named[name] not in (0, 1):
            raise BadCounts(f"{place}: {name} is {named[name]!r}", "0 or 1, and a doc_id")
        key = f"{task}#{row['doc_id']}"
        seen[key] += 1
        yield key, seen[key], bool(named[name]), name


KINDS: Mapping[str, Callable[[Path, str], Found]] = {
    "garak": _garak, "inspect": _inspect, "lm-eval": _lm_eval,
}  # fmt: skip


def _one(found: Mapping[str, Any], wanted: str, place: str, what: str) -> str:
    """The only name there is, or the one that is wanted."""
    if wanted in found:
        return wanted
    if len(found) == 1 and not wanted:
        return next(iter(found))
    names = ", ".join(found) or "none"
    raise BadCounts(
        f"{place}: the {what} are {names}", f"choose one: --metric {next(iter(found), 'NAME')}"
    )


def _number(value: Any, file: Path, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadCounts(f"{file}: {what} is {value!r}", "a number")
    return float(value)


def _whole(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadCounts(f"{place}: epoch {value!r}", "a whole number")
    return value
