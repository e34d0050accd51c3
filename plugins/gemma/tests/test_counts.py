"""The paper's four parameter counts, on the meta device."""

import subprocess
import sys

import pytest
import torch

from interleaf_gemma import Gemma, GemmaConfig
from interleaf_gemma.converting import counted


@pytest.mark.parametrize(
    ("preset", "embedding", "others", "total"),
    [
        ("2b", 524_550_144, 1_981_884_416, 2_506_172_416),
        ("7b", 786_825_216, 7_751_248_896, 8_537_680_896),
    ],
)
def test_the_papers_counts(preset: str, embedding: int, others: int, total: int) -> None:
    assert counted(preset, 256_128)["embedding"] == embedding
    found = counted(preset)
    assert found["non_embedding"] == others
    assert found["total"] == total
    assert {"2b": 18_432, "7b": 458_752}[preset] == found["cache_bytes_per_token"]


def test_counting_allots_nothing() -> None:
    code = (
        "import resource, torch, interleaf_gemma.converting as c\n"
        "m = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = m(); c.counted('7b'); print((m() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100  # MiB


def test_the_meta_device_is_kept() -> None:
    with torch.device("meta"):
        model = Gemma(GemmaConfig.preset("tiny"))
    assert all(p.is_meta for p in model.parameters())
    assert not list(model.buffers())


def test_a_new_model_leaves_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    first, second = Gemma(GemmaConfig.preset("tiny")), Gemma(GemmaConfig.preset("tiny"))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert (first.model.norm.weight == 0).all()


@pytest.mark.parametrize("changes", [{"heads": 3, "kv_heads": 2}, {"head_dim": 5}, {"layers": 0}])
def test_sizes_that_cannot_be(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"heads|head_dim|layers"):
        GemmaConfig.preset("2b", **changes)


def test_a_model_is_made_without_torchs_compiler() -> None:
    """Importing it takes seconds and 150 MB."""
    code = (
        "import sys, interleaf_gemma as g, interleaf_gemma.shipped as s\n"
        "g.Gemma.load(s.FOLDER).generate([2, 300], 2); assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_width_multiplies_a_preset():
    narrow = GemmaConfig.preset("tiny").wider(0.375)
    assert (narrow.d_model, narrow.d_ff, narrow.heads, narrow.kv_heads) == (48, 192, 2, 1)
    assert narrow.head_dim == GemmaConfig.preset("tiny").head_dim
    assert GemmaConfig.preset("7b").wider(0.1).kv_heads == 1  # 16 no longer divide 2 heads
    assert GemmaConfig.preset("2b").wider(1.0) == GemmaConfig.preset("2b")
