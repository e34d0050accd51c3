"""What each plugin brings: a clean environment for those without torch, the resolver's word for the rest.

    python tests/bench_install.py [--torch gemma] [NAME …]

Builds all wheels, then for each plugin alone: ``pip install interleaf interleaf-NAME`` into an empty
environment (seconds, MB), or, for a plugin that needs torch, what pip would install (``--dry-run --report``),
with the sizes these packages have in the environment that runs this. ``--torch`` names plugins that need
torch and are installed for real. Fails if a plugin brings another paper.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INSTRUMENTS = {"core", "media", "body", "training", "pages"}
ALL = sorted(p.parent.name for p in ROOT.glob("plugins/*/pyproject.toml"))


def main() -> int:
    """Print the table; 1 where a plugin brings what it should not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=ALL)
    parser.add_argument("--torch", nargs="*", default=[])
    given = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as name:
        wheels = build(Path(name) / "wheels")
        print(
            "| plugin | Interleaf packages | others | torch | MB | s | how |\n|---|---|---|---|---|---|---|"
        )
        for plugin in given.names:
            found = resolved(plugin, wheels)
            torch = "torch" in found
            real = not torch or plugin in given.torch
            size, seconds = (
                installed(plugin, wheels, Path(name) / plugin) if real else (sizes(found), None)
            )
            ours = sorted(n.removeprefix("interleaf-") for n in found if n.startswith("interleaf-"))
            others = set(ours) - INSTRUMENTS - {plugin}
            faults += bool(others) and plugin != "crosspaper"
            told = ", ".join(n for n in ours if n not in ("core", plugin)) or "–"
            strange = f" **{', '.join(sorted(others))}**" if others else ""
            cells = (
                plugin, told + strange, len(found) - len(ours), "yes" if torch else "no", f"{size:.0f}",
                "–" if seconds is None else f"{seconds:.0f}", "installed" if real else "resolved",
            )  # fmt: skip
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return int(faults > 0)


def build(folder: Path) -> Path:
    """All wheels of the project."""
    for project in ("core", "cli", *(f"plugins/{n}" for n in ALL)):
        command = [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder),
        ]
        subprocess.run([*command, str(ROOT / project)], check=True, stdout=subprocess.DEVNULL)
    return folder


def pip(python: str | Path, plugin: str, wheels: Path, *options: str) -> str:
    """``pip install`` of the command and one plugin."""
    command = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        *options,
    ]
    found = ["--find-links", str(wheels), "-c", str(ROOT / "constraints.txt")]
    wanted = ["interleaf", f"interleaf-{plugin}"]
    done = subprocess.run(
        [*command, *found, *wanted], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def resolved(plugin: str, wheels: Path) -> dict[str, Any]:
    """What pip would install into an empty environment, by name."""
    report = json.loads(
        pip(sys.executable, plugin, wheels, "--dry-run", "--ignore-installed", "--report", "-")
    )
    names = (item["metadata"]["name"] for item in report["install"])
    return {name.lower().replace("_", "-"): name for name in names}


def installed(plugin: str, wheels: Path, folder: Path) -> tuple[float, float]:
    """Megabytes and seconds of an environment with this plugin alone, which must work."""
    venv.create(folder, with_pip=True)
    before, start = megabytes(folder), time.perf_counter()
    pip(folder / "bin" / "python", plugin, wheels)
    seconds = time.perf_counter() - start
    listed = subprocess.run(
        [str(folder / "bin" / "interleaf"), "list"], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    ).stdout  # fmt: skip
    assert plugin in listed and "BROKEN" not in listed, listed
    return megabytes(folder) - before, seconds


def megabytes(folder: Path) -> float:
    """What the files of a folder take."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir()) / 1e6


def sizes(names: dict[str, Any]) -> float:
    """Megabytes of packages as they are installed in this environment."""
    total = 0.0
    for name in names.values():
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue
        total += sum(p.stat().st_size for f in files if (p := Path(str(f.locate()))).is_file())
    return total / 1e6


if __name__ == "__main__":
    sys.exit(main())
