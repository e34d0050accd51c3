"""What the core's tests share: the test catalogue, and planning a document from text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interleaf.errors import Problem, ProblemsFound
from interleaf.pipeline.document import parse_document
from interleaf.pipeline.plan import Plan, plan_document
from interleaf.registry.catalogue import catalogue

ROOT = Path(__file__).parents[2]

# Both are read once per process, and by subprocesses that tests start.
os.environ["INTERLEAF_CATALOGUE"] = str(ROOT / "tests" / "toys" / "catalogue.toml")
catalogue.cache_clear()

Planner = Callable[..., Plan]
Finder = Callable[..., list[tuple[str, str, int]]]


@pytest.fixture
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture
def plan(tmp_path: Path) -> Planner:
    """``plan(text, **settings)``: the plan of a document standing in ``tmp_path``."""

    def plan_text(text: str, unset_vars: bool = False, **settings: Any) -> Plan:
        document = parse_document(text, "test.yaml", tmp_path)
        return plan_document(document, settings, unset_vars=unset_vars)

    return plan_text


@pytest.fixture
def problems(plan: Planner) -> Callable[..., list[Problem]]:
    """``problems(text, **settings)``: everything that is wrong with a document."""

    def find(text: str, **settings: Any) -> list[Problem]:
        try:
            plan(text, **settings)
        except ProblemsFound as error:
            return list(error.problems)
        return []

    return find


@pytest.fixture
def wrong(problems: Callable[..., list[Problem]]) -> Finder:
    """``wrong(text, **settings)``: code, path and line of everything that is wrong."""
    return lambda text, **settings: [(p.code, p.path, p.line) for p in problems(text, **settings)]
