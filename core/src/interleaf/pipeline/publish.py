"""Outputs: what a gate lets through becomes files under ``outputs/``, each appearing whole."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import mimetypes
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import BLOCKED, OK, REVIEW
from interleaf.interfaces.dataset import Dataset
from interleaf.interfaces.model import ModelHandle
from interleaf.interfaces.report import Report, Verdict, worst
from interleaf.pipeline.files import folder_atomic, remove, write_atomic
from interleaf.pipeline.freeze import Freezer
from interleaf.pipeline.instances import Source
from interleaf.pipeline.manifest import measure_entry
from interleaf.pipeline.params import plain
from interleaf.pipeline.plan import Output, Wire
from interleaf.pipeline.session import Session
from interleaf.values import Artifact, Table, coords_suffix

_SUFFIXES = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/x-bvh": ".bvh",
    "image/jpeg": ".jpg",
    "application/octet-stream": ".bin",
}
_EXITS = {"pass": OK, "fail": BLOCKED, "review": REVIEW, "insufficient": REVIEW}


def verdict_of(session: Session, gate: Wire) -> Verdict:
    """The worst verdict over every instance of a gate; a report without one is insufficient."""
    verdicts = []
    for source in _sources(session, gate):
        report = session.value(source)
        missing = Verdict("insufficient", (f"{source.instance.label} gives no verdict",))
        verdicts.append(
            report.verdict if isinstance(report, Report) and report.verdict else missing
        )
    return worst(verdicts)


def publish(session: Session, folder: Path) -> tuple[dict[str, Any], int]:
    """Write every output that its gate passes into ``folder``; the manifest's entries and exit code."""
    entries: dict[str, Any] = {}
    codes = [OK]
    for name, output in session.plan.outputs.items():
        for old in (folder / name, *folder.glob(f"{name}.*")):
            remove(old)
        verdict = verdict_of(session, output.gate) if output.gate else Verdict("pass")
        codes.append(_EXITS[verdict.outcome])
        entry: dict[str, Any] = (
            {"gate": verdict.outcome, "reasons": list(verdict.reasons)} if output.gate else {}
        )
        entry["files"] = _files(session, output, folder) if verdict.outcome == "pass" else []
        entries[name] = entry
    return entries, BLOCKED if BLOCKED in codes else max(codes)


def _sources(session: Session, wire: Wire) -> list[Source]:
    return [Source(i, wire.port) for i in session.instances.values() if i.step.name == wire.step]


def _files(session: Session, output: Output, folder: Path) -> list[str]:
    """One file or folder, or for a fanned-out output one folder per coordinate."""
    sources = _sources(session, output.source)
    folder.mkdir(parents=True, exist_ok=True)
    if not sources[0].instance.coords:
        return [
            _write(session.value(sources[0]), folder, output.name).relative_to(folder).as_posix()
        ]
    with folder_atomic(folder / output.name) as parent:
        written = []
        for source in sources:
            place = parent / safe(coords_suffix(source.instance.coords)[1:-1])
            place.mkdir()
            written.append(
                _write(session.value(source), place, output.name).relative_to(parent).as_posix()
            )
    return [f"{output.name}/{name}" for name in written]


def safe(name: str) -> str:
    """A file name made of an id or a label: no separators, not hidden, not too long."""
    kept = "".join(c if c.isalnum() or c in "-_=,.+ " else "_" for c in name)[:120]
    return kept.lstrip(".") or "_"


def _write(value: Any, folder: Path, name: str) -> Path:
    data, suffix = encoded(value)
    if data is not None:
        target = folder / f"{name}{suffix}"
        write_atomic(target, data)
        return target
    with folder_atomic(folder / name) as target:
        _fill(value, target)
    return folder / name


def _fill(value: Any, folder: Path) -> None:
    """A value that is more than one file: a dataset, a model, a dataclass of arrays."""
    if isinstance(value, Dataset):
        for item, inner in value.items():
            _write(inner, folder, safe(item))
    elif isinstance(value, ModelHandle):
        if value.folder:
            shutil.copytree(value.folder, folder, dirs_exist_ok=True)
        about = {"component": value.component, "config": value.config, "digest": value.digest}
        (folder / "interleaf.json").write_text(json.dumps(about, indent=1))
    else:
        tree = Freezer(folder).tree(value)
        (folder / "value.json").write_text(json.dumps(tree, indent=1))


def encoded(value: Any) -> tuple[bytes | None, str]:
    """A value that is one file: its bytes and suffix; ``(None, "")`` for one that needs a folder."""
    if isinstance(value, Artifact):
        known = _SUFFIXES.get(value.media_type) or mimetypes.guess_extension(value.media_type)
        return value.data, known or (".json" if value.media_type.endswith("+json") else ".bin")
    if isinstance(value, str):
        return value.encode(), ".txt"
    if isinstance(value, Table):
        return _csv(value), ".csv"
    if isinstance(value, Report):
        return json.dumps(_report(value), indent=1, default=str, allow_nan=False).encode(), ".json"
    if value is None or isinstance(value, bool | int | float | list | Mapping):
        return json.dumps(plain(value), indent=1, default=str).encode(), ".json"
    return None, ""


def _csv(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(["" if cell is None else cell for cell in row.values()] for row in table.rows)
    return text.getvalue().encode()


def _report(report: Report) -> dict[str, Any]:
    return {
        "measures": [
            {"name": m.name, "group": m.group, **measure_entry(m), "settings": dict(m.settings)}
            for m in report.measures
        ],
        "tables": [{"caption": t.caption, "rows": t.rows} for t in report.tables],
        "evidence": [dataclasses.asdict(e) for e in report.evidence],
        "verdict": dataclasses.asdict(report.verdict) if report.verdict else None,
    }  # fmt: skip
