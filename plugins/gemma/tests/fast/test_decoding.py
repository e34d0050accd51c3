"""The compiled step against the model: same logits, same text for any number of threads and any processor."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import torch
from random_models import logits, model, whole

from interleaf_gemma.cache import KVCache
from interleaf_gemma.fast import Decoder, decoding, plain, unsupported
from interleaf_gemma.kernels.instructions import LEVELS, level, machine

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


def told():
    """Digests and norms of logits, bfloat16, int8 and int4."""
    made = [model(torch.bfloat16, quant) for quant in (None, "int8", "int4")]
    found = [logits(m, Decoder(m, 1)) for m in made]
    digests = [hashlib.sha256(f.numpy().tobytes()).hexdigest()[:16] for f in found]
    return {"level": level(), "digests": digests, "norms": [float(f.norm()) for f in found]}


def masked(level):
    """The same in a process of its own, with at most these instructions."""
    environment = {**os.environ, "INTERLEAF_GEMMA_ISA": level, "OMP_NUM_THREADS": "1"}
    code = "import json, test_decoding as t; print(json.dumps(t.told()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=os.path.dirname(__file__),
        env={**environment, "PYTHONPATH": os.path.dirname(__file__)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["level"] == level
    return found


def test_every_instruction_set_runs_on_one_thread():
    best = told()
    assert best["level"] == machine()
    for lower in LEVELS[LEVELS.index(machine()) + 1 :]:
        found = masked(lower)
        if lower != "portable":  # fused multiply-add: the same bits on every processor that has it
            assert found["digests"] == best["digests"]
        assert found["norms"] == pytest.approx(best["norms"], rel=1e-3)


FOREIGN = """
import sys, numba
from interleaf_gemma.kernels import instructions
instructions.machine = lambda: sys.argv[1]
numba.config.CPU_NAME, numba.config.CPU_FEATURES = sys.argv[2], ""
from interleaf_gemma.kernels.products import Vector, multiply
i = numba.types.int64
multiply.compile((i,) * 5 + (numba.typeof(Vector(*[0] * 6)),) + (i,) * 6)
(code,) = multiply.inspect_asm().values()
print(code.count("zmm"), code.count("vpdpbusd"))
"""


@pytest.mark.parametrize("level", [n for n in ("avx512-vnni", "avx512") if n != machine()])
def test_code_is_made_for_avx512_where_it_cannot_run(level, tmp_path):
    """It compiles for such a processor, with its registers and instructions; that it runs is not shown."""
    target = {"avx512-vnni": "icelake-server", "avx512": "skylake-avx512"}[level]
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN, level, target],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    wide, dots = map(int, done.stdout.split())
    assert wide > 100 and (dots > 0) == (level == "avx512-vnni")
