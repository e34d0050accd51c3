"""Against transformers: logits, greedy ids, caches, precisions; and that wrong models are caught."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import interleaf_gemma.model as ours
from interleaf_gemma import Gemma, GemmaConfig, hf
from interleaf_gemma.tokenizer import Tokenizer

FIXTURES = ("tiny_gemma_mqa", "tiny_gemma_mha")
IDS = torch.randint(3, 300, (2, 40), generator=torch.Generator().manual_seed(1))


def logits_agree(folder: Path) -> None:
    """Logits of a stored checkpoint within 1e-4 of those that transformers computed."""
    expected = np.load(folder / "expected.npz")
    model = Gemma.load(folder)
    with torch.no_grad():
        found, _ = model(torch.tensor(expected["input_ids"]))
    assert np.abs(found.numpy() - expected["logits_f32"]).max() < 1e-4


@pytest.mark.parametrize("name", FIXTURES)
def test_logits_of_the_stored_checkpoints(data: Path, name: str) -> None:
    logits_agree(data / "tiny_gemma" / name)


@pytest.mark.parametrize("name", FIXTURES)
def test_64_greedy_ids_of_the_stored_checkpoints(data: Path, name: str) -> None:
    folder = data / "tiny_gemma" / name
    expected = np.load(folder / "expected.npz")
    prompt = expected["greedy_prompt"][0].tolist()
    found = Gemma.load(folder).generate(prompt, max_new_tokens=64, temperature=0, stop=())
    assert found == expected["greedy_ids"].tolist()
    assert len(set(found)) > 50  # not one id again and again


@torch.no_grad()
def test_logits_of_mqa_gqa_mha(pair: tuple[Any, Gemma]) -> None:
    theirs, model = pair
    assert (model(IDS)[0] - theirs(IDS).logits).abs().max() < 1e-4


@torch.no_grad()
def test_logits_at_far_positions(pair: tuple[Any, Gemma]) -> None:
    theirs, model = pair
    at = torch.arange(1500, 1540).expand(2, -1)
    found = model(IDS, positions=at)[0]
    assert (found - theirs(IDS, position_ids=at).logits).abs().max() < 1e-4


@torch.no_grad()
def test_bfloat16_is_as_exact_as_transformers(tmp_path: Path, theirs_of: Any) -> None:
    theirs = theirs_of("mqa", torch.bfloat16)
    theirs.save_pretrained(tmp_path)
    exact = theirs_of("mqa")(IDS).logits
    expected = theirs(IDS).logits.float()
    model = Gemma.load(tmp_path)
    for precision in ("hf", "reference"):
        again = Gemma(model.config.with_(precision=precision)).to(torch.bfloat16).eval()
        again.load_state_dict(model.state_dict())
        found = again(IDS)[0].float()
        assert (found - exact).abs().mean() < 1.2 * (expected - exact).abs().mean()


def test_both_precisions_rotate_as_their_references_do() -> None:
    modeling = pytest.importorskip("transformers.models.gemma.modeling_gemma")
    x = torch.randn(2, 40, 3, 16, generator=torch.Generator().manual_seed(2)).to(torch.bfloat16)
    turn = ours.angles(torch.arange(1500, 1540).expand(2, -1), 16, 1e4)
    low = [torch.cat((f, f), -1).to(torch.bfloat16) for f in (turn.cos(), turn.sin())]
    theirs, _ = modeling.apply_rotary_pos_emb(x, x, *low, unsqueeze_dim=2)
    found = {}
    for precision in ("hf", "reference"):
        c = GemmaConfig.preset("tiny", head_dim=16, precision=precision)
        place = ours.Place(
            c,
            torch.zeros(2, 40, dtype=torch.int64),
            x.dtype,
            torch.arange(1500, 1540).expand(2, -1),
            None,
            None,
        )
        found[precision] = ours.rotate(x, place.cos, place.sin, "halves")
    assert torch.equal(found["hf"], theirs)
    a, b = x.double().chunk(2, -1)
    cos, sin = turn.double().cos().unsqueeze(2), turn.double().sin().unsqueeze(2)
    exact = torch.cat((a * cos - b * sin, b * cos + a * sin), -1)
    error = {p: (f - exact).abs().mean() for p, f in found.items()}
    assert error["reference"] < 0.7 * error["hf"]


@torch.no_grad()
def test_the_cache_changes_nothing(pair: tuple[Any, Gemma]) -> None:
    _, model = pair
    whole, _ = model(IDS)
    part, cache = model(IDS[:, :17])
    for at in range(17, 40):
        step, cache = model(IDS[:, at : at + 1], cache=cache)
        part = torch.cat((part, step), 1)
    assert (part - whole).abs().max() < 1e-4


@torch.no_grad()
def test_padding_changes_nothing_and_padding_rows_are_finite(pair: tuple[Any, Gemma]) -> None:
    theirs, model = pair
    mask = torch.ones_like(IDS)
    mask[0, :7] = 0  # at the left, as transformers pads
    mask[1, :] = 0
    found, _ = model(IDS, mask=mask)
    at = (mask.cumsum(1) - 1).clamp(min=0)
    expected = theirs(IDS[:1], attention_mask=mask[:1], position_ids=at[:1]).logits
    assert (found[0, 7:] - expected[0, 7:]).abs().max() < 1e-4
    assert found.isfinite().all()


# Wrong models: what others got wrong. Each must fail a test above.

ANGLES, ROTATE = ours.angles, ours.rotate


def exact_gelu(m: pytest.MonkeyPatch) -> None:
    m.setitem(ours.ACTIVATIONS, "gelu_tanh", F.gelu)  # type: ignore[arg-type]


def missing_one(m: pytest.MonkeyPatch) -> None:
    m.setattr(ours, "RMSNorm", lambda size, eps, offset: NORM(size, eps, 0.0))


def missing_scale(m: pytest.MonkeyPatch) -> None:
    right = hf.read_config
    m.setattr(hf, "read_config", lambda folder: right(folder).with_(embed_scale=False))


def interleaved_rotation(m: pytest.MonkeyPatch) -> None:
    m.setattr(ours, "rotate", lambda x, cos, sin, layout: ROTATE(x, cos, sin, "pairs"))


def bfloat16_positions(m: pytest.MonkeyPatch) -> None:
    m.setattr(ours, "angles", lambda p, k, base: ANGLES(p.to(torch.bfloat16), k, base))


def another_scale(m: pytest.MonkeyPatch) -> None:
    m.setattr(F, "scaled_dot_product_attention", partial(F.scaled_dot_product_attention, scale=0.2))


NORM = ours.RMSNorm


@pytest.mark.parametrize(
    "wrong",
    [
        exact_gelu,
        missing_one,
        missing_scale,
        interleaved_rotation,
        bfloat16_positions,
        another_scale,
    ],
)
def test_a_wrong_model_fails(
    wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs_of: Any
) -> None:
    theirs = theirs_of("mqa")
    theirs.save_pretrained(tmp_path)
    test_logits_at_far_positions((theirs, Gemma.load(tmp_path)))
    wrong(monkeypatch)
    with pytest.raises(AssertionError):
        test_logits_at_far_positions((theirs, Gemma.load(tmp_path)))


def one_bos(tokenizer: Tokenizer) -> None:
    for text in ("hi", "<bos>hi"):
        assert tokenizer.encode(text).count(tokenizer.bos) == 1


def test_a_doubled_bos_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from interleaf_gemma.shipped import TOKENIZER

    tokenizer = Tokenizer.load(TOKENIZER)
    one_bos(tokenizer)
    right = Tokenizer.encode
    monkeypatch.setattr(
        Tokenizer, "encode", lambda self, t, bos=True: [self.bos, *right(self, t, bos)]
    )
    with pytest.raises(AssertionError):
        one_bos(tokenizer)


def test_the_stored_greedy_ids_were_not_made_by_us(data: Path) -> None:
    config = json.loads((data / "tiny_gemma" / "tiny_gemma_mqa" / "config.json").read_text())
    assert config["architectures"] == ["GemmaForCausalLM"]
