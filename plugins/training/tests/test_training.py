"""The loop on a picture classifier: learning, resuming, accumulating, refusing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from interleaf.builtin.config import ConstantConfig, RampConfig, ThenConfig
from interleaf.builtin.schedules import Constant, Cosine, Then
from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context
from interleaf_training import (
    ArraySource,
    DatasetSource,
    Recipe,
    TorchModel,
    find_checkpoint,
    own_copy,
    seeded,
    train,
)
from interleaf_training.checkpoint import read_checkpoint
from interleaf_training.example import Dots, Loss, SmallClassifier
from interleaf_training.knobs import Knobs
from interleaf_training.sources import Order


def source(seed: int = 1) -> DatasetSource:
    return DatasetSource(Dots(), SmallClassifier().collate, seed)


def fitted(recipe: Recipe, folder: Path | None = None, **more: Any) -> tuple[TorchModel, Any]:
    model = own_copy(SmallClassifier(), 0)
    done = train(model.objective(), source(), recipe, ctx=Context(seed=5, resume=folder), **more)
    return model, done


def same(first: TorchModel, second: TorchModel) -> bool:
    pairs = zip(first.module.parameters(), second.module.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_classifier_learns() -> None:
    model, done = fitted(Recipe(steps=60, batch=32, lr=1e-2, log_every=10))
    with torch.no_grad():
        pictures, labels = source().batch(0, 64)
        right = (model.module(pictures).argmax(1) == labels).float().mean()
    assert done.log.rows[-1]["loss"] < 0.4 * done.log.rows[0]["loss"]
    assert right > 0.95


def test_micro_batches_change_rounding_alone() -> None:
    class Still(SmallClassifier):
        def build(self) -> nn.Module:
            return nn.Sequential(*(m for m in super().build() if not isinstance(m, nn.Dropout)))

    logs = []
    for micro in (0, 1, 5):
        recipe = Recipe(steps=5, batch=16, micro=micro, lr=1e-2, log_every=1)
        done = train(own_copy(Still(), 0).objective(), source(), recipe)
        logs.append(done.log.columns["loss"])
    assert np.allclose(logs[0], logs[1], rtol=1e-5) and np.allclose(logs[0], logs[2], rtol=1e-5)


def test_the_gradient_is_of_the_mean_over_counts() -> None:
    """Micro-batches with different counts weigh by what they count, not equally."""

    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(1, 1))

        def forward(self, x: torch.Tensor, n: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return (n[:, None] * (self.w * x - 1)).sum(), n.sum()

    x, n = torch.tensor([[1.0], [5.0]]), torch.tensor([3.0, 1.0])
    objective = Weighted()
    recipe = Recipe(steps=1, batch=2, micro=1, clip=0, log_every=1)
    done = train(objective, ArraySource(x, n, shuffle=False), recipe)
    assert done.log.rows[0]["gradient_norm"] == pytest.approx((3 * 1 + 1 * 5) / 4)


def test_clipping_and_schedules_reach_the_optimiser() -> None:
    lr = Cosine(RampConfig(start=1e-2, stop=0.0, length=4))
    _, done = fitted(Recipe(steps=5, batch=8, log_every=1), values={"lr": lr, "clip": 1e-3})
    assert done.log.columns["lr"] == [lr.at(s)["value"] for s in range(5)]
    with pytest.raises(InvalidInput, match="steps 0 to 6"):
        fitted(Recipe(steps=7, batch=8), values={"lr": lr})


def test_other_values_reach_the_objective() -> None:
    seen = []

    class Tempered(Loss):
        def forward(self, x: Any, y: Any, heat: float = 1.0) -> Any:
            seen.append(heat)
            return super().forward(x, y)

    ramp = Cosine(RampConfig(start=1.0, stop=0.0, length=2))
    train(Tempered(SmallClassifier().module), source(), Recipe(steps=3), values={"heat": ramp})
    assert seen == [1.0, 0.5, 0.0]


def test_averaged_weights_are_the_result() -> None:
    raw, _ = fitted(Recipe(steps=4, batch=8, lr=1e-2))
    averaged, _ = fitted(Recipe(steps=4, batch=8, lr=1e-2, ema=0.5))
    expected = [p.detach().clone() for p in own_copy(SmallClassifier(), 0).module.parameters()]
    for steps in range(1, 5):
        now, _ = fitted(Recipe(steps=steps, batch=8, lr=1e-2))
        for e, p in zip(expected, now.module.parameters(), strict=True):
            e.lerp_(p.detach(), 0.5)
    assert not same(raw, averaged)
    for e, p in zip(expected, averaged.module.parameters(), strict=True):
        assert torch.allclose(e, p, atol=1e-6)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(stops=st.lists(st.integers(1, 8), max_size=3, unique=True).map(sorted))
def test_resumed_anywhere_is_bitwise_the_same(stops: list[int], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("resume")
    recipe = Recipe(steps=9, batch=6, micro=4, lr=1e-2, ema=0.9, log_every=2, checkpoint_every=1)
    for stop in stops:
        part = Recipe(
            steps=stop, batch=6, micro=4, lr=1e-2, ema=0.9, log_every=2, checkpoint_every=1
        )
        fitted(part, folder)
    # a shorter run logs its own last row, which the whole one does not have
    whole, expected = fitted(recipe)
    resumed, done = fitted(recipe, folder)
    assert same(whole, resumed)
    assert done.log.rows[-1]["gradient_norm"] == expected.log.rows[-1]["gradient_norm"]


KILLED = """
import sys, time
from pathlib import Path
from interleaf.interfaces import Context
from interleaf_training import DatasetSource, Recipe, own_copy, train
from interleaf_training.example import Dots, SmallClassifier
class Slow:
    def progress(self, done, total=None, **info):
        print(done, flush=True); time.sleep(0.01)
    def notice(self, message): print(message, flush=True)
model = own_copy(SmallClassifier(), 0)
recipe = Recipe(steps=60, batch=6, micro=4, lr=1e-2, ema=0.9, log_every=3, checkpoint_every=2)
source = DatasetSource(Dots(), model.collate, 1)
ctx = Context(seed=5, threads=1, resume=Path(sys.argv[1]) / "resume", monitor=Slow())
done = train(model.objective(), source, recipe, ctx=ctx)
model.save(Path(sys.argv[1]))
print(done.log.rows, file=(Path(sys.argv[1]) / "log").open("w"))
"""


def run_killed(folder: Path, kills: int, rng: np.random.Generator) -> None:
    """Run the script, killing it ``kills`` times at random moments after it began to step."""
    command = [sys.executable, "-c", KILLED, str(folder)]
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        process.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.4)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def test_kill_9_at_random_moments_ends_bitwise_the_same(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "a", tmp_path / "b"
    undisturbed.mkdir()
    killed.mkdir()
    rng = np.random.default_rng(3)
    run_killed(undisturbed, 0, rng)
    run_killed(killed, 3, rng)
    for name in ("weights.safetensors", "log"):
        assert (undisturbed / name).read_bytes() == (killed / name).read_bytes()


def test_a_broken_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path) -> None:
    recipe = Recipe(steps=6, batch=4, checkpoint_every=2)
    whole, done = fitted(recipe, tmp_path)
    assert done.checkpoint
    file = done.checkpoint / "optimiser.safetensors"
    file.write_bytes(file.read_bytes()[:-9] + b"x" * 9)
    told: list[str] = []
    found = find_checkpoint(tmp_path, told.append)
    assert found and found.step == 4 and "optimiser.safetensors" in told[0]
    assert same(whole, fitted(recipe, tmp_path)[0])


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    fitted(Recipe(steps=3, batch=4), tmp_path)
    with pytest.raises(InvalidInput, match="batch: 4, now 8"):
        fitted(Recipe(steps=3, batch=8), tmp_path)


def test_schedules_of_schedules_are_told_by_their_parameters() -> None:
    """Else a training that was killed would be taken for another one by the next process."""

    def told(stop: float) -> Any:
        rise = Cosine(RampConfig(start=0.0, stop=stop, length=2))
        return Knobs(
            {"lr": Then(ThenConfig(first=rise, second=Constant(ConstantConfig(value=1.0))))}
        ).described()

    assert told(1.0) == told(1.0) != told(2.0)
    assert "object at" not in str(told(1.0)) and "stop=2.0" in str(told(2.0))


def test_a_loss_that_is_no_number_leaves_the_last_good_state(tmp_path: Path) -> None:
    pictures, labels = np.zeros((12, 1, 8, 8), np.float32), np.zeros(12, np.int64)
    pictures[9] = np.nan
    model = own_copy(SmallClassifier(), 0)
    data = ArraySource(pictures, labels, shuffle=False)
    with pytest.raises(InterleafError, match=r"before step 3.*samples 8 to 11"):
        train(model.objective(), data, Recipe(steps=9, batch=4), folder=tmp_path)
    assert all(p.isfinite().all() for p in model.module.parameters())
    found = find_checkpoint(tmp_path)
    assert found and found.step == 2
    assert all(t.isfinite().all() for t in found.tensors("weights").values())


def test_training_begins_from_a_checkpoint_with_or_without_its_optimiser(tmp_path: Path) -> None:
    _, done = fitted(Recipe(steps=4, batch=4, lr=1e-2), tmp_path / "a")
    assert done.checkpoint
    start = read_checkpoint(done.checkpoint)
    kept, _ = fitted(Recipe(steps=2, batch=4, lr=1e-2), tmp_path / "b", begin=start)
    reset, _ = fitted(
        Recipe(steps=2, batch=4, lr=1e-2), tmp_path / "c", begin=start, fresh_optimiser=True
    )
    assert not same(kept, reset)
    still, _ = fitted(Recipe(steps=0), None, begin=start)
    weights = start.tensors("weights")
    assert all(torch.equal(p, weights[f"network.{n}"]) for n, p in still.module.named_parameters())


def test_frozen_weights_stay_and_are_not_written(tmp_path: Path) -> None:
    model = own_copy(SmallClassifier(), 0)
    first = next(model.module.parameters())
    first.requires_grad_(False)
    before = first.clone()
    done = train(model.objective(), source(), Recipe(steps=3, lr=1e-2), folder=tmp_path)
    assert done.checkpoint and torch.equal(first, before)
    assert "network.0.weight" not in read_checkpoint(done.checkpoint).tensors("weights")


def test_prepared_ahead_is_the_same() -> None:
    one, _ = fitted(Recipe(steps=5, batch=8))
    two, _ = fitted(Recipe(steps=5, batch=8, workers=3))
    assert same(one, two)


def test_a_compiled_objective_trains_alike() -> None:
    _, plain = fitted(Recipe(steps=2, batch=8, log_every=1))
    _, compiled = fitted(Recipe(steps=2, batch=8, log_every=1, compile="aot_eager"))
    losses = plain.log.columns["loss"]
    assert compiled.log.columns["loss"] == pytest.approx(losses, rel=1e-4)


def test_bfloat16_keeps_weights_in_float32() -> None:
    model, done = fitted(Recipe(steps=3, batch=8, precision="bfloat16", log_every=1))
    plain, other = fitted(Recipe(steps=3, batch=8, log_every=1))
    assert {p.dtype for p in model.module.parameters()} == {torch.float32}
    assert not same(model, plain)
    assert done.log.rows[-1]["loss"] == pytest.approx(other.log.rows[-1]["loss"], rel=0.05)


def test_settings_of_the_process_are_put_back() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    environment = dict(os.environ)
    model = own_copy(SmallClassifier(), 0)
    train(model.objective(), source(), Recipe(steps=2), ctx=Context(threads=2))
    assert torch.get_num_threads() == threads and torch.equal(state, torch.get_rng_state())
    assert dict(os.environ) == environment


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 40), seed=st.integers(0, 9), first=st.integers(0, 300), n=st.integers(0, 99)
)
def test_an_order_takes_every_item_once_an_epoch(size: int, seed: int, first: int, n: int) -> None:
    order = Order(size, seed)
    start = first // size * size
    assert sorted(order.items(start, start + size)) == list(range(size))
    assert order.items(first, first + n) == [
        order.items(i, i + 1)[0] for i in range(first, first + n)
    ]


def test_untrained_weights_depend_on_the_seed_alone() -> None:
    with seeded(3):
        torch.rand(5)
    models = []
    for seed in (1, 1, 2):
        model = SmallClassifier()
        model.initialise(seed)
        models.append(model)
    assert same(models[0], models[1]) and not same(models[0], models[2])


def test_size_counts_what_is_trained_and_what_was_read():
    import interleaf
    from interleaf.values import Table
    from interleaf_training.example import SmallClassifier

    model = SmallClassifier()
    parameters = sum(p.numel() for p in model.module.parameters())
    found = interleaf.load("training.size")(model=model, log=Table({"tokens": [10, 30]}))
    assert found["n_params"].value == parameters and found["tokens"].value == 30
    assert found["flops"].value == 6 * parameters * 30
    assert interleaf.load("training.size")(model=model)["tokens"].value is None
