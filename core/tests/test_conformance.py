"""The kit on correct components: no false alarm; and what it says when nothing can be checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from interleaf.errors import ProblemsFound
from interleaf.testing import Examples, Subject, check_plugin, conformance
from interleaf.testing import running as kit
from interleaf.testing import subject as subjects

INSTALLED = {e.name for e in metadata.entry_points(group="interleaf.plugins")}


def subject(ref: str) -> Subject:
    if "toy" not in INSTALLED:
        pytest.skip("the toy plugins are not installed: make test")
    return Subject.of(ref)


test_core = conformance("core")


@pytest.mark.parametrize("name", ["toy", "toyother"])
def test_the_toys_pass(name: str) -> None:
    if name not in INSTALLED:
        pytest.skip("the toy plugins are not installed: make test")
    summary = check_plugin(name)
    assert summary.ok and not summary.failures
    assert summary.counts()["passed"] > 50


def test_no_false_alarm_over_200_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit's own seed decides nothing: toys whose results depend on a seed pass with any."""
    chosen = [subject(f"toy.{name}") for name in ("noise", "slow", "mean", "gate", "ramp")]
    for seed in range(200):
        monkeypatch.setattr(subjects, "SEED", seed)
        for one in chosen:
            wrong = [
                r
                for check in kit.CHECKS
                if check.applies(one) and check.name in SEEDED
                for r in [kit.attempt(one.ref, check.name, lambda c=check, s=one: c.run(s, 2))]
                if r.status == "failed"
            ]
            assert not wrong, (seed, wrong)


SEEDED = {
    "same_seed_same_bytes", "gives_what_it_declares", "saves_and_loads_exactly",
    "total_finite_and_pure", "order_does_not_matter", "never_turns",
}  # fmt: skip


def test_a_plugin_without_examples_fails(tmp_path: Path) -> None:
    package = tmp_path / "interleaf_bare"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(
        "from interleaf.interfaces import Model\nfrom interleaf.plugin import Call, Plugin, component\n"
        "PLUGIN = Plugin(name='bare', api=1, components=[component('x', Model,"
        " 'interleaf_bare.code:X', calls={'apply': Call(gives={'text': 'text'})})])\n"
    )
    (package / "code.py").write_text(
        "from interleaf.interfaces import Model\n\nclass X(Model):\n"
        "    def apply(self):\n        return 'x'\n"
    )
    info = tmp_path / "bare-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[interleaf.plugins]\nbare = interleaf_bare.plugin\n")
    code = (
        "import json; from interleaf.testing import check_plugin; s = check_plugin('bare');"
        "print(json.dumps([s.ok, [(r.check, r.message) for r in s.failures], s.counts('bare.x')]))"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    ok, failures, counts = json.loads(done.stdout)
    assert not ok and failures == [["has_examples", "examples() gives no configs"]]
    assert counts["skipped"] > 5


def test_unknown_broken_and_absent_plugins() -> None:
    for name, code in (("nothing", "E201"), ("toybroken", "E204"), ("toyplanned", "E20")):
        with pytest.raises(ProblemsFound) as caught:
            check_plugin(name)
        assert caught.value.problems[0].code.startswith(code)


def test_a_missing_extra_is_one_visible_skip() -> None:
    if "toyneedy" not in INSTALLED:
        pytest.skip("the toy plugins are not installed: make test")
    summary = check_plugin("toyneedy")
    rows = [r for r in summary.results if r.component == "toyneedy.x"]
    assert [(r.check, r.status) for r in rows] == [("import", "skipped")]
    assert "a_module_that_nobody_has" in rows[0].message


def test_excuses_are_strict(tmp_path: Path) -> None:
    failed = kit.Result("p.x", "same_seed_same_bytes", "failed", "differs")
    passed = kit.Result("p.x", "same_seed_same_bytes", "passed")
    excuses = {("p.x", "same_seed_same_bytes"): "the hardware decides"}
    assert kit.excused(failed, excuses).status == "excused"
    assert kit.excused(failed, excuses).message == "the hardware decides"
    assert kit.excused(passed, excuses).status == "failed"
    assert kit.excused(failed, {}) == failed


def test_examples_are_read_strictly() -> None:
    cls = subject("toy.noise").cls

    class Wrong(cls):  # type: ignore[misc,valid-type]
        @classmethod
        def examples(cls):  # type: ignore[no-untyped-def]
            return {"config": []}

    with pytest.raises(Exception, match="unknown keys"):
        Examples.of(Wrong)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("version: 1\nsteps:\n  a: {use: core.linear, with: {lenth: 3}}\n", "failed"),
        ("version: 1\nsteps:\n  a: {use: core.linear, with: {length: 3}}\n", "passed"),
        ('version: 1\nvars: {n: "???"}\nsteps:\n  a: {use: core.linear}\n', "passed"),
        ("version: 1\nsteps:\n  a: {use: gemma_of_nobody.x}\n", "skipped"),
        (None, "failed"),
    ],
)
def test_a_shipped_pipeline_must_be_whole(monkeypatch, tmp_path, text, status) -> None:
    file = tmp_path / "demo.yaml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(kit, "pipelines_of", lambda name: {"demo": file})
    found = kit.attempt("x", "pipelines_are_valid", lambda: kit.pipelines_are_valid("x"))
    assert found.status == status and (found.message or status == "passed"), found
