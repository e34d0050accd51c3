"""What rounding costs in nats per token, beside GGUF's own rounding of the same weights.

    python plugins/gemma/bench/quality.py

Trained models: stories260K and the package's own. ggml's q8_0 and q4_0 are unpacked to float32 here (columns
that do not fill a block are padded), so that only the rounding of the weights counts for them; ours are
multiplied by the kernels, which round the activations too.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from gguf import GGMLQuantizationType, quants
from torch import Tensor
from torch.nn import functional as F

from interleaf_gemma.calibrating import quantise_by_texts
from interleaf_gemma.llama2c import Words
from interleaf_gemma.llama2c import load as load_llama2c
from interleaf_gemma.model import Gemma
from interleaf_gemma.quantising import quantise_model
from interleaf_gemma.tokenizer import Tokenizer

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "lm"
STORIES = Path(__file__).parents[1] / "src/interleaf_gemma/stories"
LAST = 200  # stories of the sample; those before are for calibration
WINDOWS = 64


def stories() -> list[str]:
    text = (DATA / "text/tinystories_sample_2MiB.txt").read_text("utf-8", errors="replace")
    return [story.strip() for story in text.split("<|endoftext|>")[:-1]]


@torch.inference_mode()
def loss(model: Gemma, texts: list[list[int]]) -> float:
    """Nats per token; every text begins with its own BOS."""
    total = count = 0.0
    for ids in texts:
        logits, _ = model(torch.tensor([ids[:-1]]))
        total += F.cross_entropy(logits[0].float(), torch.tensor(ids[1:]), reduction="sum").item()
        count += len(ids) - 1
    return total / count


def ggml(weight: Tensor, kind: GGMLQuantizationType) -> Tensor:
    """A weight as a GGUF file of that type keeps it."""
    padded = F.pad(weight.float(), (0, -weight.shape[1] % 32)).numpy()
    unpacked = quants.dequantize(quants.quantize(padded, kind), kind)
    return torch.from_numpy(unpacked)[:, : weight.shape[1]].to(weight.dtype)


def variants(make: Callable[[], Gemma], seen: Tensor) -> Iterator[tuple[str, Gemma]]:
    yield "as it is", make()
    for name in ("int8", "int4"):
        model = make()
        list(quantise_model(model, name))
        yield name, model
        model = make()
        list(quantise_by_texts(model, name, seen))
        yield f"{name} by texts", model
    for kind in (GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_0):
        model = make()
        with torch.no_grad():
            for weight in model.parameters():
                if weight.dim() > 1:
                    weight.copy_(ggml(weight, kind))
        yield f"ggml {kind.name.lower()}", model


def main() -> None:
    words = Words(DATA / "stories260K/tok512.bin")
    tokenizer = Tokenizer.load(STORIES / "tokenizer.model")
    sources = {
        "stories260K": (lambda: load_llama2c(DATA / "stories260K/stories260K.bin"), words.encode),
        "the package's own": (lambda: Gemma.load(STORIES, dtype="float32"), tokenizer.encode),
    }
    for name, (make, encode) in sources.items():
        ids = [encode(story)[:512] for story in stories()]
        seen, texts = [i for story in ids[:-LAST] for i in story][: WINDOWS * 512], ids[-LAST:]
        base = 0.0
        for variant, model in variants(make, torch.tensor(seen).reshape(-1, 512)):
            found = loss(model.eval(), texts)
            base = base or found
            print(
                f"{name:20}{variant:16}{found:8.4f} nats a token  {found - base:+.4f}", flush=True
            )


if __name__ == "__main__":
    main()
