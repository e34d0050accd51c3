"""What the tests share: the data beside the checkout, models of transformers, the package's model."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from interleaf_gemma import Gemma, GemmaConfig

SHAPES = {  # heads × head_dim ≠ d_model in all but the second
    "mqa": {"hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16},
    "gqa": {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
    "mha": {"hidden_size": 40, "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 24},
}


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder ``lm`` of the test data; its tests skip without it."""
    root = Path(os.environ.get("INTERLEAF_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not (root / "lm").is_dir():
        pytest.skip(f"needs the test data (INTERLEAF_DATA): {root / 'lm'} is not there")
    return root / "lm"


def hf_model(shape: str, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """A random Gemma of transformers, norms not at identity, spread enough to write varied texts."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GemmaConfig(
        **SHAPES[shape], vocab_size=300, num_hidden_layers=2, intermediate_size=96,
        max_position_embeddings=2048, attn_implementation="eager", **changes,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = transformers.GemmaForCausalLM(config).eval()
        for name, p in model.named_parameters():
            with torch.no_grad():
                p.normal_(0, 0.3 if "norm" in name else 0.15)
    return model.to(dtype)


@pytest.fixture(scope="session")
def theirs_of() -> Any:
    """``hf_model``, for tests that make their own."""
    return hf_model


@pytest.fixture(params=list(SHAPES))
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Gemma]:
    """A model of transformers, and ours read from what it saved."""
    theirs = hf_model(request.param)
    theirs.save_pretrained(tmp_path / "hf")
    return theirs, Gemma.load(tmp_path / "hf")


@pytest.fixture
def small() -> Gemma:
    """A small random model whose texts vary."""
    return varied(
        GemmaConfig.preset("tiny", vocab_size=400, layers=2, d_model=32, heads=2, context=96)
    )


def varied(config: GemmaConfig) -> Gemma:
    """Random weights spread enough that ids do not repeat."""
    model = Gemma(config).eval()
    generator = torch.Generator().manual_seed(5)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.15, generator=generator)
    return model
