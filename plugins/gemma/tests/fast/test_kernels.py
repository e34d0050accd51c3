"""The kernels against plain numpy and torch: any size, one row, any sharing out."""

from ctypes import string_at

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from interleaf_gemma.kernels.attention import SPAN, attend, joined
from interleaf_gemma.kernels.elementwise import GELU, SILU, gated, normed
from interleaf_gemma.kernels.packing import pack, unpack
from interleaf_gemma.kernels.products import (
    BFLOAT16,
    FLOAT32,
    INT4,
    INT8,
    make_ready,
    multiply,
    read_rows,
)
from interleaf_gemma.kernels.room import Room

SIZES = {
    "rows": st.integers(1, 70),
    "columns": st.integers(1, 300),
    "seed": st.integers(0, 2**32 - 1),
}
QUANTISED = [(INT8, 64, -127, 127), (INT8, 32, -127, 127), (INT4, 32, -8, 7)]


def product(layout, at, shape, group, x, parts=1, streams=1):
    """y = W x by the kernels, and x as they saw it."""
    rows, columns = shape
    room, padded = Room(), np.zeros(columns + 128, np.float32)
    padded[:columns] = x
    ready, y = room.vector(columns), np.zeros(rows + 31, np.float32)
    make_ready(layout, padded.ctypes.data, columns, group, ready)
    for part in range(parts):
        multiply(layout, at, rows, columns, group, ready, y.ctypes.data, 0, 1, part, parts, streams)
    seen = np.frombuffer(string_at(ready.bytes, columns), np.int8)
    scales = np.frombuffer(string_at(ready.scales, 4 * -(-columns // max(group, 1))), np.float32)
    return y[:rows], seen, scales


@settings(max_examples=40, deadline=None)
@given(**SIZES)
@pytest.mark.parametrize("layout", [FLOAT32, BFLOAT16])
def test_products_of_rows(layout, rows, columns, seed):
    rng = np.random.default_rng(seed)
    dtype = torch.float32 if layout == FLOAT32 else torch.bfloat16
    # a view at an odd place: checkpoints are not aligned
    w = (
        torch.from_numpy(rng.standard_normal(rows * columns + 1))
        .to(dtype)[1:]
        .reshape(rows, columns)
    )
    x = rng.standard_normal(columns).astype(np.float32)
    exact = w.double().numpy() @ x
    first, *_ = product(layout, w.data_ptr(), w.shape, 0, x)
    np.testing.assert_allclose(first, exact, atol=1e-5 * np.abs(w.float().numpy() * x).sum(1).max())
    for parts, streams in ((1, 4), (3, 2)):
        again, *_ = product(layout, w.data_ptr(), w.shape, 0, x, parts, streams)
        assert (again == first).all()


@settings(max_examples=40, deadline=None)
@given(**SIZES)
@pytest.mark.parametrize(("layout", "group", "least", "most"), QUANTISED)
def test_products_of_panels(layout, group, least, most, rows, columns, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(least, most + 1, (rows, columns)).astype(np.int8)
    scales = (rng.random((rows, -(-columns // group))) * 0.01).astype(np.float16)
    panels = pack(layout, numbers, scales, group)
    x = rng.standard_normal(columns).astype(np.float32)
    wide = numbers * np.repeat(scales.astype(np.float64), group, 1)[:, :columns]
    first, seen, steps = product(layout, panels.ctypes.data, (rows, columns), group, x)
    rounded = seen * np.repeat(steps, group)[:columns]
    assert np.abs(rounded - x).max() <= np.abs(x).max() / 254 * 1.001
    np.testing.assert_allclose(
        first, wide @ rounded, atol=1e-6 * (1e-6 + np.abs(wide * rounded).sum(1).max())
    )
    for parts, streams in ((1, 4), (3, 2)):
        again, *_ = product(layout, panels.ctypes.data, (rows, columns), group, x, parts, streams)
        assert (again == first).all()


@settings(max_examples=30, deadline=None)
@given(**SIZES)
@pytest.mark.parametrize(("layout", "group", "least", "most"), QUANTISED)
def test_panels_unpack_to_what_was_packed(layout, group, least, most, rows, columns, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(least, most + 1, (rows, columns)).astype(np.int8)
    scales = rng.random((rows, -(-columns // group))).astype(np.float16)
    panels = pack(layout, numbers, scales, group)
    found, steps = unpack(layout, panels, (rows, columns), group)
    assert (found == numbers).all() and (steps == scales).all()
    wide = numbers * np.repeat(scales.astype(np.float32), group, 1)[:, :columns]
    out = np.empty((2, columns), np.float32)
    read_rows(layout, panels.ctypes.data, np.array([rows - 1, 0]), group, out)
    assert (out == wide[[rows - 1, 0]]).all()


def test_what_is_not_finite_does_not_become_a_number():
    panels = pack(INT8, np.ones((3, 70), np.int8), np.ones((3, 2), np.float16), 64)
    for bad in (np.nan, np.inf, -np.inf):
        x = np.zeros(70, np.float32)
        x[69] = bad
        y, *_ = product(INT8, panels.ctypes.data, (3, 70), 64, x)
        assert not np.isfinite(y).any()


@settings(max_examples=25, deadline=None)
@given(
    tokens=st.sampled_from([1, 2, 15, SPAN - 1, SPAN, SPAN + 1, 3 * SPAN + 5]),
    size=st.sampled_from([16, 32, 48, 256]), heads=st.integers(1, 5), seed=st.integers(0, 999),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)  # fmt: skip
def test_attention(tokens, size, heads, seed, dtype):
    random = torch.Generator().manual_seed(seed)
    q = 3 * torch.randn(heads, size, generator=random)
    k, v = (torch.randn(1, tokens, size, generator=random).to(dtype) for _ in range(2))
    layout = FLOAT32 if dtype == torch.float32 else BFLOAT16
    spans, part = -(-tokens // SPAN), 4 * (size + 16)
    room = Room()
    parts, scores = room.zeros(heads * spans * part // 4), room.zeros(SPAN)
    scaled = (q / size**0.5).contiguous()
    for s in reversed(range(spans)):
        attend(
            layout, scaled.data_ptr(), k.data_ptr(), v.data_ptr(), heads, size, tokens, s,
            parts + s * part, spans * part, scores,
        )  # fmt: skip
    out = torch.empty(heads, size)
    for h in range(heads):
        joined(parts + h * spans * part, part, spans, size, out[h].data_ptr())
    exact = F.scaled_dot_product_attention(q[:, None].double(), k.double(), v.double())[:, 0]
    torch.testing.assert_close(out.double(), exact, atol=2e-5, rtol=0)


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 300), scale=st.sampled_from([1e-3, 1.0, 30.0]), seed=st.integers(0, 999))
def test_norm_and_gates(size, scale, seed):
    random = torch.Generator().manual_seed(seed)
    padded = (size + 15) // 16 * 16
    x, w, out = torch.zeros(padded), torch.zeros(padded), torch.zeros(padded)
    x[:size] = scale * torch.randn(size, generator=random)
    w[:size] = torch.randn(size, generator=random)
    normed(x.data_ptr(), w.data_ptr(), size, np.float32(1e-6), out.data_ptr())
    exact = F.rms_norm(x[:size].double(), (size,), w[:size].double(), 1e-6)
    torch.testing.assert_close(out[:size].double(), exact, atol=1e-5, rtol=1e-5)
    for activation, torchs in ((GELU, lambda g: F.gelu(g, approximate="tanh")), (SILU, F.silu)):
        gate, up = x.clone(), w.clone()
        gated(activation, gate.data_ptr(), up.data_ptr(), 0, padded)
        torch.testing.assert_close(
            gate.double(), torchs(x.double()) * up.double(), atol=2e-6 * scale, rtol=2e-6
        )
