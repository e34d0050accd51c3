"""Stages in a row: what they consume, what they replay, and that a kill at any moment changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context
from interleaf_continual.example import ExampleGPT
from interleaf_continual.schedules import Infinite, InfiniteConfig, Rewarm, RewarmConfig
from interleaf_continual.sources import Text
from interleaf_continual.stages import Samples, plan_stages
from interleaf_continual.trainer import Trainer
from interleaf_continual.trainer_config import StageConfig, TrainerConfig
from interleaf_training import find_checkpoint, own_copy

OLD, NEW = (Text(c) for c in Text.examples()["configs"])
SIZE: dict[str, Any] = {"window": 16, "batch": 4, "lr": 1e-2, "log_every": 1}


def config(*stages: StageConfig, **more: Any) -> TrainerConfig:
    return TrainerConfig(stages=stages, **{**SIZE, **more})


def fit(made: TrainerConfig, folder: Path | None = None, seed: int = 3, **inputs: Any) -> Any:
    inputs = {"model": ExampleGPT(), "data": [OLD, NEW], **inputs}
    return Trainer(made).fit(**inputs, ctx=Context(seed=seed, resume=folder, threads=1))


def weights(model: Any) -> dict[str, torch.Tensor]:
    return dict(model.module.named_parameters())


def same(first: Any, second: Any) -> bool:
    found = weights(second)
    return all(torch.equal(p, found[n]) for n, p in weights(first).items())


def test_stages_follow_each_other_and_the_loss_falls() -> None:
    made = config(StageConfig(steps=30), StageConfig(steps=20, replay=0.25))
    done = fit(made, held_out=[OLD])
    rows = done["log"].rows
    assert [r["stage"] for r in rows] == [0] * 30 + [1] * 20
    assert [r["held_out.0"] is not None for r in rows].count(True) == 2, "at each stage's end"
    assert rows[29]["loss"] < rows[0]["loss"] - 1
    assert done["state"].ledger["position"] == 80 and not done["state"].weights


def test_a_later_stage_replays_exactly_what_was_consumed() -> None:
    stages = list(
        plan_stages(
            config(StageConfig(steps=5), StageConfig(steps=40, replay=0.5)), [OLD, NEW], [], 3
        )
    )
    consumed = {row.tobytes() for row in Samples(stages[0].mix, 0).mix.batch(0, 20)}
    chosen, _ = stages[1].mix.plan(0, 160)
    rows = stages[1].mix.batch(0, 160)[np.asarray(chosen) == 1]
    assert len(rows) == 80
    assert {row.tobytes() for row in rows} == consumed


def test_schedules_restart_with_each_stage_or_run_on() -> None:
    rewarm = Rewarm(RewarmConfig(steps=6, peak=1e-2, floor=1e-3, warmup=2))
    done = fit(TrainerConfig(**SIZE), lr=[rewarm])
    assert done["log"].columns["lr"] == [rewarm.at(s)["value"] for s in range(6)] * 2
    endless = Infinite(InfiniteConfig(steps=10, peak=1e-2, constant=5e-3, floor=1e-3, endless=True))
    done = fit(config(StageConfig(steps=4), StageConfig(steps=3), clock="run"), lr=[endless])
    assert done["log"].columns["lr"] == [endless.at(s)["value"] for s in range(7)]


def test_an_anneal_branches_off_and_the_constant_phase_goes_on() -> None:
    """Branching at step 6 and going on gives the bits of a run that never stopped."""
    whole = fit(config(StageConfig(steps=10), keep_state=True), data=[OLD])
    head = fit(config(StageConfig(steps=6), keep_state=True), data=[OLD])
    assert head["state"].weights and head["state"].clock == 0 + 6
    rest = fit(config(StageConfig(steps=4)), data=[OLD], state=head["state"], seed=99)
    assert same(whole["model"], rest["model"])
    assert rest["state"].ledger == whole["state"].ledger
    annealed = fit(config(StageConfig(steps=4), lr=1e-3), data=[OLD], state=head["state"])
    assert not same(annealed["model"], rest["model"])


def test_a_stage_starts_from_a_checkpoint_or_from_scratch(tmp_path: Path) -> None:
    fit(config(StageConfig(steps=4), keep_at=(3,), checkpoint_every=1), tmp_path, data=[OLD])
    folder = tmp_path / "stage-0"
    last = StageConfig(steps=2, init="checkpoint", checkpoint=str(folder))
    third = replace(last, checkpoint=str(folder / "step-0000000003"), steps=3)
    whole = fit(config(StageConfig(steps=6)), data=[OLD])
    assert same(fit(config(last), data=[OLD])["model"], whole["model"])
    assert same(fit(config(third), data=[OLD])["model"], whole["model"])
    reset = fit(config(replace(last, reset_optimizer=True)), data=[OLD])
    assert not same(reset["model"], whole["model"])
    scratch = StageConfig(steps=2, init="scratch")
    a = fit(config(StageConfig(steps=3), scratch))
    b = fit(config(StageConfig(steps=3), scratch), model=a["model"])
    assert same(a["model"], b["model"]), "nothing of the earlier weights is left"


SCRIPT = """
import json, sys, time
from pathlib import Path
from interleaf.interfaces import Context
from interleaf_continual.example import ExampleGPT
from interleaf_continual.sources import Text
from interleaf_continual.trainer import Trainer
from interleaf_continual.trainer_config import StageConfig, TrainerConfig
class Slow:
    def progress(self, done, total=None, **info):
        print(done, flush=True); time.sleep(0.01)
    def notice(self, message): print(message, flush=True)
out = Path(sys.argv[1])
stages = (StageConfig(steps=14), StageConfig(steps=14, replay=0.3))
config = TrainerConfig(stages=stages, window=16, batch=4, lr=1e-2, log_every=3, checkpoint_every=2)
data = [Text(c) for c in Text.examples()["configs"]]
ctx = Context(seed=3, threads=1, resume=out / "resume", monitor=Slow())
done = Trainer(config).fit(model=ExampleGPT(), data=data, ctx=ctx)
done["model"].save(out)
(out / "log.json").write_text(json.dumps(done["log"].rows))
"""


def in_a_process(folder: Path, kill_after: int | None, wait_s: float = 0.0) -> None:
    """Run the script; with ``kill_after``, ``kill -9`` it some time after so many steps."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout
    if kill_after is not None:
        for _ in range(kill_after):
            process.stdout.readline()
        time.sleep(wait_s)
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert kill_after is not None or process.returncode == 0


def test_kill_9_anywhere_ends_bitwise_the_same(tmp_path: Path) -> None:
    """At random steps: in the first stage, across its end, and inside the replay of the second."""
    undisturbed, killed = tmp_path / "a", tmp_path / "b"
    undisturbed.mkdir()
    killed.mkdir()
    in_a_process(undisturbed, None)
    rng = np.random.default_rng(5)
    in_a_process(killed, int(rng.integers(3, 12)), float(rng.uniform(0, 0.02)))
    in_a_process(killed, 14 - find_step(killed), float(rng.uniform(0, 0.05)))  # the boundary
    in_a_process(killed, 8, float(rng.uniform(0, 0.02)))
    assert find_checkpoint(killed / "resume" / "stage-1"), "the last kill was inside the replay"
    in_a_process(killed, None)
    for name in ("weights.safetensors", "log.json"):
        assert (undisturbed / name).read_bytes() == (killed / name).read_bytes()


def find_step(folder: Path) -> int:
    found = find_checkpoint(folder / "resume" / "stage-0")
    return found.step if found else 0


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    world=st.sampled_from([1, 2, 3, 4, 6, 12]),
    micro=st.integers(0, 5),
    workers=st.integers(0, 4),
    stops=st.lists(st.integers(0, 8), max_size=3).map(sorted),
)
def test_the_samples_do_not_depend_on_how_they_are_read(
    world: int, micro: int, workers: int, stops: list[int]
) -> None:
    """Any number of processes, workers, micro-batches and interruptions: the same ids at the same step."""
    from interleaf_training import Recipe
    from interleaf_training.engine import Engine
    from interleaf_training.loop import _ahead

    class One(Engine):
        def __init__(self, rank: int) -> None:
            self._rank = rank

        rank = property(lambda self: self._rank)
        world = property(lambda self: world)

    recipe = Recipe(batch=12, micro=micro)
    made = replace(config(StageConfig(steps=3), StageConfig(steps=9, replay=0.4)), batch=12)
    stage = list(plan_stages(made, [OLD, NEW], [], 3))[1]
    samples = Samples(stage.mix, stage.first)

    def read(step: int) -> list[tuple[int, Any]]:
        parts = sorted(p for rank in range(world) for p in One(rank).parts(recipe, step))
        return [(a, samples.batch(a, b)) for a, b in parts]

    for start in stops or [4]:
        for step, batches in enumerate(_ahead(read, start, 9, workers), start):
            ids = torch.cat([batch[0] for _, batch in batches])
            assert torch.equal(ids, samples.batch(step * 12, step * 12 + 12)[0])


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (config(StageConfig(steps=2, replay=0.5), StageConfig()), "nothing came before"),
        (config(StageConfig()), "2 data sets, 1 stages"),
        (config(StageConfig(steps=1), StageConfig(init="checkpoint")), "names none"),
        (replace(config(), window=10**6), "do not fit into the source"),
        (replace(config(), batch=10**6), "fewer than a batch"),
    ],
)
def test_what_does_not_fit_is_said(made: TrainerConfig, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        fit(made)


def test_a_tokenizer_that_does_not_match_is_said() -> None:
    class Other(ExampleGPT):
        tokenizer_id = "sentences"

    with pytest.raises(InvalidInput, match="'sentences', Text holds those of 'bytes'"):
        fit(TrainerConfig(**SIZE), model=Other())


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    fit(config(StageConfig(steps=3)), tmp_path, data=[OLD])
    with pytest.raises(InvalidInput, match=r"data: .*, now"):
        fit(config(StageConfig(steps=3)), tmp_path, data=[NEW])
    with pytest.raises(InterleafError, match="of another training"):
        fit(config(StageConfig(steps=3), clip=0.5), tmp_path, data=[OLD])


def test_a_copy_is_trained() -> None:
    model = own_copy(ExampleGPT(), 1)
    before = {n: p.detach().clone() for n, p in weights(model).items()}
    fit(config(StageConfig(steps=2)), data=[OLD], model=model)
    assert all(torch.equal(p, before[n]) for n, p in weights(model).items())
    assert json.loads(
        json.dumps(dict(fit(config(StageConfig(steps=1)), data=[OLD])["state"].ledger))
    )


def test_text_in_the_tokens_of_a_model(tmp_path):
    """What a model's ``apply`` makes of a text is what it is trained on; another model's are refused."""
    from interleaf.errors import InvalidInput
    from interleaf.values import Tokens
    from interleaf_continual.config import TextConfig
    from interleaf_continual.sources import Text

    class Letters:
        def apply(self, text):
            return Tokens(np.frombuffer(text.lower().encode(), np.uint8), "letters")

    file = tmp_path / "a.txt"
    file.write_text("One two.\n\nThree four.\n" * 80)
    plain = Text(TextConfig(path=str(file), document=64))
    read = plain.open(model=Letters())
    assert read.tokenizer == "letters" and plain.tokenizer == "bytes"
    assert bytes(read.ids_of_tokens.astype(np.uint8)).decode() == file.read_text().lower()
    assert read.fingerprint() != plain.fingerprint()
    assert read.split("train").tokenizer == "letters"
    with pytest.raises(InvalidInput, match="reads no text"):
        _ = Text(plain.config).open(model=object()).tokenizer
    with pytest.raises(InvalidInput, match="not tokens"):

        class Words(Letters):
            def apply(self, text):
                return text

        _ = plain.open(model=Words()).tokenizer


def test_a_rate_of_its_own_and_the_tokens_it_saw():
    from interleaf_continual.config import RewarmConfig
    from interleaf_continual.example import ExampleGPT
    from interleaf_continual.schedules import Rewarm
    from interleaf_continual.sources import Text

    english = Text(Text.examples()["configs"][0])
    config = TrainerConfig(window=16, batch=2, log_every=2)
    rate = Rewarm(RewarmConfig(steps=6, peak=1e-3))
    given = Trainer(config).fit(model=ExampleGPT(), data=[english], rate=rate)
    log = given["log"].columns
    assert list(log["step"])[-1] == 6 and list(log["tokens"])[-1] == 6 * 2 * 16
