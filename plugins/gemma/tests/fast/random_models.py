"""Random models whose logits depend on everything, and what they compute."""

import torch

from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.cache import KVCache
from interleaf_gemma.model import Gemma
from interleaf_gemma.quantised import Quantised
from interleaf_gemma.quantising import quantise_model

SIZES = {"vocab_size": 211, "d_model": 72, "layers": 3, "heads": 4, "head_dim": 48, "d_ff": 150}


def model(dtype=torch.float32, quant=None, spread=4.0, **changes):
    """A random model whose logits depend on everything."""
    made = Gemma(GemmaConfig(**{**SIZES, "kv_heads": 2, **changes})).eval()
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=random)) if p.dim() == 1 else p.mul_(spread)
    made = made.to(dtype)
    if quant:
        list(quantise_model(made, quant))
    return made.requires_grad_(False)


def whole(made):
    """The same with its weights unpacked, in float32."""
    copy = Gemma(made.config).eval()
    copy.load_state_dict(
        {
            n: (p.whole() if isinstance(p, Quantised) else p).float()
            for n, p in made.named_parameters()
        }
    )
    return copy


def logits(made, decode, prompts=((2, 5, 9, 44, 17),), steps=6):
    """Of some tokens decoded after the prompts."""
    cache = KVCache(made.config, len(prompts), 8, made.dtype)
    with torch.inference_mode():
        made.model(torch.tensor(prompts), cache=cache)
        return torch.stack(
            [decode([3 + 7 * n + r for r in range(len(prompts))], cache) for n in range(steps)]
        )
