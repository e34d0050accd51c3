"""The loss, LoRA by peft, and training through the shared loop."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf_gemma import Gemma
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig, DocumentsConfig, WindowsConfig
from interleaf_gemma.documents import Documents, Windows, part_of
from interleaf_gemma.loss import NextToken, chunked_cross_entropy
from interleaf_training.components import Fit
from interleaf_training.config import FitConfig, Recipe

SMALL = DecoderConfig(
    preset="tiny", layers=1, d_model=32, heads=2, head_dim=16, d_ff=64, context=64
)
STORY = "Tom had a red ball. He played with it in the park. His dog ran after the ball and they were happy."


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunked_cross_entropy_is_cross_entropy(chunk: int) -> None:
    generator = torch.Generator().manual_seed(0)
    h, table = (torch.randn(n, 8, generator=generator, requires_grad=True) for n in (20, 30))
    targets = torch.randint(0, 30, (20,), generator=generator)
    targets[3] = -100
    expected = F.cross_entropy(h @ table.T, targets, reduction="sum")
    wanted = torch.autograd.grad(expected, (h, table))
    found = chunked_cross_entropy(h, table, targets, chunk)
    assert torch.allclose(found, expected)
    for a, b in zip(torch.autograd.grad(found, (h, table)), wanted, strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_gradient_checkpointing_changes_no_gradient(small: Gemma) -> None:
    ids = torch.arange(3, 30)[None]
    found = []
    for kept in (False, True):
        small.train().model.gradient_checkpointing = kept
        small.zero_grad()
        NextToken(small)(ids)[0].backward()
        found.append([p.grad.clone() for p in small.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_only_counted_tokens_are_counted(small: Gemma) -> None:
    ids = torch.arange(3, 23)[None]
    counted = torch.zeros_like(ids)
    counted[0, 5:9] = 1
    loss, n = NextToken(small)(ids, counted)
    logits, _ = small(ids[:, :-1])
    assert int(n) == 4
    assert torch.allclose(
        loss, F.cross_entropy(logits[0, 4:8], ids[0, 5:9], reduction="sum"), rtol=1e-5
    )


def test_lora_of_peft_trains_the_projections_alone(small: Gemma) -> None:
    peft = pytest.importorskip("peft")
    before, _ = small(torch.tensor([[2, 5, 9]]))
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj", "down_proj"])
    tuned = peft.get_peft_model(small, config)
    names = [n for n, p in tuned.named_parameters() if p.requires_grad]
    assert len(names) == 2 * 3 * small.config.layers
    assert all("lora_" in n for n in names)
    for name, p in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(p, 0.1)
    with torch.no_grad():
        adapted, _ = tuned(torch.tensor([[2, 5, 9]]))
        merged, _ = tuned.merge_and_unload()(torch.tensor([[2, 5, 9]]))
    assert (adapted - before).abs().max() > 1e-3
    assert torch.allclose(adapted, merged, atol=1e-4)


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    file = tmp_path / "stories.txt"
    file.write_text(
        "<|endoftext|>".join(f"Story {n}. {STORY}" for n in range(60)) + "<|endoftext|>"
    )
    return file


def test_the_shared_loop_trains_a_decoder_that_then_writes(stories: Path, tmp_path: Path) -> None:
    data = Windows(WindowsConfig(window=32)).open(Documents(DocumentsConfig(path=str(stories))))
    config = FitConfig(recipe=Recipe(steps=60, batch=8, lr=5e-3, precision="float32", log_every=10))
    fitted = Fit(config).fit(Decoder(SMALL), data, ctx=Context(seed=1))
    assert fitted.log is not None
    losses = fitted.log.columns["loss"]
    assert losses[-1] < 0.4 * losses[0]
    trained = fitted.model
    assert isinstance(trained, Decoder)
    said = trained.generate(prompt="Tom had a red", max_new_tokens=8, temperature=0.0)
    assert said.startswith("Tom had a red ball. He")
    (tmp_path / "model").mkdir()
    trained.save(tmp_path / "model")
    again = Decoder(SMALL)
    again.load(tmp_path / "model")
    assert again.generate(prompt="Tom had a red", max_new_tokens=8, temperature=0.0) == said


def test_parts_are_disjoint_and_follow_the_content(stories: Path) -> None:
    parts = {
        p: set(Documents(DocumentsConfig(path=str(stories), part=p)))  # type: ignore[arg-type]
        for p in ("train", "valid", "test", "all")
    }
    assert parts["train"] | parts["valid"] | parts["test"] == parts["all"]
    assert sum(map(len, parts.values())) == 2 * len(parts["all"])
    assert part_of(STORY) == part_of(STORY)


def test_windows_lie_end_to_end(stories: Path) -> None:
    windows = Windows(WindowsConfig(window=10)).open(Documents(DocumentsConfig(path=str(stories))))
    first, second = windows[0].ids, windows[1].ids
    assert len(first) == 11
    assert first[0] == 2
    assert first[-1] == second[0]


def test_scores_are_those_of_the_definition() -> None:
    decoder = Decoder(SMALL)
    ids = torch.tensor([decoder.ids(STORY)])
    with torch.no_grad():
        logits, _ = decoder.gemma.eval()(ids[:, :-1])
    expected = -F.cross_entropy(
        logits[0, :, : decoder.gemma.config.sampled], ids[0, 1:], reduction="sum"
    )
    row = decoder.logprobs([STORY]).rows[0]
    assert row["tokens"] == ids.shape[1] - 1
    assert row["logprob"] == pytest.approx(expected.item(), rel=1e-4)
    assert row["bytes"] == len(STORY)


def test_tokens_of_another_tokenizer_are_refused() -> None:
    import numpy as np

    from interleaf.values import Tokens

    decoder = Decoder(SMALL)
    for tokens in (Tokens(np.array([5, 6]), "bytes"), Tokens(np.array([2, 99_999])), 7):
        with pytest.raises(InvalidInput):
            decoder.logprobs([tokens])


def test_a_config_that_contradicts_itself(stories: Path) -> None:
    for config in (DecoderConfig(layers=3), DecoderConfig(preset="tiny", weights=str(stories))):
        with pytest.raises(InvalidInput):
            Decoder(config).gemma  # noqa: B018
