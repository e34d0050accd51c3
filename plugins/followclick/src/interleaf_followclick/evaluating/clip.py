"""Tem-Consis and Text-Align, by a CLIP of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize

from interleaf.errors import PluginMissing, WeightsMissing
from interleaf.interfaces import Measure
from interleaf_followclick.rendering import Pixels


@lru_cache(maxsize=1)
def read(folder: str | None) -> tuple[Any, Any]:
    """Model and processor of a folder as ``save_pretrained`` writes it."""
    if not folder or not (Path(folder) / "config.json").is_file():
        raise WeightsMissing("no CLIP was given", hint="--clip FOLDER, as transformers saves it")
    try:
        from transformers import CLIPModel, CLIPProcessor
    except ImportError as error:
        raise PluginMissing("CLIP needs transformers", hint="pip install transformers") from error
    options = {"local_files_only": True}
    return CLIPModel.from_pretrained(folder, **options).eval(), CLIPProcessor.from_pretrained(
        folder, **options
    )


@torch.no_grad()
def scored(
    clips: Sequence[Pixels], prompts: Sequence[str], folder: str | None, method: str
) -> list[Measure]:
    """Mean cosine of consecutive frames, and of the phrase and every frame."""
    model, processor = read(folder)
    steady, agrees = [], []
    for clip, prompt in zip(clips, prompts, strict=True):
        given = processor(text=[prompt], images=list(clip), return_tensors="pt", padding=True)
        found = model(**given)
        seen, said = normalize(found.image_embeds, dim=-1), normalize(found.text_embeds, dim=-1)
        steady.append(float((seen[1:] * seen[:-1]).sum(-1).mean()))
        agrees.append(float((seen @ said.T).mean()))
    settings = {"weights": f"clip:{Path(folder or '').name}", "version": "1"}
    return [
        Measure(
            name=n, group=method, value=sum(v) / len(v), direction="up", n=len(v), settings=settings
        )
        for n, v in (("tem_consis", steady), ("text_align", agrees))
    ]
