"""An assessment from a file: every fault with its line, references and files checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from interleaf.errors import did_you_mean
from interleaf.pipeline.document import Document, read_document
from interleaf.values import Item
from interleaf_openrisk.schema import SCHEMA_VERSION, Assessment, Weights

CHUNK = 1 << 20


@dataclass(frozen=True)
class Read:
    """An assessment that is sound, the file it stands in, and evidence that is not there.

    ``missing`` names evidence and weights whose local file is absent: the text is sound without them,
    but nothing may rest on them. ``reports`` are what a pipeline measured, ``made`` the files of the model
    it made.
    """

    assessment: Assessment
    document: Document
    file: Path
    missing: tuple[str, ...] = ()
    reports: tuple[Item, ...] = ()
    made: tuple[Weights, ...] = ()


def read_assessment(file: Path, *, files: bool = True) -> Read:
    """Read and check; raises ProblemsFound with everything that is wrong (R101 to R106).

    R101 a field, R102 a reference to nothing, R103 a file that is not the one that was assessed, R104 a
    path that leaves the assessment's folder, R105 another version of the form, R106 a rule of the
    gate. ``files`` hashes local evidence and weights.
    """
    document = read_document(file)
    document.check()
    if isinstance(document.data, dict):
        version = document.data.get("schema_version")
        if isinstance(version, int) and version != SCHEMA_VERSION:
            hint = f"this package reads version {SCHEMA_VERSION}"
            document.problem("R105", "schema_version", f"version {version} of the form", hint)
            document.check()
    try:
        found = Assessment.model_validate(document.data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            _note(document, fault)
        document.check()
        raise
    _references(document, found)
    _rules(document, found)
    missing = _files(document, found, file.resolve().parent) if files else []
    document.check()
    return Read(found, document, file, tuple(missing))


def _note(document: Document, fault: Any) -> None:
    """One of pydantic's findings at its place in the file."""
    path = ""
    for part in fault["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    message = fault["msg"].removeprefix("Value error, ")
    hint = ""
    if fault["type"] == "missing":
        name = str(fault["loc"][-1])
        message, path = f"'{name}' is missing", path.removesuffix(name).rstrip(".")
        hint = "every field without a default is needed: interleaf openrisk schema"
    elif fault["type"] == "extra_forbidden":
        message, hint = (
            f"unknown field '{fault['loc'][-1]}'",
            "interleaf openrisk schema lists them",
        )
    while path and path not in document.marks:  # the nearest place that stands in the file
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    document.problem("R101", path, message, hint)


def references(found: Assessment) -> Iterator[tuple[str, str]]:
    """Every reference to evidence: its path in the file, and the id."""
    for i, benefit in enumerate(found.benefits):
        yield from ((f"benefits[{i}].evidence[{k}]", ref) for k, ref in enumerate(benefit.evidence))
    for i, practice in enumerate(found.responsibility_split):
        place = f"responsibility_split[{i}].evidence"
        yield from ((f"{place}[{k}]", ref) for k, ref in enumerate(practice.evidence))
    for i, vector in enumerate(found.vectors):
        at = f"vectors[{i}]"
        for k, figure in enumerate(vector.existing_risk.figures):
            yield f"{at}.existing_risk.figures[{k}].source", figure.source
        for k, defense in enumerate(vector.existing_defenses):
            if defense.efficacy:
                yield f"{at}.existing_defenses[{k}].efficacy.source", defense.efficacy.source
        for name in ("experiments", "incidents"):
            for k, ref in enumerate(getattr(vector.marginal, name)):
                yield f"{at}.marginal.{name}[{k}]", ref
        for k, response in enumerate(vector.defense_response):
            if response.measured_effect:
                yield f"{at}.defense_response[{k}].measured_effect", response.measured_effect


def _references(document: Document, found: Assessment) -> None:
    for path, ref in references(found):
        if ref not in found.evidence:
            hint = did_you_mean(ref, list(found.evidence)) or "add it under evidence"
            document.problem("R102", path, f"no evidence '{ref}'", hint)
    for i, vector in enumerate(found.vectors):
        for name, kind in (("experiments", "experiment"), ("incidents", "incident")):
            for k, ref in enumerate(getattr(vector.marginal, name)):
                told = found.evidence.get(ref)
                if told and told.kind != kind:
                    message = f"'{ref}' is evidence of kind {told.kind}, not {kind}"
                    document.problem("R102", f"vectors[{i}].marginal.{name}[{k}]", message)


def _rules(document: Document, found: Assessment) -> None:
    from interleaf_openrisk.gate import DEFAULT_RULES, BadRule, chosen, parse

    for i, rule in enumerate(found.gate.rules):
        for name, check in (("require", parse), ("when", chosen)):
            try:
                check(getattr(rule, name))
            except BadRule as error:
                document.problem("R106", f"gate.rules[{i}].{name}", str(error))
    count = len(found.gate.rules or DEFAULT_RULES)
    for i, waiver in enumerate(found.gate.waivers):
        if waiver.rule > count:
            message = f"there is no rule {waiver.rule}: {count} are counted from 1"
            document.problem("R106", f"gate.waivers[{i}].rule", message)


def _files(document: Document, found: Assessment, folder: Path) -> list[str]:
    """Hash every local file; the names of those that are absent."""
    named = [
        (f"evidence.{name}.path", name, e.path, e.sha256) for name, e in found.evidence.items()
    ]
    named += [
        (f"model.weights[{i}].path", w.path, w.path, w.sha256)
        for i, w in enumerate(found.model.weights)
    ]
    missing = []
    for place, name, path, digest in named:
        if path is None:
            continue
        target = (folder / path).resolve()
        if Path(path).is_absolute() or not target.is_relative_to(folder):
            document.problem(
                "R104", place, f"{path} leaves the assessment's folder", "a path inside it"
            )
        elif not target.is_file():
            missing.append(name)
        elif sha256(target) != digest:
            hint = "assess what the file holds now, then write its new sha256"
            document.problem("R103", place, f"{path} is not the file that was assessed", hint)
    return missing


def digests(read: Read) -> list[tuple[str, str]]:
    """The assessment and every local file that is there, by path from its folder, with their digests."""
    files = [(w.path, w.sha256, w.path) for w in read.assessment.model.weights]
    files += [
        (e.path or "", e.sha256 or "", n) for n, e in read.assessment.evidence.items() if e.path
    ]
    there = {path: digest for path, digest, name in files if name not in read.missing}
    return [(read.file.name, sha256(read.file)), *sorted(there.items())]


def sha256(file: Path) -> str:
    """The digest of a file, read in parts."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(CHUNK):
            found.update(part)
    return found.hexdigest()
