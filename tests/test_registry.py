"""The catalogue equals the descriptors, and broken plugins stay their own problem."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from interleaf.errors import InvalidInput
from interleaf.registry import registry
from interleaf.registry.catalogue import BUNDLED, read_catalogue
from interleaf.registry.generate import entry_of, generate

ROOT = Path(__file__).parents[1]
OURS = sorted(p.parent.name for p in (ROOT / "plugins").glob("*/pyproject.toml"))
SCHEMA = json.loads((ROOT / "spec" / "registry.schema.json").read_text())


def test_the_bundled_copy_equals_the_file():
    assert BUNDLED.read_text() == (ROOT / "registry.toml").read_text()


def test_the_file_equals_the_descriptors():
    assert (
        generate(ROOT / "registry.toml", ROOT / "plugins") == (ROOT / "registry.toml").read_text()
    )


@pytest.mark.parametrize("name", OURS)
def test_each_of_our_plugins_is_available_as_it_is_installed(name):
    entry = read_catalogue(ROOT / "registry.toml")[name]
    assert entry.status == "available" and entry == entry_of(registry().records[name])


def test_all_nine_papers_are_known():
    papers = "gaussianimage gemma continual scaling sotopia openrisk vlogger trumans followclick"
    assert set(papers.split()) <= set(read_catalogue(ROOT / "registry.toml"))


def test_the_file_satisfies_its_schema():
    jsonschema = pytest.importorskip("jsonschema")
    data = tomllib.loads((ROOT / "registry.toml").read_text())
    jsonschema.validate(data, SCHEMA)


@pytest.mark.parametrize(
    "text", ["[plugins.x", "[plugins.x]\nsummary = 'no distribution'", "plugins = 3"]
)
def test_a_bad_catalogue_is_one_clear_error(tmp_path, text):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InvalidInput, match=r"c\.toml"):
        read_catalogue(tmp_path / "c.toml")


def test_broken_and_future_plugins_become_records():
    records = registry().records
    assert (
        records["toybroken"].problem.code == "E204"
        and "module" in records["toybroken"].problem.message
    )
    assert (
        records["toyfuture"].problem.code == "E205" and "99" in records["toyfuture"].problem.message
    )
    assert records["toy"].plugin is not None


def test_two_claims_on_one_name_leave_neither(tmp_path):
    for number in (1, 2):
        info = tmp_path / f"claim{number}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: claim{number}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            "[interleaf.plugins]\nclaimed = interleaf.builtin.plugin\n"
        )
    code = (
        "from interleaf.registry import registry; "
        "p = registry().records['claimed'].problem; print(p.code, p.message)"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("E206") and "claim1 and claim2" in done.stdout


LIGHT = """
import sys
from interleaf.registry import registry
names = sorted(registry().plugins)
heavy = {"numpy", "torch", "pydantic", "PIL", "scipy", "numba", "matplotlib", "omegaconf"} & set(sys.modules)
print(names, heavy)
assert not heavy, heavy
"""


def test_discovery_imports_nothing_heavy():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import interleaf, sys; assert not {'numpy', 'torch', 'pydantic'} & set(sys.modules)",
        ],
        check=True,
    )
