"""How well a language model predicts texts: nats per token, bits per byte, perplexity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, ModelHandle, Report
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig, PerplexityConfig

RESAMPLES = 1000


class Perplexity(Evaluator):
    """Every token of every text predicted once, each text and each window behind one <bos>."""

    Config = PerplexityConfig

    def evaluate(
        self, model: ModelHandle | Decoder, documents: Iterable[Any], ctx: Context | None = None
    ) -> Report:
        """Measures with 95 % intervals from resampling whole documents."""
        ctx = ctx or Context()
        live = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not isinstance(live, Decoder):
            raise InvalidInput(f"a {type(live).__name__} is no gemma.decoder")
        rows = live.scored(documents, self.config.window, self.config.overlap, ctx)
        found = np.array(
            [rows.columns[n] for n in ("logprob", "tokens", "bytes")], dtype=np.float64
        )
        return Report(measures=tuple(_measures(found)))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        inputs = {
            "model": Decoder(DecoderConfig()),
            "documents": ["Tom had a dog.", "A cat sat. " * 30],
        }
        configs = [PerplexityConfig(), PerplexityConfig(window=16, overlap=4)]
        return {"configs": configs, "calls": {"evaluate": [inputs]}}


def _measures(found: np.ndarray[Any, Any]) -> list[Measure]:
    """Of rows (logprob, tokens, bytes) by document."""
    n = found.shape[1]
    draws = np.random.default_rng(0).integers(0, max(n, 1), (RESAMPLES, n)) if n > 1 else None
    sums = found.sum(1)
    spread = found[:, draws].sum(2) if draws is not None else None

    def measure(name: str, unit: str, f: Any, over: int) -> Measure:
        if not sums[over] > 0:
            return Measure(
                name=name, value=None, reason="the texts hold nothing to predict", unit=unit, n=n
            )
        interval = None
        if spread is not None:
            low, high = np.quantile(f(spread), (0.025, 0.975))
            interval = (float(low), float(high))
        value = float(f(sums))
        return Measure(name=name, value=value, unit=unit, direction="down", n=n, interval=interval)

    with np.errstate(divide="ignore", invalid="ignore"):
        return [
            measure("nats_per_token", "nats", lambda s: -s[0] / s[1], 1),
            measure("perplexity", "", lambda s: np.exp(-s[0] / s[1]), 1),
            measure("bits_per_byte", "bits", lambda s: -s[0] / s[2] / math.log(2), 2),
            Measure(name="tokens", value=float(sums[1]), n=n),
        ]
