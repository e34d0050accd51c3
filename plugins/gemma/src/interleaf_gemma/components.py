"""The decoder as a Model: it continues texts, scores them, answers, and can be trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context
from interleaf.values import Table, Tokens
from interleaf_gemma import checkpoints, shipped
from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.chat import conversation, ends, masked
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.evaluating.scores import scores, windows
from interleaf_gemma.loss import NextToken
from interleaf_gemma.model import Gemma
from interleaf_gemma.text import Prose, continued
from interleaf_gemma.tokenizer import Tokenizer
from interleaf_training.model import TorchModel

FILES = {"config.json", "model.safetensors", "tokenizer.model"}
SIZES = ("vocab_size", "d_model", "layers", "heads", "kv_heads", "head_dim", "d_ff", "context")
IGNORED = -100


class Decoder(TorchModel):
    """A Gemma and its tokenizer."""

    Config = DecoderConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._tokenizer: Tokenizer | None = None

    def build(self) -> Gemma:
        """The model of the configuration: read, or drawn from torch's generator."""
        c = self.config
        if not c.preset:
            given = [n for n in SIZES if getattr(c, n)]
            given += ["width"] if c.width != 1.0 else []
            if given:
                raise InvalidInput(
                    f"{', '.join(given)} are those of the weights", hint="or name a preset"
                )
            path = Path(c.weights or shipped.FOLDER)
            return checkpoints.load(Gemma, path, c.dtype or "float32", precision=c.precision)
        if c.weights:
            raise InvalidInput(
                "weights and a preset were both given", hint="a preset begins untrained"
            )
        model = Gemma(self._sizes())
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        model.reset_parameters(generator)
        return model.to(getattr(torch, c.dtype or "float32"))

    def _sizes(self) -> GemmaConfig:
        c, size = (
            self.config,
            {n: getattr(self.config, n) for n in SIZES if getattr(self.config, n)},
        )
        try:
            config = GemmaConfig.preset(c.preset, **size, precision=c.precision).wider(c.width)
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        if len(self.tokenizer) > config.vocab_size:
            raise InvalidInput(
                f"the tokenizer has {len(self.tokenizer):,} pieces, vocab_size is {config.vocab_size:,}"
            )
        return config.with_(tokenizer_size=len(self.tokenizer))

    @property
    def gemma(self) -> Gemma:
        """The live model, set to the configured precision."""
        found = self.module
        assert isinstance(found, Gemma)
        return found

    @property
    def tokenizer(self) -> Tokenizer:
        """The one named, else that beside the weights, else the package's."""
        if self._tokenizer is None:
            self._tokenizer = Tokenizer.load(self._tokenizer_file())
        return self._tokenizer

    @property
    def tokenizer_id(self) -> str:
        """The identity of its vocabulary; tokens of another are refused."""
        return self.tokenizer.name

    def _tokenizer_file(self) -> Path:
        c = self.config
        if c.tokenizer or not c.weights:
            return Path(c.tokenizer or shipped.TOKENIZER)
        weights = Path(c.weights)
        return Tokenizer.beside(weights) or (weights if weights.is_dir() else weights.parent)

    def objective(self) -> nn.Module:
        """Cross-entropy of the next token, the logits a part at a time."""
        return NextToken(self.gemma)

    def collate(self, items: Sequence[Any]) -> tuple[torch.Tensor, ...]:
        """Texts, tokens or conversations as ids [B, T + 1] and which of them are predicted.

        In a conversation those that the model says are; in tokens and texts, all behind the first.
        """
        rows = [self._row(item) for item in items]
        longest = max(len(ids) for ids, _ in rows)
        pad = self.gemma.config.pad
        ids = [[*ids, *[pad] * (longest - len(ids))] for ids, _ in rows]
        counted = [[*own, *[False] * (longest - len(own))] for _, own in rows]
        return torch.tensor(ids), torch.tensor(counted)

    def _row(self, item: Any) -> tuple[list[int], list[bool]]:
        most = self.gemma.config.context + 1
        if isinstance(item, Sequence) and not isinstance(item, str):
            ids, own = masked(item, self.tokenizer)
        else:
            ids = self.ids(item)
            ids = [*ids, self.tokenizer.eos] if isinstance(item, str) else ids
            own = [True] * len(ids)
        if len(ids) < 2:
            raise InvalidInput(
                "a sample holds less than two tokens, and there is nothing to predict"
            )
        return ids[:most], own[:most]

    def ids(self, item: Any) -> list[int]:
        """The ids of a text, behind <bos>; those of tokens as they are."""
        if isinstance(item, str):
            return self.tokenizer.encode(item)
        if not isinstance(item, Tokens):
            raise InvalidInput(
                f"a {type(item).__name__} is neither text, tokens nor a conversation"
            )
        if item.tokenizer and item.tokenizer != self.tokenizer.name:
            raise InvalidInput(
                f"the tokens are of {item.tokenizer}, this model's of {self.tokenizer.name}",
                hint="make them with the model's tokenizer",
            )
        found: list[int] = item.ids.tolist()
        bad = next((i for i in found if i >= self.gemma.config.vocab_size), None)
        if bad is not None:
            raise InvalidInput(f"the tokens hold the id {bad}, of {self.gemma.config.vocab_size:,}")
        return found

    def apply(self, text: str, ctx: Context | None = None) -> Tokens:
        """A text as the model's tokens."""
        import numpy as np

        return Tokens(np.array(self.tokenizer.encode(text), dtype=np.uint32), self.tokenizer.name)

    def generate(
        self,
        text: str | None = None,
        prompt: str = "Once upon a time",
        max_new_tokens: int = 200,
        temperature: float = 0.8,
        top_k: int = 64,
        top_p: float = 0.95,
        stop: Sequence[str] = (),
        ctx: Context | None = None,
    ) -> str:
        """The ``text`` (by default the ``prompt``) and its continuation."""
        ctx = ctx or Context()
        said = prompt if text is None else text
        prose = Prose(max_new_tokens, temperature, top_k, top_p, tuple(stop), ctx.seed)
        model = self._placed(ctx)
        return said + continued(model, self.tokenizer, [self.tokenizer.encode(said)], prose)[0].text

    def logprobs(self, sequences: Iterable[Any], ctx: Context | None = None) -> Table:
        """For each text or Tokens: log-probability in nats, tokens predicted, bytes of text.

        Longer ones than the context are cut into windows that each begin with <bos>, every token
        being predicted once.
        """
        return self.scored(sequences, ctx=ctx)

    def scored(
        self,
        sequences: Iterable[Any],
        window: int = 0,
        overlap: int = 1,
        ctx: Context | None = None,
    ) -> Table:
        """``logprobs`` in windows of at most ``window`` tokens (0: the context), ``overlap`` shown again."""
        ctx = ctx or Context()
        model, tokenizer = self._placed(ctx), self.tokenizer
        width = min(window or model.config.context, model.config.context)
        rows = []
        for item in sequences:
            ids = self.ids(item)
            ids = ids[1:] if ids[:1] == [tokenizer.bos] else ids
            pairs = list(windows(ids, tokenizer.bos, width, min(overlap, width // 2)))
            found = [s.total for s in scores(model, pairs, batch=1)]
            text = item if isinstance(item, str) else tokenizer.raw(ids)
            size = len(text.encode()) if isinstance(text, str) else len(text)
            rows.append({"logprob": sum(found), "tokens": len(ids), "bytes": size})
            ctx.monitor.progress(len(rows))
        return Table({n: [r[n] for r in rows] for n in ("logprob", "tokens", "bytes")})

    def reply(
        self,
        conversations: Sequence[Any],
        schema: Mapping[str, Any] | None = None,
        max_new_tokens: int = 256,
        temperature: float = 0.8,
        top_k: int = 64,
        top_p: float = 0.95,
        system: str = "prepend",
        ctx: Context | None = None,
    ) -> list[dict[str, Any]]:
        """A reply to each conversation: ``role``, ``content``, ``finish`` (stop, length) and ``usage``.

        With a JSON ``schema`` the content is a JSON text that conforms to it, whatever the weights say.
        Raises RoleOrder for turns that the template forbids, InvalidInput for a schema that is none.
        """
        from interleaf_gemma.constraint import Schema

        ctx = ctx or Context()
        model, tokenizer = self._placed(ctx), self.tokenizer
        prompts = [conversation(turns, tokenizer, system) for turns in conversations]  # type: ignore[arg-type]
        prose = Prose(max_new_tokens, temperature, top_k, top_p, (), ctx.seed)
        held = Schema(schema, tokenizer, model.config.vocab_size) if schema else None
        constraints = [held.constraint(max_new_tokens) for _ in prompts] if held else None
        found = continued(model, tokenizer, prompts, prose, ends(tokenizer), constraints)
        return [
            {
                "role": "model",
                "content": said.text.strip(),
                "finish": said.finish,
                "usage": {"prompt_tokens": len(prompt), "completion_tokens": said.tokens},
            }
            for said, prompt in zip(found, prompts, strict=True)
        ]

    def _placed(self, ctx: Context) -> Gemma:
        model = self.gemma.eval()
        return model if model.device == torch.device(ctx.device) else model.to(ctx.device)

    def save(self, folder: Path) -> None:
        """A Hugging Face folder with its tokenizer."""
        self.gemma.save(folder)
        (folder / "tokenizer.model").write_bytes(self.tokenizer.data)

    def load(self, folder: Path) -> None:
        """What ``save`` wrote; CorruptData for anything else."""
        names = {f.name for f in folder.iterdir()}
        if names != FILES and not any("-of-" in n for n in names):
            raise CorruptData(
                f"{folder} holds {sorted(names)}", hint=f"expected {', '.join(sorted(FILES))}"
            )
        self._tokenizer = Tokenizer.load(folder)
        self._module = Gemma.load(folder)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        sizes: dict[str, Any] = {"layers": 1, "d_model": 16, "heads": 2, "head_dim": 8, "d_ff": 32}
        configs = [DecoderConfig(), DecoderConfig(preset="tiny", context=64, **sizes)]
        asked = [[{"role": "user", "content": "Tell me a story."}]]
        schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
        short = {"max_new_tokens": 8}
        return {
            "configs": configs,
            "calls": {
                "apply": [{"text": "Tom had a dog."}, {"text": ""}],
                "generate": [
                    {"prompt": "Tom had", **short},
                    {"prompt": "", "temperature": 0.0, **short},
                ],
                "logprobs": [{"sequences": ["Tom had a dog.", "", "One day, a " * 20]}],
                "reply": [
                    {"conversations": asked, **short},
                    {"conversations": asked * 2, "schema": schema, "max_new_tokens": 20},
                ],
            },
        }
