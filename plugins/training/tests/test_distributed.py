"""Two processes (gloo) train as one does: same samples, same curve, same weights up to rounding.

Tolerance: 1e-4 of each loss and weight after 12 steps, for sums are taken in another order.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from interleaf_training import Recipe
from interleaf_training.engine import Engine

SCRIPT = """
import json, os, sys
from hashlib import blake2b
from pathlib import Path
import torch
from interleaf.interfaces import Context
from interleaf_training import DatasetSource, Recipe, own_copy, train
from interleaf_training.example import Dots, SmallClassifier

class Plain(SmallClassifier):
    def build(self):
        layers = [m for m in super().build() if not isinstance(m, torch.nn.Dropout)]
        return Blocks(layers)

class Blocks(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.blocks = torch.nn.ModuleList(layers)
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x

class Watched(DatasetSource):
    seen = {}
    def batch(self, first, stop):
        for i in range(first, stop):
            self.seen[i] = blake2b(super().batch(i, i + 1)[0].numpy().tobytes()).hexdigest()
        return super().batch(first, stop)

out, recipe = Path(sys.argv[1]), Recipe(**json.loads(sys.argv[2]))
model = own_copy(Plain(), 0)
source = Watched(Dots(), model.collate, 3)
done = train(model.objective(), source, recipe, folder=out / "resume", ctx=Context(seed=5, threads=1))
rank = os.environ.get("RANK", "0")
(out / f"seen-{rank}.json").write_text(json.dumps(source.seen))
if rank == "0":
    model.save(out)
    (out / "log.json").write_text(json.dumps(done.log.rows))
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
"""
BASE = {"steps": 12, "batch": 12, "lr": 1e-2, "log_every": 1, "ema": 0.8, "checkpoint_every": 5}


def trained(folder: Path, processes: int, **more: Any) -> tuple[list[Any], Any, dict[str, str]]:
    """Log, weights and digests of the samples of a training in so many processes."""
    folder.mkdir(exist_ok=True)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    run = ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    start = [*run, f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *start, str(script), str(folder), json.dumps({**BASE, **more})]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, str] = {}
    for file in folder.glob("seen-*.json"):
        part = json.loads(file.read_text())
        assert not seen.keys() & part.keys(), "a sample was used twice"
        seen |= part
    log = json.loads((folder / "log.json").read_text())
    return log, load_file(folder / "weights.safetensors"), seen


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return trained(tmp_path_factory.mktemp("alone"), 1)


def close(first: Any, second: Any) -> None:
    for a, b in zip(first[0], second[0], strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)
        assert a["gradient_norm"] == pytest.approx(b["gradient_norm"], rel=1e-3)
    for name, tensor in first[1].items():
        assert torch.allclose(tensor, second[1][name], rtol=1e-4, atol=1e-4), name


@pytest.mark.parametrize("more", [{"micro": 4}, {"shard": True}], ids=["ddp", "fsdp2"])
def test_two_processes_are_as_one(alone: Any, tmp_path: Path, more: dict[str, Any]) -> None:
    found = trained(tmp_path, 2, **more)
    close(found, alone)
    assert found[2] == alone[2], "other samples"


def test_a_checkpoint_moves_between_numbers_of_processes(alone: Any, tmp_path: Path) -> None:
    """Five steps with FSDP2 on two processes, the rest on one."""
    trained(tmp_path, 2, shard=True, steps=5)
    log, weights, _ = trained(tmp_path, 1)
    close((log, weights), alone)


class Pretended(Engine):
    """One of ``world`` processes."""

    def __init__(self, rank: int, world: int) -> None:
        self._rank, self._world = rank, world

    rank = property(lambda self: self._rank)
    world = property(lambda self: self._world)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    world=st.integers(1, 6),
    share=st.integers(1, 9),
    micro=st.integers(0, 9),
    step=st.integers(0, 99),
)
def test_every_sample_of_a_step_is_used_once(world: int, share: int, micro: int, step: int) -> None:
    recipe = Recipe(batch=world * share, micro=micro)
    parts = [Pretended(rank, world).parts(recipe, step) for rank in range(world)]
    used = [i for part in parts for first, stop in part for i in range(first, stop)]
    assert sorted(used) == list(range(step * recipe.batch, (step + 1) * recipe.batch))
    assert len({len(part) for part in parts}) == 1
    assert all(stop - first <= (micro or share) for part in parts for first, stop in part)
