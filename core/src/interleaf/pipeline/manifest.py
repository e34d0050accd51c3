"""``manifest.json``: what a run did and found. Its form is documented in ``spec/manifest.md``."""

from __future__ import annotations

import json
import math
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces.report import Measure, Report
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.keys import Keys
from interleaf.values import coords_suffix

MANIFEST_FORMAT = 1
Manifest = dict[str, Any]


def measure_entry(measure: Measure) -> dict[str, Any]:
    """A measure as it stands under ``metrics``; an infinite value becomes null with a reason."""
    value, reason = measure.value, measure.reason
    if value is not None and not math.isfinite(value):
        value, reason = None, f"the value is {value}" + (f"; {reason}" if reason else "")
    bounds = measure.interval
    finite = bounds is not None and all(math.isfinite(b) for b in bounds)
    return {
        "value": value,
        "reason": reason,
        "unit": measure.unit,
        "direction": measure.direction,
        "n": measure.n,
        "interval": list(bounds) if bounds and finite else None,
    }


def report_metrics(instance: Instance, reports: Mapping[str, Report]) -> dict[str, Any]:
    """``step[coords].measure/group`` → entry; with several report ports ``step[coords].port.measure``."""
    found = {}
    for port, report in reports.items():
        middle = f".{port}" if len(reports) > 1 else ""
        head = f"{instance.step.name}{coords_suffix(instance.coords)}{middle}"
        for measure in report.measures:
            tail = f"/{measure.group}" if measure.group else ""
            found[f"{head}.{measure.name}{tail}"] = measure_entry(measure)
    return found


def new_manifest(name: str, file: str, seed: int, keys: Keys) -> Manifest:
    """A manifest of a run that has just started."""
    versions: dict[str, str] = {"python": platform.python_version()}
    for payload in keys.payloads.values():
        versions.update(payload["code"])
    return {
        "format": MANIFEST_FORMAT,
        "pipeline": name,
        "file": Path(file).name if file.startswith("/") else file,
        "status": "running",
        "started": now(),
        "finished": None,
        "seed": seed,
        "metrics": {},
        "steps": {},
        "outputs": {},
        "versions": dict(sorted(versions.items())),
        "platform": {
            "system": platform.system(),
            "machine": platform.machine(),
            "implementation": sys.implementation.name,
            **keys.numeric,
        },
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_manifest(file: Path) -> Manifest:
    """A manifest, or that of a run's folder; InvalidInput for anything else."""
    file = file / "manifest.json" if file.is_dir() else file
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{file} is not a readable manifest ({error})", hint="name a run's folder"
        ) from error
    if not isinstance(data, dict) or not isinstance(data.get("steps"), dict):
        raise InvalidInput(f"{file} is not a manifest of Interleaf", hint="name a run's folder")
    return data


def drift(
    locked: Manifest, seed: int, versions: Mapping[str, str], keys: Mapping[str, str]
) -> list[str]:
    """What differs from a run that ``--locked`` wants repeated: seed, code, steps, keys."""
    found = [] if locked.get("seed") == seed else [f"seed: {locked.get('seed')} then, {seed} now"]
    old_versions = locked.get("versions", {})
    for name in sorted({*old_versions, *versions}):
        if old_versions.get(name) != versions.get(name):
            found.append(
                f"{name}: {old_versions.get(name, 'absent')} then, {versions.get(name, 'absent')} now"
            )
    old_keys = {label: entry.get("key") for label, entry in locked["steps"].items()}
    for label in dict.fromkeys([*old_keys, *keys]):
        if old_keys.get(label) != keys.get(label):
            found.append(
                f"step {label}: key {old_keys.get(label, 'absent')} then, {keys.get(label, 'absent')} now"
            )
    return found
