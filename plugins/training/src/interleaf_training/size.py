"""``training.size``: how large a model is, and how much it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, ModelHandle, Report
from interleaf.values import Table
from interleaf_training.model import TorchModel, own_copy


class Size(Evaluator):
    """Parameters of a torch model, and tokens and FLOPs of its training."""

    def evaluate(
        self, model: ModelHandle | TorchModel, log: Table | None = None, ctx: Context | None = None
    ) -> Report:
        """``n_params``: all that are trained, those that are shared once. With a ``log`` of a trainer
        that counts them, ``tokens`` and ``flops`` = 6 · n_params · tokens (arXiv 2001.08361)."""
        live = model.load(ctx) if isinstance(model, ModelHandle) and model.folder else model
        if isinstance(live, ModelHandle):
            live = own_copy(live, 0)
        if not isinstance(live, TorchModel):
            raise InvalidInput(f"{type(live).__name__} is no torch model")
        n = float(sum(p.numel() for p in live.module.parameters()))
        counted = [t for t in (log.columns.get("tokens", ()) if log else ()) if t is not None]
        tokens = float(max(counted)) if counted else None
        absent = "" if counted else "no log that counts tokens was given"
        return Report((
            Measure(name="n_params", value=n),
            Measure(name="tokens", value=tokens, reason=absent),
            Measure(name="flops", value=6 * n * tokens if tokens else None, reason=absent),
        ))  # fmt: skip

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.interfaces.component import NoConfig
        from interleaf_training.example import SmallClassifier

        model, log = SmallClassifier(), Table({"step": [1, 2], "tokens": [64, 128]})
        calls = [{"model": model, "log": log}, {"model": model}]
        return {"configs": [NoConfig()], "calls": {"evaluate": calls}}
