"""The compiled step against the model: same logits, same text for any number of threads and any processor."""

import os
import subprocess
import sys

import pytest
import torch
from random_models import logits, model, whole

from interleaf_gemma.cache import KVCache
from interleaf_gemma.fast import Decoder, decoding, plain, unsupported
from interleaf_gemma.kernels.instructions import LEVELS, machine

LLAMA = {"rope_layout": "pairs", "activation": "silu", "norm_offset": 0.0, "embed_scale": False}


@pytest.mark.parametrize("changes", [{}, {"kv_heads": 1}, {"kv_heads": 4}, LLAMA])
def test_float32_is_the_model(changes):
    made = model(**changes)
    assert not unsupported(made)
    torch.testing.assert_close(
        logits(made, Decoder(made)), logits(made, plain(made)), atol=2e-5, rtol=0
    )


@pytest.mark.parametrize(("dtype", "quant", "error"), [
    (torch.bfloat16, None, 0.02), (torch.float32, "int8", 0.03), (torch.bfloat16, "int8", 0.03),
    (torch.bfloat16, "int4", 0.03),
])  # fmt: skip
def test_others_are_near_the_model_in_float32(dtype, quant, error):
    made = model(dtype, quant)
    exact = whole(made)
    ours, theirs = logits(made, Decoder(made)), logits(exact, plain(exact))
    assert (ours - theirs).norm() < error * theirs.norm()


@pytest.mark.parametrize("quant", [None, "int8", "int4"])
def test_any_number_of_threads_gives_the_same_bits(quant):
    made = model(torch.bfloat16, quant)
    long = [[(5 * n) % 200 + 3 for n in range(600)]]  # several spans of the cache
    one = logits(made, Decoder(made, 1), long, 3)
    for threads in (2, 3):
        assert torch.equal(logits(made, Decoder(made, threads), long, 3), one)


@pytest.mark.parametrize("quant", [None, "int8", "int4"])
def test_tokens_of_several_sequences_give_the_bits_of_each_alone(quant):
    made = model(torch.bfloat16, quant)
    decode, config = Decoder(made), made.config
    ids, held = [3, 99, 7], [5, 300, 1]
    together = KVCache(config, 3, 301, torch.bfloat16)
    random = torch.Generator().manual_seed(1)
    for row, length in enumerate(held):
        alone = KVCache(config, 1, length, torch.bfloat16)
        for kept in (alone.keys, alone.values):
            kept.copy_(torch.randn(kept.shape, generator=random))
        alone.lengths += length
        alone.measure()
        together.put(row, alone)
    single = [together.select([row]) for row in range(3)]
    all_ = decode(ids, together)
    for row in range(3):
        assert torch.equal(decode(ids[row : row + 1], single[row])[0], all_[row])
        n = held[row]
        assert torch.equal(single[row].keys[:, 0, :, n], together.keys[:, row, :, n])


def test_a_row_does_not_depend_on_its_neighbours():
    made = model(torch.bfloat16, "int8")
    both = made.generate([[2, 7, 7], [2, 9]], max_new_tokens=9, temperature=0)
    assert both == [made.generate(p, max_new_tokens=9, temperature=0) for p in ([2, 7, 7], [2, 9])]


def test_what_the_kernels_do_not_know_goes_through_torch():
    for changes in ({"head_dim": 8}, {"activation": "gelu"}):
        made = model(**changes)
        assert unsupported(made) and not isinstance(decoding(made), Decoder)
        assert len(made.generate([2, 5], max_new_tokens=4, temperature=0)) == 4
    assert unsupported(model(torch.float16))


def test_weights_changed_in_place_are_seen():
    made = model()
    before = logits(made, decoding(made))
    for p in made.parameters():
        p.mul_(0.7)
    after = logits(made, decoding(made))
    torch.testing.assert_close(after, logits(made, plain(made)), atol=2e-5, rtol=0)
    assert not torch.allclose(before, after, atol=1e-2)


MASKED = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import random_models as t, torch
from interleaf_gemma.fast import Decoder
from interleaf_gemma.kernels.instructions import level
torch.set_num_threads(1)
found = [t.logits(m, Decoder(m, 1)) for m in (t.model(torch.bfloat16, q) for q in (None, "int8", "int4"))]
print(level(), *(hashlib.sha256(f.numpy().tobytes()).hexdigest()[:16] for f in found))
print(*(f"{float(f.double().norm()):.6f}" for f in found))
"""


def masked(level):
    """Digests and norms of logits with at most these instructions."""
    environment = {**os.environ, "INTERLEAF_GEMMA_ISA": level, "OMP_NUM_THREADS": "1"}
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", MASKED, here], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    digests, norms = done.stdout.splitlines()
    assert digests.split()[0] == level
    return digests.split()[1:], [float(n) for n in norms.split()]


def test_every_instruction_set_runs_on_one_thread():
    usable = LEVELS[LEVELS.index(machine()) :]
    found = {level: masked(level) for level in usable}
    best, norms = found[usable[0]]
    for level, (digests, others) in found.items():
        if level != "portable":  # fused multiply-add: the same bits on every processor that has it
            assert digests == best
        assert others == pytest.approx(norms, rel=1e-3)
