"""Running again: hits, what re-runs and why, resuming after death, locks, secrets."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import interleaf
from interleaf.errors import InterleafError, StoreError
from interleaf.pipeline.monitor import Quiet
from interleaf.pipeline.plan import load_plan
from interleaf.pipeline.runner import RunOptions, run_plan

CHAIN = """
    vars: {strength: 0.1}
    steps:
      data:  {use: toy.images, with: {n: 2}}
      noisy: {use: toy.noise, with: {strength: "${vars.strength}"}, needs: {image: data}}
      other: {use: toyother.stretch, needs: {image: data}}
      score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
    outputs: {score: score}
    """


class Notes(Quiet):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def notice(self, message):
        self.told.append(message)


def hits(result):
    return {name: step["hit"] for name, step in result.manifest["steps"].items()}


def test_a_second_run_hits_for_every_step(run):
    first, second = run(CHAIN), run(CHAIN)
    assert not any(hits(first).values()) and all(hits(second).values())
    assert second.metrics == first.metrics
    assert second.outputs["score"][0].read_bytes() == first.outputs["score"][0].read_bytes()


def test_one_parameter_reruns_only_what_depends_on_it(run):
    run(CHAIN)
    changed = run(CHAIN, strength=0.2)
    assert hits(changed) == {"data": True, "noisy": False, "other": True, "score": False}
    assert changed.manifest["steps"]["noisy"]["why"] == "config.strength changed"


def test_explain_names_the_field_and_follows_inputs(run, tmp_path):
    run(CHAIN)
    plan = load_plan(tmp_path / "test.yaml", {"strength": 0.2})
    notes = Notes()
    run_plan(
        plan,
        RunOptions(store=str(tmp_path / "store"), out=tmp_path / "o", explain=("score",)),
        notes,
    )
    text = "\n".join(notes.told)
    assert "score: its input noisy changed" in text
    assert "noisy: config.strength changed from 0.1 to 0.2" in text


def test_steps_added_or_reordered_change_no_other_key(run):
    def keys(result):
        return {n: s["key"] for n, s in result.manifest["steps"].items()}

    first = keys(run(CHAIN))
    more = keys(
        run(CHAIN.replace("    steps:", "    steps:\n      new: {use: toy.tokens, with: {n: 1}}"))
    )
    assert first.items() < more.items()


def test_the_seed_changes_every_key_and_the_pictures(run):
    first, second = run(CHAIN), run(CHAIN, seed=1)
    assert not any(hits(second).values())
    assert first.metrics["score.psnr"] != second.metrics["score.psnr"]


def test_files_enter_by_content(run, tmp_path):
    text = """
        steps:
          lines: {use: toy.lines, with: {path: a.txt}}
          loud:  {use: toy.shout, needs: {text: lines}}
        """
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    run(text)
    (tmp_path / "b.txt").write_text("one\ntwo\n")
    (tmp_path / "a.txt").unlink()
    moved = run(text.replace("a.txt", "b.txt"))
    assert all(hits(moved).values())
    assert list(moved.value("loud")) == ["ONE!", "TWO!"]
    (tmp_path / "b.txt").write_text("one\nTwo\n")
    assert not any(hits(run(text.replace("a.txt", "b.txt"))).values())


def test_keep_accepts_an_old_result(run, tmp_path):
    first = run(CHAIN)
    plan = load_plan(tmp_path / "test.yaml", {"strength": 0.5})
    options = RunOptions(store=str(tmp_path / "store"), out=tmp_path / "o", keep=("noisy",))
    kept = run_plan(plan, options)
    assert kept.manifest["steps"]["noisy"]["why"] == "kept"
    assert kept.metrics == first.metrics


def test_locked_repeats_and_refuses_drift(run, tmp_path):
    first = run(CHAIN)
    options = RunOptions(
        store=str(tmp_path / "store"), out=tmp_path / "o", locked=first.folder / "manifest.json"
    )
    assert run_plan(load_plan(tmp_path / "test.yaml"), options).exit_code == 0
    with pytest.raises(StoreError, match="E501") as caught:
        run_plan(load_plan(tmp_path / "test.yaml", {"strength": 0.3}), options)
    assert "step noisy" in str(caught.value) and "step data" not in str(caught.value)


def test_a_corrupt_entry_is_computed_again_with_a_notice(run, tmp_path):
    first = run(CHAIN)
    for file in (tmp_path / "store").glob("??/*/value.*"):
        file.write_bytes(b"rubbish" + file.read_bytes()[7:])
    notes = Notes()
    options = RunOptions(store=str(tmp_path / "store"), out=tmp_path / "o")
    again = run_plan(load_plan(tmp_path / "test.yaml", {"strength": 0.1}), options, notes)
    assert again.metrics == first.metrics
    changed = run_plan(load_plan(tmp_path / "test.yaml", {"strength": 0.1}, seed=3), options, notes)
    assert changed.exit_code == 0


SLOW = """\
version: 1
name: slow
vars: {units: 20, seconds: 0.0, trace: ""}
steps:
  slow:
    use: toy.slow
    call: apply
    with: {units: "${vars.units}", seconds: "${vars.seconds}", trace: "${vars.trace}"}
outputs: {slow: slow}
"""


def command(file: Path, store: Path, out: Path, **settings: object) -> list[str]:
    code = (
        "import interleaf, json, sys; file, store, out, rest = sys.argv[1:];"
        "interleaf.run(file, store=store, out=out, **json.loads(rest))"
    )
    return [sys.executable, "-c", code, str(file), str(store), str(out), json.dumps(settings)]


def test_killed_and_run_again_equals_undisturbed(tmp_path):
    file, trace = tmp_path / "slow.yaml", tmp_path / "trace"
    file.write_text(SLOW)
    settings = {"seconds": 0.1, "trace": str(trace)}
    child = subprocess.Popen(command(file, tmp_path / "store", tmp_path / "out", **settings))
    while not trace.exists() or len(trace.read_text().splitlines()) < 4:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = len(trace.read_text().splitlines())
    assert 4 <= done < 20
    subprocess.run(command(file, tmp_path / "store", tmp_path / "out", **settings), check=True)
    assert len(trace.read_text().splitlines()) <= 21, "at most the unit under way is done twice"
    other = interleaf.run(file, store=str(tmp_path / "s2"), out=tmp_path / "o2", **settings)
    assert (tmp_path / "out/outputs/slow.csv").read_bytes() == other.outputs["slow"][0].read_bytes()
    assert not list((tmp_path / "store" / "resume").iterdir())


def test_ctrl_c_says_interrupted_and_resumes(tmp_path):
    file, trace = tmp_path / "slow.yaml", tmp_path / "trace"
    file.write_text(SLOW)
    settings = {"seconds": 1.0, "trace": str(trace)}
    child = subprocess.Popen(
        command(file, tmp_path / "store", tmp_path / "out", **settings), stderr=subprocess.DEVNULL
    )
    while not trace.exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    assert child.wait() != 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["status"] == "interrupted"
    assert not (tmp_path / "out" / "outputs").exists()


def test_an_executor_that_is_not_there_is_told_before_anything_is_begun(tmp_path):
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    how = {"store": str(tmp_path / "store"), "out": tmp_path / "out", "seconds": 0.0}
    for _ in range(2):  # the second time every step is in the store
        with pytest.raises(InterleafError, match="no installed plugin makes the executor 'moon'"):
            interleaf.run(file, executor="moon", **how)
        assert not (tmp_path / "out").exists()
        interleaf.run(file, store=how["store"], out=tmp_path / "done", seconds=0.0)


def test_two_runs_on_one_store_compute_a_step_once(tmp_path):
    file, trace = tmp_path / "slow.yaml", tmp_path / "trace"
    file.write_text(SLOW)
    settings = {"seconds": 0.02, "trace": str(trace)}
    children = [
        subprocess.Popen(command(file, tmp_path / "store", tmp_path / f"out{i}", **settings))
        for i in range(2)
    ]
    assert [c.wait() for c in children] == [0, 0]
    assert len(trace.read_text().splitlines()) == 20
    outs = [(tmp_path / f"out{i}/outputs/slow.csv").read_bytes() for i in range(2)]
    assert outs[0] == outs[1]


def test_a_failing_step_leaves_a_manifest_and_a_trace(run, tmp_path):
    text = """
        steps:
          data: {use: toy.images, with: {n: 1}}
          base: {use: toy.pass, needs: {x: data}}
          lm:   {use: toy.codec, with: {rate: 1.0}, call: decode, needs: {code: note}}
          note: {use: toy.text, needs: {items: data}}
        """
    with pytest.raises(InterleafError, match="step 'lm' failed: not a picture") as caught:
        run(text)
    assert caught.value.exit_code == 3
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["status"] == "failed" and "not a picture" in manifest["steps"]["lm"]["error"]
    assert "Traceback" in (tmp_path / "out" / "log.jsonl").read_text()


def test_a_secret_appears_nowhere(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_KEY", "sesame-open-4711")
    (tmp_path / "a.txt").write_text("hello\n")
    text = """
        steps:
          lines:  {use: toy.lines, with: {path: a.txt}}
          signed: {use: toy.sign, with: {key: TOY_KEY}, needs: {text: lines}}
        outputs: {signed: signed}
        """
    first = run(text)
    assert first.exit_code == 0
    for file in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert b"sesame" not in file.read_bytes(), file
    monkeypatch.setenv("TOY_KEY", "another")
    assert all(hits(run(text)).values())


def test_a_missing_module_stops_before_the_first_step(run, tmp_path):
    text = """
        steps:
          slow: {use: toy.slow}
          needy: {use: toyneedy.COMPONENT}
        """
    from interleaf.registry import registry

    name = next(iter(registry().plugins["toyneedy"].by_name))
    with pytest.raises(InterleafError, match="E204") as caught:
        run(text.replace("COMPONENT", name))
    assert caught.value.exit_code == 4
    assert not (tmp_path / "out").exists()


def test_a_read_only_place_is_one_clear_error(run, tmp_path):
    if os.geteuid() == 0:
        (tmp_path / "file").write_text("")
        with pytest.raises(InterleafError, match="a file stands"):
            run(CHAIN, store=str(tmp_path / "file" / "store"))
        return
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    with pytest.raises(InterleafError, match="permission denied"):
        run(CHAIN, store=str(place / "store"))
