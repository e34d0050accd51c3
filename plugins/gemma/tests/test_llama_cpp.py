"""llama.cpp reads our GGUF files and computes what we compute (skipped where llama-cpp-python is absent)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interleaf_gemma import Gemma, GemmaConfig, Tokenizer
from interleaf_gemma.chat import conversation
from interleaf_gemma.gguf_file import write
from interleaf_gemma.shipped import TOKENIZER

llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
WORDS = Tokenizer.load(TOKENIZER)
TEXTS = ["Once upon a time there was a dog.", " two  spaces, a tab\tand 12345", "Grüße, 世界! 🙂"]


def made(kv_heads: int) -> Gemma:
    """heads · head_dim ≠ d_model; layers that outweigh the embedding, so that the best id varies."""
    config = GemmaConfig.preset(
        "tiny",
        vocab_size=len(WORDS),
        d_model=64,
        layers=3,
        heads=4,
        kv_heads=kv_heads,
        head_dim=32,
        d_ff=128,
    )
    model = Gemma(config).eval()
    generator = torch.Generator().manual_seed(kv_heads)
    for name, weight in model.named_parameters():
        if "proj" in name:
            torch.nn.init.normal_(weight, std=0.3, generator=generator)
        elif "norm" in name:
            torch.nn.init.normal_(weight, std=0.1, generator=generator)
    return model


def opened(model: Gemma, folder: Path, quantise: str = "") -> Any:
    file = folder / "model.gguf"
    write(model.config, dict(model.state_dict()), file, tokenizer=WORDS, quantise=quantise)
    return llama_cpp.Llama(
        str(file), n_ctx=256, n_threads=1, logits_all=True, verbose=False, seed=0
    )


@pytest.mark.parametrize("kv_heads", [1, 4])
def test_logits_and_greedy_ids_agree(kv_heads: int, tmp_path: Path) -> None:
    model = made(kv_heads)
    other = opened(model, tmp_path)
    ids = WORDS.encode(TEXTS[0])
    other.eval(ids)
    theirs = np.array(other.scores[: len(ids)], np.float32)
    with torch.no_grad():
        ours = model(torch.tensor([ids]))[0][0].numpy()
    assert (
        np.abs(theirs - ours).max() < 5e-3 * np.abs(ours).max()
    )  # its attention keeps keys in float16
    greedy = model.generate(ids, max_new_tokens=40, temperature=0, stop=())
    found, gap = [], []
    for _ in range(40):
        logits = np.array(other.scores[other.n_tokens - 1])
        best = np.sort(logits)[-2:]
        gap.append(best[1] - best[0])
        found.append(int(logits.argmax()))
        other.eval(found[-1:])
    parted = next((n for n, (a, b) in enumerate(zip(found, greedy, strict=True)) if a != b), None)
    assert len(set(greedy)) > 10
    assert parted is None or gap[parted] < 5e-3 * np.abs(ours).max()  # only where two are as good


def test_quantised_files_load_and_come_near(tmp_path: Path) -> None:
    model = made(1)
    ids = WORDS.encode(TEXTS[0])
    with torch.no_grad():
        ours = model(torch.tensor([ids]))[0][0].log_softmax(-1).numpy()
    for kind, most in (("Q8_0", 0.05), ("Q4_0", 1.0)):
        other = opened(model, tmp_path, kind)
        other.eval(ids)
        theirs = torch.tensor(np.array(other.scores[: len(ids)])).log_softmax(-1).numpy()
        assert (np.exp(ours) * (ours - theirs)).sum(-1).mean() < most  # KL in nats


@pytest.mark.parametrize("text", TEXTS)
def test_it_reads_texts_as_the_same_ids(text: str, tmp_path: Path) -> None:
    other = opened(made(1), tmp_path)
    assert other.tokenize(text.encode(), add_bos=True, special=False) == WORDS.encode(text)
    assert other.detokenize(WORDS.encode(text, bos=False)) == text.encode()


def test_control_tokens_are_the_same_ids(tmp_path: Path) -> None:
    other = opened(made(1), tmp_path)
    text = "<start_of_turn>user\nHi.<end_of_turn>\n<start_of_turn>model\n"
    ids = conversation([{"role": "user", "content": "Hi."}], WORDS)
    assert other.tokenize(text.encode(), add_bos=True, special=True) == ids
    assert (other.token_bos(), other.token_eos()) == (2, 1)
