"""The paper's network: surgery, checkpoints of diffusers, conditioning, what the additions do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("diffusers")
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel
from safetensors.torch import save_file

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf_followclick.animate.building import learning, learnt, tiny_unet
from interleaf_followclick.animate.checkpoints import mapped, read_adapter, read_unet
from interleaf_followclick.animate.codec import PatchPca
from interleaf_followclick.animate.model import FollowClick, scheduler
from interleaf_followclick.animate.text import HashNGram, hashed
from interleaf_followclick.animate.unet import (
    FollowClickUNet,
    masked_first_frame,
    nine_channels,
    widened,
)

WIDTHS = (32, 64)


def flat_unet() -> Any:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=WIDTHS, layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=24,
        attention_head_dim=8, norm_num_groups=8,
    )  # fmt: skip


def adapter() -> Any:
    torch.manual_seed(1)
    made = MotionAdapter(
        block_out_channels=WIDTHS, motion_layers_per_block=1, motion_num_attention_heads=8,
        motion_norm_num_groups=32, use_motion_mid_block=False,
    )  # fmt: skip
    for p in made.parameters():  # output layers start at zero: make every weight count
        p.data.normal_(0, 0.05)
    return made


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    flat_unet().save_pretrained(tmp_path / "sd" / "unet")
    adapter().save_pretrained(tmp_path / "adapter")
    return tmp_path / "sd", tmp_path / "adapter"


def test_a_widened_convolution_ignores_what_it_did_not_know() -> None:
    conv = torch.nn.Conv2d(4, 8, 3, padding=1)
    x = torch.randn(2, 9, 6, 6)
    assert torch.equal(widened(conv, 5).weight[:, 4:], torch.zeros(8, 5, 3, 3))
    torch.testing.assert_close(widened(conv, 5)(x), conv(x[:, :4]))


def test_folders_of_diffusers_give_the_same_network_with_nine_channels(
    folders: tuple[Path, Path],
) -> None:
    plain = UNetMotionModel.from_unet2d(flat_unet(), adapter()).eval()
    ours = FollowClickUNet(read_unet(*folders)).eval()
    noisy, image, mask = torch.randn(1, 4, 3, 8, 8), torch.randn(1, 4, 8, 8), torch.ones(1, 1, 8, 8)
    text, time = torch.randn(1, 5, 24), torch.tensor([500])
    with torch.no_grad():
        expected = plain(noisy, time, text.repeat_interleave(3, 0)).sample
        found = ours(noisy, time, image, mask, text, text, torch.tensor([4.0]), torch.tensor([8.0]))
    torch.testing.assert_close(found, expected)


def test_animatediffs_own_file_gives_the_same_adapter(tmp_path: Path) -> None:
    made = adapter()
    theirs = {}
    for name, tensor in made.state_dict().items():
        block, _, rest = name.partition(".transformer_blocks.")
        if not rest:
            head, _, tail = re.match(r"(.*motion_modules\.\d+)(\.)(.*)", name).groups()
            theirs[f"{head}.temporal_transformer.{tail}"] = tensor
            continue
        index, _, part = rest.partition(".")
        base = f"{block}.temporal_transformer.transformer_blocks.{index}."
        if part == "pos_embed.pe":
            for k in (0, 1):
                theirs[f"{base}attention_blocks.{k}.pos_encoder.pe"] = tensor.clone()
            continue
        for ours, other in (
            ("attn1.", "attention_blocks.0."), ("attn2.", "attention_blocks.1."),
            ("norm1.", "norms.0."), ("norm2.", "norms.1."), ("norm3.", "ff_norm."), ("ff.", "ff."),
        ):  # fmt: skip
            if part.startswith(ours):
                theirs[base + other + part.removeprefix(ours)] = tensor
    save_file({k: v.contiguous() for k, v in theirs.items()}, tmp_path / "mm.safetensors")
    found = read_adapter(tmp_path / "mm.safetensors").state_dict()
    assert found.keys() == made.state_dict().keys()
    assert all(torch.equal(found[k], v) for k, v in made.state_dict().items())


def test_files_that_are_no_motion_modules_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no motion module"):
        mapped({"conv.weight": torch.zeros(1)})
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with pytest.raises(CorruptData, match="cannot be read"):
        read_adapter(tmp_path / "broken.safetensors")
    with pytest.raises(WeightsMissing, match="UNet"):
        read_unet(tmp_path, tmp_path)


@pytest.mark.parametrize("given", [True, False])
def test_paper_and_released_differ_in_the_five_channels_of_the_table(given: bool) -> None:
    noisy, image = torch.randn(2, 4, 5, 3, 3), torch.randn(2, 4, 3, 3)
    mask = torch.rand(2, 1, 3, 3) if given else None
    paper, released = (nine_channels(noisy, mask, image, c) for c in ("paper", "released"))
    assert torch.equal(paper[:, :4], released[:, :4])
    assert torch.equal(paper[:, :, 0], released[:, :, 0])
    assert torch.equal(paper[:, 5:, 1:], image[:, :, None].expand(2, 4, 4, 3, 3))
    assert not released[:, 5:, 1:].any() and not paper[:, 4, 1:].any()
    if mask is not None:
        assert torch.equal(released[:, 4:5], mask[:, :, None].expand(2, 1, 5, 3, 3))
    else:
        assert (released[:, 4, 0] == 1).all() and not released[:, 4, 1:].any()


def tiny(**options: Any) -> FollowClick:
    torch.manual_seed(0)
    net = FollowClickUNet(tiny_unet((8, 16)), **options)
    return FollowClick(net, PatchPca(), HashNGram(32), residual=True)


def test_phrase_and_strength_add_nothing_at_first_and_something_once_learnt() -> None:
    model = tiny().eval()
    z, image, mask = torch.randn(2, 16, 3, 4, 4), torch.randn(2, 16, 4, 4), torch.ones(2, 1, 4, 4)
    text, other = model.text(["left", "left"]), model.text(["up", "up"])
    time, slow, fast = torch.tensor([10, 10]), torch.tensor([1.0, 1.0]), torch.tensor([9.0, 9.0])
    said = lambda p, s: model.unet(z, time, image, mask, text, p, s, slow)  # noqa: E731
    with torch.no_grad():
        plain = model.unet(z, time, image, mask, text)
        assert torch.equal(plain, said(other, fast))
        for p in [*model.unet.phrases.parameters(), *model.unet.numbers.parameters()]:
            p.normal_(0, 0.3)
        for p in model.unet.unet.parameters():
            p.add_(0.02 * torch.randn_like(p))
        assert not torch.allclose(said(text, slow), said(other, slow))
        assert not torch.allclose(said(text, slow), said(text, fast))
    assert not list(tiny(phrase=False, strength=False).unet.phrases.parameters())


def test_first_frame_masking_drops_whole_cells_at_the_given_rate() -> None:
    image = torch.ones(2, 4, 64, 64)
    masked = masked_first_frame(image, torch.tensor([0.7, 0.0]))
    assert (masked.std(1) == 0).all() and (masked[1] == 1).all()
    assert abs(1 - masked[0].mean() - 0.7) < 0.03


def test_the_codec_is_orthonormal_and_keeps_smooth_pictures() -> None:
    codec, ys = PatchPca(), torch.arange(32.0)
    ramp = (ys[:, None] * 3 + ys * 4)[..., None].expand(32, 32, 3).to(torch.uint8)
    noise = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8)
    codec.fit(torch.cat([ramp[None].expand(24, 32, 32, 3), noise]).numpy())
    torch.testing.assert_close(codec.basis @ codec.basis.T, torch.eye(16))
    pixels = ramp.movedim(-1, 0)[None].float() / 127.5 - 1
    assert (codec.decode(codec.encode(pixels)) - pixels).abs().mean() < 0.05


def test_locked_cells_do_not_move() -> None:
    model = tiny().eval()
    first, lock = torch.randn(1, 16, 4, 4), torch.zeros(1, 1, 4, 4)
    lock[..., :2] = 1
    z = model.sample(
        first, lock, ["left"], torch.tensor([4.0]), torch.tensor([8.0]), frames=3, steps=3,
        guidance=2.0, generator=torch.Generator().manual_seed(0), lock=lock,
    )  # fmt: skip
    assert not z[..., 2:].any() and z[..., :2].any()


@pytest.mark.parametrize("a", [0.0, 0.2, 0.9])
def test_v_of_clips_without_structure_is_what_the_network_need_not_learn(a: float) -> None:
    model = tiny()
    model.deviation.fill_(0.4)
    z, noise = 0.4 * torch.randn(200_000), torch.randn(200_000)
    x, v = a**0.5 * z + (1 - a) ** 0.5 * noise, a**0.5 * noise - (1 - a) ** 0.5 * z
    skip, scale, out = model.conditioned(torch.tensor(a))
    left = v - skip * x
    assert abs((left * x).mean()) < 0.01  # no multiple of x explains more of v
    torch.testing.assert_close(left.std(), out, rtol=0.02, atol=0)
    assert (scale * x).std() == pytest.approx(1, rel=0.02)


def test_what_is_no_residual_is_predicted_as_in_the_paper() -> None:
    net = FollowClickUNet(tiny_unet((8, 16)))
    model = FollowClick(net, PatchPca(), HashNGram(32), residual=False)
    assert model.conditioned(torch.tensor(0.3)) == (0.0, 1.0, 1.0)


def test_the_schedule_ends_without_signal() -> None:
    assert scheduler().alphas_cumprod[-1] < 1e-7


def test_only_motion_learns_where_that_is_asked() -> None:
    model = tiny()
    learning(model, "motion")
    names = learnt(model)
    assert any("motion_modules" in n for n in names) and any("conv_in" in n for n in names)
    assert not any("resnets" in n for n in names)


def test_words_are_found_by_their_letters() -> None:
    assert hashed("Left!")[0] == hashed("left")[0] and len(hashed("")) == 8
    assert len(set(hashed("leftwards")[0]) & set(hashed("left")[0])) > 4
