"""``interleaf install``."""

from __future__ import annotations

import shlex
import subprocess
import sys

from interleaf.errors import FAILED, OK, Problem, ProblemsFound, did_you_mean
from interleaf.registry import catalogue


def install_plugins(names: list[str], find_links: str, dry_run: bool) -> int:
    """Print the exact pip command, then run it; never for unknown or planned names."""
    distributions = _distributions(names)
    command = [sys.executable, "-m", "pip", "install"]
    command += ["--find-links", find_links] if find_links else []
    command += distributions
    print(shlex.join(command), flush=True)
    if dry_run:
        return OK
    return OK if subprocess.run(command, check=False).returncode == 0 else FAILED


def _distributions(names: list[str]) -> list[str]:
    """What pip is asked for; raises ProblemsFound with every name that cannot be installed."""
    problems, found = [], []
    for name in names:
        plugin, bracket, extras = name.partition("[")
        entry = catalogue().get(plugin)
        if entry is None:
            hint = did_you_mean(
                plugin, [n for n, e in catalogue().items() if e.status == "available"]
            )
            problems.append(Problem("E201", f"no plugin '{plugin}' in the catalogue", hint=hint))
        elif entry.status == "planned":
            problems.append(Problem("E202", f"plugin '{plugin}' is planned and not available yet"))
        else:
            found.append(entry.distribution + bracket + extras)
    if problems:
        raise ProblemsFound(problems)
    return found
