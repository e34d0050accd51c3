"""Command-line settings: ``points=500`` sets a var, ``steps.codec.with.points=9`` a place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import Problem, did_you_mean
from interleaf.pipeline.document import COMMAND_LINE, Document, scalar, within
from interleaf.pipeline.params import plain


def apply_settings(document: Document, settings: Mapping[str, Any]) -> None:
    """Set vars (no dot) and paths (with dots) of a parsed document; unknown ones are noted.

    Text is read as a YAML scalar. Places set here are noted in ``document.given``, since their
    relative paths start from the working directory.
    """
    if not isinstance(document.data, dict):
        return
    for name, value in settings.items():
        path = name if "." in name else f"vars.{name}"
        problem = _unknown(document.data, path, name)
        if problem:
            document.problems.append(problem)
            continue
        read = scalar(value) if isinstance(value, str) else plain(value)
        _set(document.data, path.split("."), read)
        document.given.add(path)
        document.interpolated |= isinstance(value, str) and "${" in value


def base_folder(document: Document, path: str) -> Path:
    """Where a relative path standing at a YAML path starts from."""
    here = document.is_given(path) or within(path, document.reached)
    return Path.cwd() if here else document.folder


def _set(data: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    data[keys[-1]] = value


def _unknown(data: dict[str, Any], path: str, name: str) -> Problem | None:
    """Why nothing can be set at ``path``: an unknown var, an unknown step, an unknown place."""
    section, *rest = path.split(".")
    known = data.get(section)
    names = known if isinstance(known, dict) else {}
    if section == "vars" and rest[0] not in names:
        hint = did_you_mean(rest[0], names) or "there are no vars: set a parameter by its path"
        message = f"no var '{rest[0]}' in this pipeline"
        return Problem("E301", message, f"vars.{rest[0]}", COMMAND_LINE, hint=hint)
    if section == "steps" and rest[0] not in names:
        hint = did_you_mean(rest[0], names)
        return Problem("E401", f"no step '{rest[0]}'", path, COMMAND_LINE, hint=hint)
    whole = section == "steps" and (len(rest) < 2 or not isinstance(names[rest[0]], dict))
    if section not in ("vars", "steps", "outputs") or whole or not all(rest):
        hint = "settings look like points=500 or steps.NAME.with.PARAMETER=500"
        return Problem("E101", f"no place '{name}' in this pipeline", name, COMMAND_LINE, hint=hint)
    return None
