"""Checkpoints and tokenizers of llama2.c, to prove the engine on other weights that were really trained."""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from interleaf.errors import CorruptData
from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.model import Gemma

NAMES = (  # in the file's order, each stacked over layers
    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj",
)  # fmt: skip


def load(path: Path) -> Gemma:
    """A model with Llama 2's block; CorruptData for a file of another length."""
    data = path.read_bytes()
    head = struct.unpack("<7i", data[:28]) if len(data) >= 28 else (0,) * 7
    d_model, d_ff, layers, heads, kv_heads, vocabulary, context = head
    if not (min(d_model, d_ff, layers, heads, kv_heads, context) > 0 and vocabulary > 0):
        raise CorruptData(f"{path} is no llama2.c checkpoint with a tied head: {head}")
    config = GemmaConfig.preset(
        "llama2", d_model=d_model, d_ff=d_ff, layers=layers, heads=heads, kv_heads=kv_heads,
        head_dim=d_model // heads, vocab_size=vocabulary, context=context,
    )  # fmt: skip
    model = Gemma(config)
    numbers = np.frombuffer(data, "<f4", offset=28)
    rotations = context * config.head_dim  # real and imaginary, recomputed here
    if len(numbers) != sum(p.numel() for p in model.parameters()) + rotations:
        raise CorruptData(f"{path} holds {len(numbers):,} numbers, which is not what its sizes say")
    rest = iter(np.split(numbers, _ends(model, layers)))
    state = {"model.embed_tokens.weight": torch.tensor(next(rest)).reshape(vocabulary, d_model)}
    shapes = model.state_dict()
    for name in NAMES:
        for n, part in enumerate(np.split(next(rest), layers)):
            full = f"model.layers.{n}.{name}.weight"
            state[full] = torch.tensor(part).reshape(shapes[full].shape)
    state["model.norm.weight"] = torch.tensor(next(rest))
    model.load_state_dict(state)
    return model.eval()


def _ends(model: Gemma, layers: int) -> list[int]:
    shapes = model.state_dict()
    sizes = [shapes["model.embed_tokens.weight"].numel()]
    sizes += [layers * shapes[f"model.layers.0.{name}.weight"].numel() for name in NAMES]
    return np.cumsum([*sizes, shapes["model.norm.weight"].numel()]).tolist()


class Words:
    """The tokenizer: a leading space, characters or their bytes, then always the best pair is merged.

    No piece has a space behind its first character, so that words are merged apart.
    """

    bos, eos = 1, 2

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.pieces: list[bytes] = []
        self.scores: list[float] = []
        place = 4
        while place < len(data):
            score, length = struct.unpack_from("<fi", data, place)
            place += 8
            self.pieces.append(data[place : place + length])
            self.scores.append(score)
            place += length
        self.ids = {piece: n for n, piece in enumerate(self.pieces)}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """Ids behind <bos>."""
        words = re.split("(?= )", f" {text}") if text else []
        return [self.bos, *(i for word in words for i in self._word(word))]

    def _word(self, word: str) -> list[int]:
        if word not in self._known:
            self._known[word] = self._merged(word)
        return self._known[word]

    def _merged(self, word: str) -> list[int]:
        ids: list[int] = []
        for data in (character.encode() for character in word):
            ids += [self.ids[data]] if data in self.ids else [b + 3 for b in data]
        while merges := [
            (-self.scores[m], at, m)
            for at, (a, b) in enumerate(pairwise(ids))
            if (m := self.ids.get(self.pieces[a] + self.pieces[b])) is not None
        ]:
            _, at, merged = min(merges)
            ids[at : at + 2] = [merged]
        return ids

    def decode(self, ids: list[int]) -> str:
        """The text of ids that follow <bos>."""
        data = b"".join(self._bytes(i) for i in ids)
        return data.removeprefix(b" ").decode("utf-8", errors="replace")

    def _bytes(self, i: int) -> bytes:
        return bytes([i - 3]) if 3 <= i < 259 else self.pieces[i] if i > 2 else b""
