"""Fine-tuning learns what the model says and nothing else; adapters merge into the same function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context
from interleaf_gemma import Gemma
from interleaf_gemma.chat import masked
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.tuning import lora
from interleaf_gemma.tuning.components import small
from interleaf_gemma.tuning.config import (
    ConversationsConfig,
    FinetuneConfig,
    LoraSettings,
    PreferencesConfig,
)
from interleaf_gemma.tuning.conversations import EXAMPLES, Conversations, Preferences
from interleaf_gemma.tuning.finetune import tuned
from interleaf_training import Recipe

TALKS = Conversations(ConversationsConfig(path=str(EXAMPLES / "conversations.jsonl")))
IDS = torch.tensor([[2, 300, 301, 302, 303, 304]])


def logits(model: Gemma) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(IDS)[0]


def config(steps: int = 30, rank: int = 0, lr: float = 1e-2) -> FinetuneConfig:
    recipe = Recipe(steps=steps, batch=3, lr=lr, weight_decay=0.0, log_every=steps)
    return FinetuneConfig(recipe=recipe, lora=LoraSettings(rank=rank))


def test_the_loss_counts_the_models_turns_alone() -> None:
    decoder, turns = small(), TALKS[2]
    ids, own = masked(turns, decoder.tokenizer)
    said = decoder.tokenizer.decode([i for i, o in zip(ids, own, strict=True) if o])
    assert said == "Hello!Tom saw a bird. The end."
    objective = decoder.objective()
    total, count = objective(*decoder.collate([turns]))
    with torch.no_grad():
        table = decoder.gemma(torch.tensor([ids]))[0][0].log_softmax(-1)
    places = [n for n, o in enumerate(own) if o]
    assert int(count) == len(places)
    expected = -sum(float(table[n - 1, ids[n]]) for n in places)
    assert total.item() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rank", [0, 4])
def test_it_learns_to_reply(rank: int) -> None:
    start = small()
    with torch.no_grad():
        start.gemma.model.embed_tokens.weight.mul_(25)  # or hidden states would hardly matter
    trained, log = tuned(start, TALKS, None, config(rank=rank, lr=0.02), None, Context())
    objective, first = trained.objective(), start.objective()
    batch = trained.collate(list(TALKS))
    with torch.no_grad():
        after, before = objective(*batch)[0], first(*batch)[0]
    assert after < 0.8 * before
    assert log.rows[-1]["loss"] > 0


def test_adapters_merge_into_the_same_function() -> None:
    decoder = small()
    plain = logits(decoder.gemma)
    names = set(decoder.gemma.state_dict())
    adapted = lora.attach(decoder.gemma, rank=2)
    assert torch.equal(logits(decoder.gemma), plain)  # B begins at 0
    for name, weight in decoder.gemma.named_parameters():
        assert weight.requires_grad == ("lora_" in name)
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(1))
    moved = logits(decoder.gemma)
    assert not torch.allclose(moved, plain, atol=1e-2)
    merged = lora.merge(adapted)
    assert merged is decoder.gemma
    assert set(merged.state_dict()) == names
    assert torch.allclose(logits(merged), moved, atol=1e-5)
    assert all(w.requires_grad for w in merged.parameters())


def test_adapters_are_files_that_peft_reads(tmp_path: Path) -> None:
    import peft

    decoder = small()
    adapted = lora.attach(decoder.gemma, rank=2, seed=3)
    for name, weight in decoder.gemma.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(1))
    wanted = logits(decoder.gemma)
    lora.save(adapted, tmp_path / "adapter")
    again = peft.PeftModel.from_pretrained(small().gemma, str(tmp_path / "adapter"))
    assert torch.allclose(logits(again.base_model.model), wanted, atol=1e-6)


def test_only_adapters_change_before_they_are_merged() -> None:
    decoder = small()
    before = {n: w.clone() for n, w in decoder.gemma.named_parameters()}
    trained, _ = tuned(decoder, TALKS, None, config(steps=3, rank=2), None, Context())
    after = dict(trained.gemma.named_parameters())
    assert before.keys() == after.keys()
    changed = {n for n, w in after.items() if not torch.equal(w, before[n])}
    assert changed == {n for n in after if "proj" in n}


def test_global_random_state_is_left_alone() -> None:
    torch.manual_seed(11)
    state = torch.get_rng_state()
    lora.attach(small().gemma, rank=2)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is no JSON"),
        ("[1]", "no JSON object"),
        ('{"messages": []}', "at least one turn"),
        ('{"messages": [{"role": "model", "content": "x"}]}', "expected user"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "ends with the user's turn"),
        ('{"messages": [{"role": "wizard", "content": "x"}]}', "role 'wizard'"),
        ('{"prompt": "x"}', "without content"),
        ('{"other": 3}', "at least one turn"),
    ],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text((EXAMPLES / "conversations.jsonl").read_text() + line + "\n")
    with pytest.raises(InvalidInput, match=message) as caught:
        list(Conversations(ConversationsConfig(path=str(file))))
    assert "talks.jsonl:4" in str(caught.value)


def test_preferences_need_both_replies(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps({"prompt": "Hi", "chosen": "Hello", "rejected": " "}))
    with pytest.raises(InvalidInput, match=r"pairs.jsonl:1 has no text 'rejected'"):
        list(Preferences(PreferencesConfig(path=str(file))))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CorruptData, match="no UTF-8"):
        list(Preferences(PreferencesConfig(path=str(file))))


def test_a_target_that_is_no_projection(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no projection 'q_projj'"):
        lora.attach(small().gemma, rank=2, targets=["q_projj"])


def test_the_command_writes_a_model_that_loads(tmp_path: Path, capsys: Any) -> None:
    from interleaf_gemma.tuning.commands import finetune

    base = tmp_path / "base"
    base.mkdir()
    small().save(base)
    data = EXAMPLES / "conversations.jsonl"
    finetune(data, tmp_path / "out", weights=base, rank=2, steps=4, batch=2, held_out=data)
    assert {f.name for f in (tmp_path / "out").iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.model", "adapter", "log.jsonl",
    }  # fmt: skip
    assert "held out" in capsys.readouterr().out
    tuned_model = Decoder(DecoderConfig(weights=str(tmp_path / "out")))
    assert tuned_model.generate("Tom", max_new_tokens=4).startswith("Tom")
    with pytest.raises(InvalidInput, match="exists already"):
        finetune(data, tmp_path / "out", weights=base)
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []
