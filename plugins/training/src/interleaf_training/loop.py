"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interleaf.errors import InterleafError
from interleaf.interfaces import Context, Schedule
from interleaf.pipeline.files import remove
from interleaf.values import Table
from interleaf_training import checkpoint as files
from interleaf_training.checkpoint import Checkpoint
from interleaf_training.config import Recipe
from interleaf_training.engine import Engine, started
from interleaf_training.knobs import OPTIMISER, Knobs
from interleaf_training.model import seeded
from interleaf_training.optimiser import (
    Average,
    Groups,
    adamw,
    gradients,
    mean_and_clip,
    steer,
)
from interleaf_training.progress import Pace
from interleaf_training.sources import Batch, Source, call, moved
from interleaf_training.spread import write_spread
from interleaf_training.state import buffers, parts, restore, set_tensor, trained, whole

Validate = Callable[[nn.Module, int], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished training: its log (one row every ``log_every`` steps), and its last checkpoint."""

    log: Table
    steps: int
    checkpoint: Path | None = None


def train(
    objective: nn.Module,
    source: Source,
    recipe: Recipe | None = None,
    *,
    values: Mapping[str, Schedule | float] | None = None,
    offset: int = 0,
    validate: Validate | None = None,
    groups: Groups | None = None,
    begin: Checkpoint | None = None,
    fresh_optimiser: bool = False,
    folder: Path | None = None,
    note: Callable[[int], Mapping[str, Any]] | None = None,
    ctx: Context | None = None,
) -> Outcome:
    """Train ``objective`` in place; the same call in the same folder continues where it stopped.

    ``objective.forward(*batch, **values)`` returns ``(loss sum, count)``. ``values`` are schedules
    or numbers by name: ``lr``, ``weight_decay`` and ``clip`` steer the optimiser, others go to the
    objective; step ``s`` reads them at ``offset + s``. ``validate(objective, step)`` gives columns
    of the log, every ``validate_every`` steps and at the end, on every process. ``begin`` sets
    weights, average and (unless ``fresh_optimiser``) the optimiser from a checkpoint. Checkpoints go
    to ``folder`` (default: ``ctx.resume``), each with ``note(step)``. InvalidInput for a checkpoint
    of another training; InterleafError, with the state before it kept, for a loss that is no number.
    """
    recipe, ctx = recipe or Recipe(), ctx or Context()
    given = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "clip": recipe.clip}
    knobs = Knobs({**given, **(values or {})}, offset)
    knobs.check(recipe.steps)
    root = folder or ctx.resume
    with started(recipe, ctx) as engine:
        run = _Run(objective, source, recipe, knobs, engine, ctx, root, validate, groups)
        run.note = note or run.note
        run.begin(begin, fresh_optimiser)
        return run.run()


@dataclass
class _Run:
    objective: nn.Module
    source: Source
    recipe: Recipe
    knobs: Knobs
    engine: Engine
    ctx: Context
    root: Path | None
    validate: Validate | None
    groups: Groups | None
    note: Callable[[int], Mapping[str, Any]] = lambda step: {}
    step: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    window: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def begin(self, start: Checkpoint | None, fresh_optimiser: bool) -> None:
        """Place the objective, and set it to the checkpoint to continue or to start from."""
        self.engine.parts(self.recipe, 0)
        self.live, self.placed = self.engine.place(self.objective)
        if self.recipe.compile:
            self.placed = torch.compile(self.placed, backend=self.recipe.compile)
        self.optimiser = adamw(self.live, self.recipe, self.groups)
        self.average = Average(trained(self.live), self.recipe.ema)
        self.identity = self._identity(start)
        self.saved, self.saved_at = -1, time.monotonic()
        found = files.find_checkpoint(self.root, self.ctx.monitor.notice) if self.root else None
        if found:
            files.same_training(found, self.identity)
            self.step, self.rows, self.window = found.step, found.rows, found.window
            self.saved = found.step
        state = found or start
        if state:
            fresh = fresh_optimiser and not found
            restore(state, self.live, None if fresh else self.optimiser, self.average)

    def _identity(self, start: Checkpoint | None) -> dict[str, Any]:
        """What decides the numbers: not how often is logged or saved, nor how a batch is split."""
        r = self.recipe
        return {
            "seed": self.ctx.seed, "data": self.source.fingerprint(), "batch": r.batch,
            "optimiser": [*r.betas, r.eps], "ema": r.ema, "values": self.knobs.described(),
            "precision": self.engine.precision,
            "parameters": {n: list(p.shape) for n, p in trained(self.live).items()},
            "begin": [start.step, start.mark] if start else None,
        }  # fmt: skip

    def run(self) -> Outcome:
        """All steps that are left."""
        pace = Pace(self.ctx.monitor, self.recipe.steps, self.recipe.batch)
        self.live.train()
        for batches in _ahead(self._batches, self.step, self.recipe.steps, self.recipe.workers):
            values = self.knobs.at(self.step)
            loss, count, norm = self._descend(batches, values)
            self.step += 1
            self.window = [self.window[0] + loss, self.window[1] + count]
            self._log(norm, values)
            self._save()
            if self.engine.chief:
                pace.tell(self.step, loss=loss / count, lr=values["lr"])
        self._finish()
        return Outcome(Table.from_rows(self.rows), self.step, self._last())

    def _batches(self, step: int) -> list[tuple[int, Batch]]:
        """This process's micro-batches of a step, each with its first sample."""
        return [(a, self.source.batch(a, b)) for a, b in self.engine.parts(self.recipe, step)]

    def _descend(
        self, batches: list[tuple[int, Batch]], values: Mapping[str, float]
    ) -> tuple[float, float, float]:
        """One optimiser step; loss sum and count over all processes, and the gradient's norm."""
        extra = {n: v for n, v in values.items() if n not in OPTIMISER}
        sums = [self._backward(i, batches, extra) for i in range(len(batches))]
        loss, count = self.engine.total(
            float(sum(s for s, _ in sums)), float(sum(n for _, n in sums))
        )
        # gradients are the mean over processes of sums over samples: W / count makes them a mean
        grads = gradients(self.live.parameters())
        norm = math.nan
        if math.isfinite(loss) and count > 0:
            norm = mean_and_clip(grads, self.engine.world / count, values["clip"])
        if not math.isfinite(norm):
            self._stop(loss, count, values)
        steer(self.optimiser, values)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update()
        return loss, count, norm

    def _backward(
        self, i: int, batches: list[tuple[int, Batch]], extra: Mapping[str, float]
    ) -> tuple[torch.Tensor, Any]:
        sample, batch = batches[i]
        self.engine.drawing(sample)
        batch = moved(batch, self.engine.device)
        with self.engine.around(self.placed, last=i == len(batches) - 1):
            with self.engine.autocast():
                loss, count = call(self.placed, batch, **extra)
            loss.backward()
        return loss.detach(), count

    def _stop(self, loss: float, count: float, values: Mapping[str, float]) -> None:
        """The loss or its gradient is no number: keep the state before this step, and say so."""
        self.optimiser.zero_grad(set_to_none=True)
        self._write()
        kept = self._last()
        first = self.step * self.recipe.batch
        told = f"a loss sum of {loss:g} over {count:g}" if count else "nothing counted"
        raise InterleafError(
            f"training stopped before step {self.step + 1}: {told} gives no finite gradient "
            f"(samples {first} to {first + self.recipe.batch - 1}, lr {values['lr']:g})",
            hint=(f"the state before it is kept in {kept}; " if kept else "")
            + "lower the learning rate, clip, or look at those samples",
        )

    def _log(self, norm: float, values: Mapping[str, float]) -> None:
        """A row of the log where one is due."""
        every, last = self.recipe.validate_every, self.step == self.recipe.steps
        checked = bool(self.validate) and (last or (every > 0 and self.step % every == 0))
        if not (last or checked or self.step % self.recipe.log_every == 0):
            return
        row: dict[str, Any] = {"step": self.step, "samples": self.step * self.recipe.batch}
        row |= {"loss": self.window[0] / self.window[1], "gradient_norm": norm, **values}
        self.window = [0.0, 0.0]
        self.rows.append({**row, **(self._validated() if checked else {})})

    def _validated(self) -> dict[str, float]:
        assert self.validate
        self.average.swap()
        self.live.eval()
        with torch.no_grad(), seeded(self.ctx.seed):
            found = dict(self.validate(self.live, self.step))
        self.live.train()
        self.average.swap()
        return found

    def _save(self) -> None:
        """Write a checkpoint where one is due; all processes decide alike."""
        r = self.recipe
        due = self.step in r.keep_at or (r.checkpoint_every and self.step % r.checkpoint_every == 0)
        late = r.checkpoint_seconds and time.monotonic() - self.saved_at > r.checkpoint_seconds
        if due or (self.root and self.engine.total(float(self.engine.chief and bool(late)))[0]):
            self._write()

    def _write(self) -> None:
        if self.root is None or self.saved == self.step:
            return
        found = parts(self.live, self.optimiser, self.average)
        spread = self.root / ".spread" if self.engine.spread else None
        if spread:
            self._write_spread(spread, found)
        if self.engine.chief:
            state = Checkpoint(
                self.step, self.identity, self.rows, self.window, self.note(self.step)
            )
            self.root.mkdir(parents=True, exist_ok=True)
            on_cpu = {n: {k: t.cpu() for k, t in part.items()} for n, part in found.items()}
            files.write_checkpoint(self.root, state, None if spread else on_cpu, spread)
            files.prune(self.root, self.recipe.keep, self.recipe.keep_at)
        self.engine.wait()
        self.saved, self.saved_at = self.step, time.monotonic()

    def _write_spread(self, folder: Path, found: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        if self.engine.chief:
            remove(folder)
            folder.mkdir(parents=True)
        self.engine.wait()
        write_spread(folder, found)
        self.engine.wait()

    def _last(self) -> Path | None:
        return files.place(self.root, self.saved) if self.root and self.saved >= 0 else None

    def _finish(self) -> None:
        """The last checkpoint; then the weights, averaged where asked for, become the objective's."""
        self._write()
        self.average.swap()
        if self.live is not self.objective:
            targets = {**trained(self.objective), **buffers(self.objective)}
            for name, tensor in parts(self.live, self.optimiser, self.average)["weights"].items():
                set_tensor(targets[name].detach(), whole(tensor))
        self.objective.eval()


def _ahead(
    make: Callable[[int], list[tuple[int, Batch]]], first: int, stop: int, workers: int
) -> Iterator[list[tuple[int, Batch]]]:
    """Batches in order; with workers, some are prepared in threads while a step computes."""
    if not workers:
        yield from (make(step) for step in range(first, stop))
        return
    with ThreadPoolExecutor(workers, "batches") as pool:
        waiting: dict[int, Future[list[tuple[int, Batch]]]] = {}
        for step in range(first, stop):
            for ahead in range(step, min(step + workers + 1, stop)):
                if ahead not in waiting:
                    waiting[ahead] = pool.submit(make, ahead)
            yield waiting.pop(step).result()
