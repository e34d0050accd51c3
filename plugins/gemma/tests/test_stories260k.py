"""Weights that were really trained, through the preset ``llama2``."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from interleaf.errors import CorruptData
from interleaf_gemma import Gemma
from interleaf_gemma.llama2c import Words, load


@pytest.fixture(scope="module")
def model(data: Path) -> Gemma:
    return load(data / "stories260K" / "stories260K.bin")


@pytest.fixture(scope="module")
def words(data: Path) -> Words:
    return Words(data / "stories260K" / "tok512.bin")


def test_the_published_text_byte_for_byte(data: Path, model: Gemma, words: Words) -> None:
    ids = json.loads((data / "stories260K" / "expected_greedy_ids.json").read_text())
    found = model.generate([words.bos], max_new_tokens=200, temperature=0, stop=())
    assert [words.bos, *found] == ids
    expected = (data / "stories260K" / "expected_greedy.txt").read_bytes()
    assert words.decode(found).encode().rstrip() == expected.rstrip()


@torch.inference_mode()
def test_the_published_loss(data: Path, model: Gemma, words: Words) -> None:
    text = (data / "text" / "tinystories_sample_2MiB.txt").read_text("utf-8", errors="replace")
    total = count = 0.0
    for story in text.split("<|endoftext|>")[:-1][-200:]:
        ids = torch.tensor([words.encode(story.strip())[:512]])
        logits, _ = model(ids[:, :-1])
        total += F.cross_entropy(logits[0], ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    assert count == 91_484
    assert total / count == pytest.approx(1.3770, abs=0.0005)


def test_a_cut_file_is_refused(data: Path, tmp_path: Path) -> None:
    whole = (data / "stories260K" / "stories260K.bin").read_bytes()
    for size in (0, 20, 1000, len(whole) - 4):
        (tmp_path / "cut.bin").write_bytes(whole[:size])
        with pytest.raises(CorruptData):
            load(tmp_path / "cut.bin")
