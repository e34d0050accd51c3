"""Where the real data lie, and the small settings of the pipelines of language models."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
TODAY = "2026-11-25"


@pytest.fixture(scope="session")
def real() -> Callable[[str], str]:
    """A file or folder of the shared data; the test is skipped, and says so, where there is none."""

    def found(name: str) -> str:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"no {name} in {DATA}: set INTERLEAF_DATA")
        return str(path.resolve())

    return found


@pytest.fixture(scope="session")
def social(real: Callable[[str], str]) -> dict[str, Any]:
    """social-release, a few steps of everything."""
    return {
        "stories": real("lm/text/tinystories_sample_2MiB.txt"),
        "text": real("lm/text/tinyshakespeare.txt"),
        "people": real("social/casino_valid.jsonl"),
        "others": real("social/casino_valid.jsonl"),
        "today": TODAY,
        "steps": 2, "bc_steps": 2, "sr_steps": 2, "games": 2, "held": 1, "judged": 1, "documents": 4,
        "batch": 2, "window": 32,
    }  # fmt: skip


@pytest.fixture(scope="session")
def ladder(real: Callable[[str], str]) -> dict[str, Any]:
    """next-model, six tiny rungs; a law wants runs of at least 100,000 tokens."""
    return {
        "old": real("lm/text/tinystories_sample_2MiB.txt"),
        "new": real("lm/text/tinyshakespeare.txt"),
        "today": TODAY,
        "widths": [0.0625, 0.125], "steps": [49, 52, 55], "seeds": [0], "larger": 0.1875, "longer": 55,
        "layers": 1, "batch": 16, "documents": 1,
    }  # fmt: skip
