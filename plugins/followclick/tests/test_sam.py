"""SAM-class folders, as transformers saves them (random weights: the path, not the quality)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

from interleaf_followclick.components import Segment
from interleaf_followclick.config import SegmentConfig


def test_a_folder_of_sam_gives_masks_of_the_pictures_size(tmp_path: Path) -> None:
    config = SamConfig(
        vision_config={
            "hidden_size": 16, "output_channels": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 16, "window_size": 2, "global_attn_indexes": [0],
            "num_pos_feats": 8, "mlp_dim": 32,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 16, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    SamModel(config).save_pretrained(tmp_path)
    size = {"longest_edge": 64}
    pad = {"height": 64, "width": 64}
    SamProcessor(SamImageProcessor(size=size, pad_size=pad)).save_pretrained(tmp_path)
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    from interleaf_followclick.sam import Sam

    masks, scores = Sam.read(str(tmp_path)).segment(photo, [(30, 20)], [(2, 2)])
    assert len(masks) == len(scores) == 3 and all(m.shape == (40, 60) for m in masks)
    assert scores == sorted(scores, reverse=True)
    assert Segment(SegmentConfig(method="sam", weights=str(tmp_path))).config.method == "sam"
