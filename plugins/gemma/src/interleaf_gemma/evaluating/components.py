"""Tasks and their comparison as Evaluators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.interfaces import Context, Evaluator, ModelHandle
from interleaf.interfaces.report import Measure, Report
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.evaluating.config import TasksConfig, WinsConfig
from interleaf_gemma.evaluating.tasks import read_tasks
from interleaf_gemma.evaluating.wins import compare, told

EXAMPLE = Path(__file__).with_name("example.yaml")


class Tasks(Evaluator):
    """A decoder on tasks of lm-eval-harness."""

    Config = TasksConfig

    def evaluate(self, model: ModelHandle | Decoder, ctx: Context | None = None) -> Report:
        """Each metric of each task, ``score`` of each (its first metric), and their mean.

        What cannot be measured is None with its reason. InvalidInput for files that are no tasks.
        """
        c, ctx = self.config, ctx or Context()
        if bool(c.tasks) == bool(c.suite):
            raise InvalidInput("give tasks or a suite", hint="suite: eighteen, or tasks: FILE")
        tasks = read_tasks(c.tasks or c.suite, Path(c.data) if c.data else None)
        decoder = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not isinstance(decoder, Decoder):
            raise InvalidInput("only a gemma.decoder can be measured here")
        try:
            from interleaf_gemma.evaluating.harness import Harness
            from interleaf_gemma.evaluating.measuring import measured
        except ImportError as error:
            hint = "pip install 'interleaf-gemma[eval]'"
            raise PluginMissing(f"tasks need {error.name}", hint=hint) from error
        harness = Harness(decoder.gemma.eval().to(ctx.device), decoder.tokenizer, c.batch)
        return measured(harness, tasks, c.limit, c.shots, ctx.seed)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        sizes: Any = {
            "layers": 1,
            "d_model": 16,
            "heads": 2,
            "head_dim": 8,
            "d_ff": 32,
            "context": 128,
        }
        inputs = {"model": Decoder(DecoderConfig(preset="tiny", **sizes))}
        configs = [TasksConfig(tasks=str(EXAMPLE)), TasksConfig(suite="safety", limit=1)]
        return {"configs": configs, "calls": {"evaluate": [inputs]}}


class Wins(Evaluator):
    """On how many tasks one model is better than another, as good, or worse."""

    Config = WinsConfig

    def evaluate(self, ours: Report, peer: Report) -> Report:
        """``wins``, ``ties`` and ``losses`` over the tasks measured for both; a table of all."""
        return told(compare(ours, peer, self.config.margin))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        rows = tuple(Measure(name="score", value=v, group=g) for v, g in ((0.5, "a"), (0.7, "b")))
        lower = tuple(Measure(name="score", value=v, group=g) for v, g in ((0.6, "a"), (0.2, "b")))
        inputs = {"ours": Report(rows), "peer": Report(lower)}
        return {"configs": [WinsConfig(), WinsConfig(margin=0.2)], "calls": {"evaluate": [inputs]}}
