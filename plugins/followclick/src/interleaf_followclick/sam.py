"""Clicks → mask by a SAM-class model in a folder of the user's, through transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interleaf.errors import InvalidInput, PluginMissing, WeightsMissing
from interleaf_followclick.canonical import Mask
from interleaf_followclick.rendering import Pixels
from interleaf_followclick.segmenting import Click

MODELS = {
    "sam": ("SamModel", "SamProcessor"),
    "sam2": ("Sam2Model", "Sam2Processor"),
    "sam2_video": ("Sam2Model", "Sam2Processor"),
    "sam_hq": ("SamHQModel", "SamHQProcessor"),
}


@dataclass(frozen=True)
class Sam:
    """A model and its processor."""

    model: Any
    processor: Any

    @classmethod
    def read(cls, folder: str | None) -> Sam:
        """From a folder as ``save_pretrained`` writes it; nothing is downloaded."""
        if not folder or not (Path(folder) / "config.json").is_file():
            raise WeightsMissing(
                f"{folder or 'weights'}: no SAM model is there (no config.json)",
                hint="save one with transformers and give its folder; nothing is downloaded",
            )
        return _read(str(Path(folder).resolve()))

    @torch.no_grad()
    def segment(
        self, photo: Pixels, include: Sequence[Click], exclude: Sequence[Click] = ()
    ) -> tuple[list[Mask], list[float]]:
        """Masks [H, W], best first, and the scores the model gives them."""
        points = [[[list(p) for p in (*include, *exclude)]]]
        labels = [[[1] * len(include) + [0] * len(exclude)]]
        given = self.processor(
            images=photo, input_points=points, input_labels=labels, return_tensors="pt"
        )
        if "original_sizes" not in given:
            given["original_sizes"] = torch.tensor([photo.shape[:2]])
        sizes = given["original_sizes"]
        reshaped = given.get("reshaped_input_sizes")
        found = self.model(
            **{
                k: v
                for k, v in given.items()
                if k not in ("original_sizes", "reshaped_input_sizes")
            },
            multimask_output=True,
        )
        extra = () if reshaped is None else (reshaped,)
        masks = self.processor.post_process_masks(found.pred_masks.cpu(), sizes, *extra)[0]
        scores = found.iou_scores.reshape(-1)
        order = torch.argsort(-scores).tolist()
        planes = np.asarray(masks).reshape(-1, *photo.shape[:2]) > 0
        return [planes[i] for i in order], [float(scores[i]) for i in order]


@lru_cache(maxsize=1)
def _read(folder: str) -> Sam:
    try:
        import transformers
    except ImportError as error:
        hint = "pip install 'interleaf-followclick[sam]'"
        raise PluginMissing("SAM needs transformers", hint=hint) from error
    kind = json.loads((Path(folder) / "config.json").read_text("utf-8")).get("model_type", "")
    if kind not in MODELS:
        raise InvalidInput(
            f"{folder} holds a model of type '{kind}'", hint=f"known: {', '.join(MODELS)}"
        )
    model, processor = (getattr(transformers, name) for name in MODELS[kind])
    options = {"local_files_only": True}
    return Sam(
        model.from_pretrained(folder, **options).eval(),
        processor.from_pretrained(folder, **options),
    )
