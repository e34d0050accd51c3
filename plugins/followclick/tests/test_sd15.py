"""The Stable Diffusion 1.5 configuration on small random folders, as diffusers and transformers save them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("transformers")
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from interleaf.errors import InvalidInput, WeightsMissing
from interleaf.interfaces import Context
from interleaf.pipeline.collection import Collection
from interleaf.values import Image, Item
from interleaf_followclick.animate.building import built, learnt
from interleaf_followclick.animate.components import Animate
from interleaf_followclick.config import AnimateModelConfig
from interleaf_followclick.reading import mask_image
from interleaf_followclick.samples import Sample
from interleaf_training.config import Recipe

WIDTHS, TEXT = (32, 64), 24


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """``base``: unet, vae, text_encoder, tokenizer; ``adapter``: a motion module."""
    base, motion = tmp_path_factory.mktemp("sd"), tmp_path_factory.mktemp("motion")
    torch.manual_seed(0)
    UNet2DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=WIDTHS, layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=TEXT,
        attention_head_dim=8, norm_num_groups=8,
    ).save_pretrained(base / "unet")  # fmt: skip
    AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4,
        up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=4, sample_size=32,
    ).save_pretrained(base / "vae")  # fmt: skip
    words = ["<|startoftext|>", "<|endoftext|>", "l", "e", "f", "t</w>", "l</w>", "le", "f t</w>"]
    (base / "tokenizer").mkdir()
    (base / "tokenizer" / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (base / "tokenizer" / "merges.txt").write_text("#version: 0.2\nl e\n")
    CLIPTokenizer(
        str(base / "tokenizer" / "vocab.json"), str(base / "tokenizer" / "merges.txt")
    ).save_pretrained(base / "tokenizer")
    CLIPTextModel(CLIPTextConfig(
        vocab_size=len(words), hidden_size=TEXT, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=12, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )).save_pretrained(base / "text_encoder")  # fmt: skip
    MotionAdapter(
        block_out_channels=WIDTHS, motion_layers_per_block=1, motion_num_attention_heads=8,
        motion_norm_num_groups=32, use_motion_mid_block=False,
    ).save_pretrained(motion)  # fmt: skip
    return {"base": str(base), "adapter": str(motion)}


def config(folders: dict[str, str], **options: Any) -> AnimateModelConfig:
    return AnimateModelConfig(preset="sd15", pixels=32, masking=(0.7,), **folders, **options)


def samples() -> list[Sample]:
    rng, whole = np.random.default_rng(0), np.ones((32, 32), bool)
    return [
        Sample(rng.integers(0, 256, (3, 32, 32, 3)).astype(np.uint8), whole, whole, "left", "a cup", 1.0 + i,
               3.1, np.zeros((2, 32, 32, 2), np.float32), "made up", i)
        for i in range(2)
    ]  # fmt: skip


def test_it_trains_saves_loads_and_animates(folders: dict[str, str], tmp_path: Path) -> None:
    made = Animate(config(folders, train="motion", conditioning="paper"))
    recipe = Recipe(steps=2, batch=2, lr=1e-3)
    model = made.fit(Collection.of(samples()), recipe=recipe, ctx=Context(seed=1)).model
    assert isinstance(model, Animate)
    start, live = built(config(folders)).state_dict(), model.model.state_dict()
    changed = {n for n, t in live.items() if n in start and not torch.equal(t, start[n])}
    assert any("motion_modules" in n for n in changed) and any("conv_in" in n for n in changed)
    assert not any(n.startswith(("codec.", "text.model.")) or "resnets" in n for n in changed)
    model.save(tmp_path)
    again = Animate(config(folders, conditioning="paper", weights=str(tmp_path)))
    photo, mask = np.full((32, 32, 3), 90, np.uint8), np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    clips = [
        np.asarray(m.generate(
            Image(photo), [Item(mask_image(mask), "m")], ("left",), (1.5,), 3, 8.0, 2, 2.0,
            ctx=Context(seed=3),
        ).pixels)
        for m in (model, again)
    ]  # fmt: skip
    assert clips[0].shape == (3, 32, 32, 3)
    assert (
        np.abs(np.subtract(*clips, dtype=int)).max() <= 2
    )  # strides differ, and with them last bits


def test_what_learns_is_what_was_asked(folders: dict[str, str]) -> None:
    from interleaf_followclick.animate.building import learning

    model = built(config(folders))
    learning(model, "all")
    every = set(learnt(model))
    learning(model, "motion")
    assert set(learnt(model)) < every and not any(n.startswith("codec.") for n in every)


def test_folders_that_are_not_there_are_named(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="sd15 needs base and adapter"):
        built(AnimateModelConfig(preset="sd15"))
    with pytest.raises(WeightsMissing, match="autoencoder"):
        built(config({**folders, "base": str(tmp_path)}))
