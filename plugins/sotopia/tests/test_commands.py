"""The commands, in this process: from scenarios to what is learnt from, and what they refuse."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interleaf_cli.main import app
from interleaf_sotopia.sample import write_sample


def run(*words: Any, code: int = 0) -> str:
    """The output of a command."""
    result = CliRunner().invoke(app, ["sotopia", *map(str, words)])
    assert result.exit_code == code, result.output + str(result.exception)
    return result.output


@pytest.fixture
def study(tmp_path: Path, serve: Any) -> Path:
    """A small study, played and rated."""
    server = serve()
    write_sample(tmp_path)
    store = tmp_path / "study.db"
    told = run(
        "play",
        tmp_path / "scenarios.jsonl",
        "--model",
        server.url,
        "--judge",
        server.url,
        "--repetitions",
        6,
        "--max-turns",
        6,
        "--store",
        store,
        "--price",
        1,
        2,
    )
    assert "12 done" in told and "12 ratings, 0 failed" in told
    return store


def test_from_a_study_to_what_is_learnt_from(study: Path, tmp_path: Path) -> None:
    found = json.loads(run("report", study, "--json", "--out", tmp_path / "page.html"))
    assert (found["planned"], found["lost"], found["doubled"]) == (12, 0, 0) and found["cost"][
        "total"
    ] > 0
    assert "<details" in (tmp_path / "page.html").read_text()
    run("filter", study, "--out", tmp_path / "pairs.jsonl", "--filter", "bc")
    pairs = [
        json.loads(line)["messages"] for line in (tmp_path / "pairs.jsonl").read_text().splitlines()
    ]
    assert pairs and all([t["role"] for t in p] == ["user", "model"] for p in pairs)
    assert all(json.loads(p[1]["content"])["action_type"] != "none" for p in pairs)
    run(
        "filter",
        study,
        "--out",
        tmp_path / "x",
        "--evaluation",
        tmp_path / "scenarios.jsonl",
        code=3,
    )
    assert not (tmp_path / "x").exists()
    assert "3 conversations" in run("rate", study, "--out", tmp_path / "rate.html", "--count", 3)
    assert "nothing left to play" in run("resume", study)
    assert "0 ratings" in run("resume", study)
    other = tmp_path / "other.db"
    assert "4 new of 4" in run("import", tmp_path / "episodes.jsonl", "--store", other)
    assert "0 new of 4" in run("import", tmp_path / "episodes.jsonl", "--store", other)


def test_training_on_what_was_kept(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("interleaf_gemma")
    run("filter", study, "--out", tmp_path / "pairs.jsonl", "--style", "brief", "--filter", "sr")
    run("train", tmp_path / "pairs.jsonl", "--out", tmp_path / "tuned", "--steps", 2, "--batch", 2)
    assert (tmp_path / "tuned" / "model.safetensors").is_file()
    (row,) = [
        json.loads(line) for line in (tmp_path / "tuned.lineage.jsonl").read_text().splitlines()
    ]
    assert row["steps"] == 2 and row["data"]
    run("train", tmp_path / "pairs.jsonl", "--out", tmp_path / "tuned", code=3)


@pytest.mark.parametrize(
    "words",
    [
        ["play", "S", "--model", "nobody"],
        ["play", "S", "--model", "scripted", "--order", "backwards"],
        ["play", "nowhere.jsonl", "--model", "scripted"],
        ["play", "S", "--model", "gaussianimage.fit"],
        ["play", "S", "--model", "scripted", "--actions", "speak,shout"],
        ["report", "no.db"],
        ["resume", "S"],
        ["rate", "S"],
        ["filter", "no.db", "--out", "x"],
    ],
)
def test_what_cannot_be_is_one_error(words: list[str], tmp_path: Path) -> None:
    write_sample(tmp_path)
    asked = [str(tmp_path / "scenarios.jsonl") if w == "S" else w for w in words]
    if words[0] == "play":
        asked += ["--store", str(tmp_path / "s.db")]
    result = CliRunner().invoke(app, ["sotopia", *asked])
    assert result.exit_code in (3, 4), result.output


def test_two_models_of_one_name_need_names_of_their_own(tmp_path: Path, serve: Any) -> None:
    write_sample(tmp_path)
    a, b = serve(), serve()
    asked = ["play", tmp_path / "scenarios.jsonl", "--model", a.url, "--store", tmp_path / "s.db"]
    run(*asked, "--partner", b.url, code=3)
    run(*asked, "--partner", f"{b.url}#test=other")
    assert a.counts["answered"] and b.counts["answered"]


def test_the_test_server_streams_and_refuses_nonsense(serve: Any) -> None:
    import openai

    async def ask() -> tuple[str, int]:
        client = openai.AsyncOpenAI(base_url=serve().url, api_key="none", max_retries=0)
        messages: Any = [{"role": "user", "content": "hello"}]
        plain = await client.chat.completions.create(model="test", messages=messages)
        parts = [
            c.choices[0].delta.content or ""
            async for c in await client.chat.completions.create(
                model="test", messages=messages, stream=True
            )
        ]
        assert "".join(parts).strip() == plain.choices[0].message.content
        with pytest.raises(openai.BadRequestError):
            await client.post(
                "/chat/completions",
                body={"messages": [{"role": "user", "content": 3}]},
                cast_to=object,
            )
        with pytest.raises(openai.NotFoundError):
            await client.post("/other", body={}, cast_to=object)
        assert [m.id async for m in client.models.list()] == ["test"]
        return "", 0

    asyncio.run(ask())


def test_all_but_training_works_without_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    write_sample(tmp_path)
    code = (
        "import sys\n"
        "absent = ('torch', 'interleaf_training', 'pyarrow', 'peft', 'litellm', 'scipy')\n"
        "for name in absent: sys.modules[name] = None\n"
        "from interleaf_sotopia import checks, cloning, commands, commands_data, judges, synthesis, views\n"
        f"from pathlib import Path; d = Path({str(tmp_path)!r})\n"
        "commands.play(d / 'scenarios.jsonl', model='scripted', partner='random', store=d / 's.db')\n"
        "commands.report(d / 's.db', json=True, out=d / 'r.html')\n"
        "from interleaf.errors import PluginMissing\n"
        "(d / 'p.jsonl').write_text('{}')\n"
        "try: commands_data.train(d / 'p.jsonl', d / 'out')\n"
        "except PluginMissing as e: print('told:', e.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"lost": 0' in done.stdout and "interleaf-sotopia[train]" in done.stdout
