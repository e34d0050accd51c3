"""CLIP scores (Radford et al. 2021; Hessel et al. 2021): a picture and words, a picture and the next.

The model is a folder of the user's in the layout of transformers; nothing is downloaded. There is no one
CLIP, so that every number carries the sha256 of the weights it came from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interleaf.errors import CorruptData, WeightsMissing
from interleaf.interfaces import Measure
from interleaf.weights import sha256_of
from interleaf_media.composites import eight
from interleaf_media.extras import need
from interleaf_media.fidelity import Samples
from interleaf_media.measures import backend_name
from interleaf_media.perceptual import color
from interleaf_media.series import Series

Vector = NDArray[np.float64]
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


class ClipModel:
    """Unit vectors of pictures and texts."""

    def __init__(self, folder: str, random: int | None) -> None:
        """``folder`` of a saved CLIP, or the seed of a small untrained one, whose words are bytes."""
        if random is not None:
            self.weights, self.model = f"random:seed={random}", _untrained(random)
            self.processor = need("transformers", "clip").CLIPImageProcessor()
            self.words = _bytes
            return
        self.weights, self.model = _saved(folder)
        self.processor, self.words = _readers(folder)

    def picture(self, picture: Samples) -> Vector:
        """Of a picture [H, W, C]."""
        torch = need("torch", "clip")
        given = self.processor(images=color(eight(picture)), return_tensors="pt")
        with torch.inference_mode():
            seen = self.model.vision_model(pixel_values=given["pixel_values"]).pooler_output
            return _unit(self.model.visual_projection(seen))

    def text(self, text: str) -> Vector:
        """Of a text; what is longer than the model's context is cut."""
        torch = need("torch", "clip")
        with torch.inference_mode():
            read = self.model.text_model(**self.words(text)).pooler_output
            return _unit(self.model.text_projection(read))


def _unit(batch: Any) -> Vector:
    vector: Vector = batch[0].double().numpy()
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _saved(folder: str) -> tuple[str, Any]:
    transformers = need("transformers", "clip")
    place = Path(folder).expanduser()
    if not folder or not (place / "config.json").is_file():
        raise WeightsMissing(
            "CLIP scores need a CLIP model" + (f"; {place} holds no config.json" if folder else ""),
            hint="clip: a folder as CLIPModel.save_pretrained writes it, with its tokenizer and image "
            "processor; nothing is downloaded",
        )
    try:
        model, told = transformers.CLIPModel.from_pretrained(
            place, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # readers of foreign files raise whatever they like
        raise CorruptData(
            f"{place}: cannot be read as CLIP ({type(error).__name__}: {error})"
        ) from error
    wrong = sorted(told["missing_keys"]) + sorted(map(str, told["mismatched_keys"]))
    if wrong:
        raise CorruptData(f"{place}: lacks {wrong[0]}, {len(wrong)} tensors in all")
    files = sorted(f for pattern in WEIGHTS for f in place.glob(pattern))
    digest = hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
    return f"{place.resolve().name}:sha256:{digest[:12]}", model.eval()


def _readers(folder: str) -> tuple[Any, Any]:
    """What turns pictures and texts into the model's input."""
    transformers, place = need("transformers", "clip"), Path(folder).expanduser()
    try:
        if not any((place / name).is_file() for name in ("tokenizer.json", "vocab.json")):
            raise FileNotFoundError("vocab.json")  # transformers would make one up
        processor = transformers.CLIPImageProcessor.from_pretrained(place, local_files_only=True)
        tokenizer = transformers.CLIPTokenizer.from_pretrained(place, local_files_only=True)
    except Exception as error:
        raise CorruptData(
            f"{place}: lacks its image processor or tokenizer ({type(error).__name__})",
            hint="preprocessor_config.json, and tokenizer.json or vocab.json with merges.txt",
        ) from error
    return processor, lambda text: tokenizer(text, return_tensors="pt", truncation=True)


BEGIN, END = 256, 257


def _untrained(seed: int) -> Any:
    torch, transformers = need("torch", "clip"), need("transformers", "clip")
    small = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    text = {
        **small,
        "vocab_size": END + 1,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        "pad_token_id": END,
    }
    config = transformers.CLIPConfig(text_config=text, vision_config=small, projection_dim=32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.CLIPModel(config).eval()


def _bytes(text: str) -> dict[str, Any]:
    ids = [BEGIN, *text.encode()[:75], END]
    return {"input_ids": need("torch", "clip").tensor([ids])}


@lru_cache(maxsize=2)
def load_clip(folder: str, random: int | None = None) -> ClipModel:
    """The same, made once per process."""
    return ClipModel(folder, random)


@dataclass(slots=True)
class ClipStream:
    """``clip_text``: cosine of each frame with the ``prompt``; ``clip_temporal``: with the frame after."""

    name: Literal["clip_text", "clip_temporal"]
    model: ClipModel
    prompt: str = ""
    series: Series = field(default_factory=Series)
    first: Vector | None = None
    last: Vector | None = None
    words: Vector | None = None

    def update(self, subject: Samples, reference: Any = None, mask: Any = None) -> None:
        """One frame; neither an original nor a mask is looked at."""
        if self.name == "clip_text" and not self.prompt:
            return
        now = self.model.picture(subject)
        if self.name == "clip_text":
            self.words = self.model.text(self.prompt) if self.words is None else self.words
            self.series.add(float(now @ self.words))
            return
        if self.last is not None:
            self.series.add(float(now @ self.last))
        self.first, self.last = now if self.first is None else self.first, now

    def merge(self, later: ClipStream) -> ClipStream:
        """Both parts, and the step between them."""
        values = list(self.series.values)
        if self.last is not None and later.first is not None:
            values.append(float(self.last @ later.first))
        whole = ClipStream(
            self.name, self.model, self.prompt, Series([*values, *later.series.values])
        )
        whole.first = later.first if self.first is None else self.first
        whole.last = self.last if later.last is None else later.last
        return whole

    def measures(self) -> list[Measure]:
        """The mean over frames, or over their steps."""
        value, reason = self.series.mean()
        if self.name == "clip_text" and not self.prompt:
            reason = "there is no prompt"
        elif self.name == "clip_temporal" and not self.series.values:
            reason = "two frames are needed"
        settings = {
            "backend": backend_name("transformers"), "weights": self.model.weights, "version": "1",
            "range": "-1..1", "resize": "the model's own", **({"prompt": self.prompt} if self.prompt else {}),
        }  # fmt: skip
        random = self.model.weights.startswith("random:")
        return [Measure(
            name=self.name + ("@random" if random else ""), value=value, reason=reason, direction="up",
            n=max(len(self.series.finite), 1), interval=self.series.interval(), settings=settings,
        )]  # fmt: skip
