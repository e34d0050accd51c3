"""Phrases as vectors: hashed pieces of words (needs nothing), or CLIP's text encoder from a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import torch
from torch import Tensor, nn

BUCKETS = 4096
WORDS = 8  # of a phrase; more are left out


class TextEncoder(Protocol):
    """Texts → [B, T, ``width``]."""

    width: int

    def __call__(self, texts: Sequence[str]) -> Tensor: ...


class HashNGram(nn.Module):
    """Every word is the sum of learnt vectors of its character n-grams (2 to 4), found by a hash, over the
    root of their number; no word is zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.pieces = nn.EmbeddingBag(BUCKETS, width, mode="sum", padding_idx=0)
        self.place = nn.Parameter(0.02 * torch.randn(WORDS, width))

    def forward(self, texts: Sequence[str]) -> Tensor:
        """[B, 8, width]; a text without words is all place."""
        rows = [hashed(t) for t in texts]
        flat = torch.tensor([i for row in rows for word in row for i in word])
        sizes = [len(word) for row in rows for word in row]
        starts = torch.tensor([0, *sizes]).cumsum(0)[:-1]
        device = self.place.device
        found: Tensor = self.pieces(flat.to(device), starts.to(device))
        found = found / torch.tensor(sizes, device=device)[:, None] ** 0.5
        return found.view(len(texts), WORDS, self.width) + self.place


def hashed(text: str) -> list[list[int]]:
    """For each of WORDS words its buckets; bucket 0 alone stands for no word."""
    words = re.findall(r"\w+", text.lower())[:WORDS]
    out = []
    for word in words:
        shown = f"<{word}>"
        grams = {shown[i : i + n] for n in (2, 3, 4) for i in range(len(shown) - n + 1)} | {shown}
        out.append(sorted(1 + crc32(g.encode()) % (BUCKETS - 1) for g in grams))
    return out + [[0]] * (WORDS - len(out))


class ClipText(nn.Module):
    """CLIP's text encoder and tokenizer, as Stable Diffusion folders hold them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from transformers import CLIPTextModel, CLIPTokenizer

        options = {"local_files_only": True}
        self.tokenizer: Any = CLIPTokenizer.from_pretrained(folder / "tokenizer", **options)
        model = CLIPTextModel.from_pretrained(folder / "text_encoder", **options)
        self.model = model.requires_grad_(False)
        self.width = model.config.hidden_size

    def forward(self, texts: Sequence[str]) -> Tensor:
        """[B, 77, width]."""
        ids = self.tokenizer(
            list(texts), padding="max_length", truncation=True, return_tensors="pt",
            max_length=self.model.config.max_position_embeddings,
        ).input_ids  # fmt: skip
        found: Tensor = self.model(ids.to(self.model.device))[0]
        return found
