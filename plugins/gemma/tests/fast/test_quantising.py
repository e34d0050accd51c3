"""Rounded weights: how near they are, in files of both kinds, in modules, under gradients."""

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, quants
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import model
from torch import nn
from torch.nn import functional as F

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma import reading
from interleaf_gemma.calibrating import quantise_by_texts, rounded_for
from interleaf_gemma.model import Gemma
from interleaf_gemma.multiplying import quantised_linear, unpacked
from interleaf_gemma.quantised import Quantised
from interleaf_gemma.quantising import quantise

GGML = {"int8": GGMLQuantizationType.Q8_0, "int4": GGMLQuantizationType.Q4_0}


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 200),
    seed=st.integers(0, 999),
    zero=st.booleans(),
)
@pytest.mark.parametrize("quant", ["int8", "int4"])
def test_rounding_is_within_half_a_step(quant, rows, columns, seed, zero):
    w = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    if zero:
        w[0] = 0
    q = quantise(w, quant)
    numbers, scales = q.parts()
    step = np.repeat(np.abs(scales.astype(np.float32)), q.group, 1)[:, :columns]
    error = np.abs(q.whole().numpy() - w.numpy())
    if quant == "int8":
        assert (error <= 0.501 * step + 1e-6).all()
    assert numbers.min() >= (-127 if quant == "int8" else -8) and np.isfinite(error).all()


@pytest.mark.parametrize("quant", ["int8", "int4"])
def test_not_worse_than_ggml(quant):
    w = torch.randn(64, 256, generator=torch.Generator().manual_seed(1))
    theirs = quants.dequantize(quants.quantize(w.numpy(), GGML[quant]), GGML[quant])
    group = 32  # as theirs
    ours = quantise(w, quant, group).whole().numpy()
    assert np.square(ours - w.numpy()).sum() <= 1.001 * np.square(theirs - w.numpy()).sum()


@pytest.mark.parametrize("quant", ["int8", "int4"])
@pytest.mark.parametrize(("rows", "columns"), [(5, 70), (64, 256), (1, 1)])
def test_texts_show_what_matters(quant, rows, columns):
    random = torch.Generator().manual_seed(1)
    w = torch.randn(rows, columns, generator=random)
    few = columns // 2 + 1  # directions: inputs that go together
    x = torch.randn(4 * columns, few, generator=random) @ torch.randn(
        few, columns, generator=random
    )
    plain, knowing = quantise(w, quant), rounded_for(w, x.T @ x, quant)
    losses = [(x @ (q.whole() - w).T).norm() for q in (plain, knowing)]
    assert losses[1] <= (0.75 if columns > 1 else 1.01) * losses[0]


def test_every_matrix_is_rounded_for_texts():
    made = model()
    names = list(quantise_by_texts(made, "int4", torch.tensor([[2, 5, 9, 44], [2, 7, 100, 3]])))
    wanted = {n.removesuffix(".weight") for n, p in made.named_parameters() if p.dim() > 1}
    assert set(names) == wanted
    assert all(isinstance(p, Quantised) for p in made.parameters() if p.dim() > 1)
    assert len(made.generate([2, 5], 3, temperature=0)) == 3


@pytest.mark.parametrize("quant", ["int8", "int4"])
@pytest.mark.parametrize("tokens", [1, 5, 40])
def test_a_linear_layer_uses_it(quant, tokens):
    layer = nn.Linear(100, 37, bias=False)
    q = quantise(layer.weight, quant)
    layer.weight = nn.Parameter(q, requires_grad=False)
    x = torch.randn(2, tokens, 100, requires_grad=True)
    y, exact = layer(x), F.linear(x, q.whole())
    assert (y - exact).norm() < 0.01 * exact.norm()
    y.sum().backward()
    torch.testing.assert_close(x.grad, q.whole().sum(0).expand_as(x))


def test_the_operators_are_whole_for_torch():
    q = quantise(torch.randn(37, 100, generator=torch.Generator().manual_seed(1)), "int4")
    x = torch.randn(3, 100, requires_grad=True)
    panels = torch.from_numpy(q.panels)
    tests = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(
        quantised_linear, (x, panels, q.layout, 37, q.group), test_utils=tests, rtol=0.05, atol=0.1
    )
    torch.library.opcheck(unpacked, (panels, q.layout, 37, 100, q.group), test_utils=tests[:2])


def test_an_embedding_uses_it_and_refuses_what_it_has_not():
    table = nn.Embedding(50, 70)
    q = quantise(table.weight, "int8")
    table.weight = nn.Parameter(q, requires_grad=False)
    ids = torch.tensor([[0, 49], [7, 7]])
    assert torch.equal(table(ids), q.whole()[ids])
    with pytest.raises(IndexError, match="0 to 49"):
        table(torch.tensor([50]))
    with pytest.raises(TypeError, match="whole"):
        torch.add(q, 1)


@pytest.mark.parametrize("quant", ["int8", "int4"])
@pytest.mark.parametrize("suffix", ["", ".gguf"])
def test_files_give_back_the_same_bits(quant, suffix, tmp_path):
    made = model(torch.bfloat16, quant, d_model=96, d_ff=160)
    path = tmp_path / f"model{suffix}"
    made.save(path, format="gguf" if suffix else "hf")
    again = Gemma.load(path, quant=quant if suffix else None)
    for (name, a), (_, b) in zip(made.named_parameters(), again.named_parameters(), strict=True):
        if isinstance(a, Quantised):
            assert torch.equal(a.whole().float(), b.whole().float()), name
    prompt = [2, 9, 60]
    assert again.generate(prompt, 6, temperature=0) == made.generate(prompt, 6, temperature=0)


def test_loading_rounds_what_is_whole(tmp_path):
    made = model(torch.bfloat16)
    made.save(tmp_path / "m")
    found = Gemma.load(tmp_path / "m", quant="int4")
    assert all(isinstance(p, Quantised) for p in found.parameters() if p.dim() > 1)


def test_damaged_files_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    made = model(torch.bfloat16, "int8")
    made.save(tmp_path / "m")
    file = tmp_path / "m/model.safetensors"
    tensors = load_file(file)
    name = "model.layers.0.mlp.up_proj.weight_scale"
    save_file({**tensors, name: tensors[name][:-1].contiguous()}, file)
    with pytest.raises(CorruptData, match="up_proj"):
        Gemma.load(tmp_path / "m")
    config = tmp_path / "m/config.json"
    config.write_text(config.read_text().replace('"interleaf"', '"awq"'))
    with pytest.raises(InvalidInput, match="awq"):
        Gemma.load(tmp_path / "m")


@pytest.mark.parametrize("tokens", [1, 9, 20])
def test_reading_through_float32_is_the_product(monkeypatch, tokens):
    made, products = model(torch.bfloat16), []
    wide = reading._wide_linear
    monkeypatch.setattr(
        reading, "_wide_linear", lambda x, w: products.append(w.shape) or wide(x, w)
    )
    ids = torch.tensor([[(7 * n) % 200 for n in range(tokens)]])
    with torch.inference_mode():
        theirs = made.model(ids)
        with reading.Widened():
            ours = made.model(ids)
    assert len(products) == 7 * made.config.layers
    assert (ours - theirs).float().norm() < 0.02 * theirs.float().norm()
