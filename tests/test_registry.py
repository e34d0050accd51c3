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


def strange(tmp_path: Path, body: str) -> dict[str, str]:
    """An environment in which a distribution's descriptor module does as ``body`` says."""
    package = tmp_path / "interleaf_strange"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(body)
    info = tmp_path / "strange-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[interleaf.plugins]\nstrange = interleaf_strange.plugin\n"
    )
    return {**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def interleaf(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interleaf_cli", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


GOOD = "from interleaf.plugin import Plugin\nPLUGIN = Plugin(name='strange', api=1)\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys\nsys.exit(3)\n", "SystemExit"),
        ("raise RuntimeError('no luck')\n", "no luck"),
        ("x = (\n", "SyntaxError"),
        ("PLUGIN = 3\n", "describes 'int'"),
        ("import time\ntime.sleep(30)\n", "took longer than"),
    ],
)
def test_a_strange_plugin_stays_its_own_problem(tmp_path: Path, body: str, said: str) -> None:
    env = strange(tmp_path, body)
    assert interleaf(env, "--help").returncode == 0
    (tmp_path / "p.yaml").write_text(
        "version: 1\nsteps:\n  a: {use: core.constant, with: {value: 1}}\n"
    )
    done = interleaf(env, "validate", str(tmp_path / "p.yaml"))
    assert done.returncode == 0, done.stderr
    done = interleaf(env, "list")
    assert done.returncode == 0 and "strange  BROKEN E204" in done.stdout and said in done.stdout
    assert interleaf(env, "list").stdout == done.stdout
    done = interleaf(env, "doctor")
    assert done.returncode == 5 and said in done.stdout


@pytest.mark.parametrize(("api", "older"), [(0, "strange"), (2, "interleaf-core")])
def test_a_plugin_of_another_api_names_the_side_to_upgrade(
    tmp_path: Path, api: int, older: str
) -> None:
    env = strange(tmp_path, GOOD.replace("api=1", f"api={api}"))
    listed = interleaf(env, "list").stdout
    assert "strange  BROKEN E205" in listed and f"speaks API {api}" in listed
    assert f"pip install --upgrade {older}" in interleaf(env, "doctor").stdout


def test_a_plugin_that_prints_is_kept_quiet_and_told(tmp_path: Path) -> None:
    env = strange(tmp_path, "print('WELCOME!')\n" + GOOD)
    done = interleaf(env, "list")
    assert "WELCOME" not in done.stdout + done.stderr and "strange" in done.stdout
    assert "prints when it is imported: 'WELCOME!" in interleaf(env, "doctor").stdout


def test_the_list_notices_what_changes(tmp_path: Path) -> None:
    env = strange(tmp_path, GOOD)
    assert "strange" in interleaf(env, "list").stdout
    descriptor = tmp_path / "interleaf_strange" / "plugin.py"
    descriptor.write_text(GOOD.replace("api=1", "api=1, summary='now with a summary'"))
    assert "now with a summary" in interleaf(env, "list").stdout
    (tmp_path / "strange-1.dist-info" / "entry_points.txt").unlink()
    (tmp_path / "strange-1.dist-info" / "METADATA").unlink()
    (tmp_path / "strange-1.dist-info").rmdir()
    assert "strange" not in interleaf(env, "list").stdout
    (tmp_path / "cache" / "interleaf" / "index.json").write_text("{broken")
    assert "core.cosine" in interleaf(env, "list").stdout
