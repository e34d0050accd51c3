"""The small GPT: causal, sized as the paper's, the same loss as written down."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from interleaf.errors import InvalidInput  # noqa: E402
from interleaf.interfaces import Context  # noqa: E402
from interleaf.values import Tokens  # noqa: E402
from interleaf_continual.config import GptConfig  # noqa: E402
from interleaf_continual.gpt import GPT, PRESETS, NextToken, Shape, rotate  # noqa: E402
from interleaf_continual.language import Gpt  # noqa: E402

SMALL = Shape(layers=2, heads=2, width=16, context=24)


def made(shape: Shape = SMALL, seed: int = 0) -> GPT:
    torch.manual_seed(seed)
    model = GPT(shape)
    model.initialise()
    return model.eval()


@pytest.mark.parametrize(
    ("preset", "millions"), [("tiny", 0.115), ("small", 3.21), ("405m", 405.33), ("10b", 9639)]
)
def test_presets_are_as_large_as_their_names(preset, millions):
    with torch.device("meta"):
        model = GPT(PRESETS[preset])
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize("rotary", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("parallel", [False, True])
def test_no_token_sees_what_follows(rotary, parallel):
    model = made(Shape(layers=2, heads=2, width=16, context=24, rotary=rotary, parallel=parallel))
    ids = torch.randint(0, 256, (1, 20), generator=torch.Generator().manual_seed(1))
    other = ids.clone()
    other[0, 12:] = (other[0, 12:] + 7) % 256
    with torch.no_grad():
        a, b = model(ids), model(other)
    assert torch.allclose(a[0, :12], b[0, :12], atol=1e-6)
    assert not torch.allclose(a[0, 12:], b[0, 12:])


def test_rotation_turns_pairs_by_their_distance():
    x = torch.randn(1, 1, 6, 8, generator=torch.Generator().manual_seed(0))
    turn = made(Shape(layers=1, heads=2, width=16)).turns(6, torch.device("cpu"))
    same = x[:, :, :1].expand(-1, -1, 6, -1)
    turned = rotate(same, turn, 8)
    products = turned @ turned.transpose(-1, -2)
    assert torch.allclose(turned.norm(dim=-1), same.norm(dim=-1))
    for distance in range(5):  # only the distance counts
        row = products[0, 0].diagonal(distance)
        assert torch.allclose(row, row[0].expand_as(row), atol=1e-5)


def test_the_objective_is_cross_entropy_and_its_count():
    model = made()
    ids = torch.randint(0, 256, (3, 11), generator=torch.Generator().manual_seed(2))
    loss, count = NextToken(model)(ids.to(torch.uint8))
    chosen = model(ids[:, :-1]).log_softmax(-1).gather(-1, ids[:, 1:, None])
    assert count == 30 and loss.item() == pytest.approx(-chosen.sum().item(), rel=1e-5)


def test_scores_are_of_every_token_but_the_first():
    model = Gpt(GptConfig(layers=1, heads=2, width=16, context=16))
    ids = np.random.default_rng(0).integers(0, 256, 40).astype(np.uint8)
    found = model.logprobs([Tokens(ids, "bytes")]).rows[0]
    assert found["tokens"] == found["bytes"] == 39
    whole = 0.0
    with torch.no_grad():
        for a in (0, 16, 32):
            x = torch.from_numpy(ids[a : a + 17].astype(np.int64))[None]
            whole -= NextToken(model.module)(x)[0].item()
    assert found["logprob"] == pytest.approx(whole, rel=1e-5)


def test_writing_depends_on_the_seed_alone():
    model = Gpt(GptConfig(layers=1, heads=2, width=16, context=16))
    first, again, other = (model.generate("ab", 12, ctx=Context(seed=s)) for s in (1, 1, 2))
    assert first == again != other and first.startswith("ab")
    greedy = {model.generate("ab", 8, temperature=0.0, ctx=Context(seed=s)) for s in (1, 2)}
    assert len(greedy) == 1


def test_tokens_of_another_vocabulary_are_refused():
    model = Gpt(GptConfig(layers=1, heads=2, width=16))
    with pytest.raises(InvalidInput, match="model of bytes"):
        model.logprobs([Tokens(np.arange(4, dtype=np.uint16), "sha256:1")])
    words = Gpt(GptConfig(layers=1, heads=2, width=16, vocabulary=300))
    with pytest.raises(InvalidInput, match="token 300 in a vocabulary of 300"):
        words.logprobs([Tokens(np.array([300], np.uint16), "x")])
    with pytest.raises(InvalidInput, match="text of its own"):
        words.generate("a")
    with pytest.raises(InvalidInput, match="does not divide into 3 heads"):
        Gpt(GptConfig(width=16, heads=3)).build()
