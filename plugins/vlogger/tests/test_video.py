"""The paper's second network: what is untrained changes nothing, time and training, any length, folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interleaf.errors import InvalidInput, WeightsMissing
from interleaf.interfaces import Context
from interleaf_vlogger.example import example_person, example_photo, example_turns
from interleaf_vlogger.portrayed import Portraits, Portrayed
from interleaf_vlogger.video_config import PortraitsConfig, RenderersConfig, VideoConfig

pytest.importorskip("diffusers")
torch = pytest.importorskip("torch")

from interleaf_training import Recipe  # noqa: E402
from interleaf_vlogger.video.building import built, scheduler  # noqa: E402
from interleaf_vlogger.video.components import Video, clips  # noqa: E402
from interleaf_vlogger.video.judge import Renderers, _seams  # noqa: E402
from interleaf_vlogger.video.network import learning, outpainted  # noqa: E402

SMALL = VideoConfig(widths=(8, 16), side=16, frames=4)
PEOPLE = PortraitsConfig(people=3, frames=4, side=16, body="capsule")
CALL = {"image": example_photo(), "person": example_person(), "motion": example_turns()}


@pytest.fixture()
def network():
    torch.manual_seed(0)
    return built(SMALL).network.eval()


def given(frames=4, side=16, seed=0):
    torch.manual_seed(seed)
    return (
        torch.randn(2, frames, 3, side, side),
        torch.tensor([3, 700]),
        torch.rand(2, frames, 14, side, side),
    )


def alone(network, noisy, time):
    """What the UNet by itself makes of each frame."""
    t = noisy.shape[1]
    heard = network.text.expand(noisy.shape[0] * t, -1, -1)
    found = network.unet(
        noisy.flatten(0, 1), time.repeat_interleave(t), encoder_hidden_states=heard
    )
    return found.sample.view_as(noisy)


@torch.no_grad()
def test_an_untrained_branch_and_untrained_time_change_nothing(network):
    noisy, time, controls = given()
    assert torch.equal(network(noisy, time, controls), alone(network, noisy, time))
    assert torch.equal(network(noisy, time, controls), network(noisy, time, 1 - controls))


@torch.no_grad()
def test_a_trained_branch_listens_and_time_mixes_frames(network):
    noisy, time, controls = given()
    for zero in (
        network.control.controlnet_mid_block,
        network.control.controlnet_cond_embedding.conv_out,
    ):
        torch.nn.init.normal_(zero.weight, std=0.1)
    told = network(noisy, time, controls)
    assert not torch.equal(told, network(noisy, time, 1 - controls))
    moved = noisy.clone()
    moved[:, 3] += 1
    assert torch.equal(network(moved, time, controls)[:, 0], told[:, 0])
    for layer in network.over_time:
        torch.nn.init.normal_(layer.conv.weight, std=0.1)
    mixed = network(noisy, time, controls)
    assert not torch.equal(network(moved, time, controls)[:, 2], mixed[:, 2])
    # a single frame has no neighbours: layers over time leave it alone
    one = network(noisy[:, :1], time, controls[:, :1])
    assert torch.allclose(one, told[:, :1], atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("total", "overlap"), [(1, 2), (4, 2), (9, 2), (7, 0), (6, 3)])
def test_any_length_is_outpainted_and_what_was_given_stays(network, total, overlap):
    controls = torch.rand(total, 14, 16, 16)
    seen = []

    def told(done, whole):
        seen.append((done, whole))

    found = outpainted(
        network, scheduler(), controls, (3, 16, 16), frames=4, overlap=overlap, steps=2,
        generator=torch.Generator().manual_seed(1), told=told,
    )  # fmt: skip
    assert found.shape == (total, 3, 16, 16) and seen[-1] == (total, total)
    first = outpainted(
        network, scheduler(), controls[: min(total, 4)], (3, 16, 16), frames=4, overlap=overlap,
        steps=2, generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    assert torch.equal(found[: min(total, 4)], first)


def test_an_overlap_of_all_frames_is_refused(network):
    with pytest.raises(ValueError, match="overlap of 4"):
        outpainted(network, scheduler(), torch.rand(6, 14, 16, 16), (3, 16, 16), frames=4, overlap=4,
                   steps=1, generator=torch.Generator())  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "part"), [("control", "control"), ("time", "over_time"), ("all", "unet")]
)
def test_stages_train_their_own_parts(network, stage, part):
    learning(network, stage)
    live = {n.split(".")[0] for n, p in network.named_parameters() if p.requires_grad}
    assert part in live and live <= ({"unet", "control"} if stage == "all" else {part})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    data = Portraits(PEOPLE)
    recipe = Recipe(steps=60, batch=6, lr=3e-3, log_every=10, checkpoint_every=20)
    later = Recipe(steps=4, batch=2, lr=1e-3, log_every=2)
    done = Video(SMALL).fit(data, None, recipe, later, Context(seed=5))
    return data, recipe, later, done


def test_training_lowers_the_loss_of_noise_in_both_stages(fitted):
    log = fitted[3].log.columns
    frames = [v for s, v in zip(log["stage"], log["loss"], strict=True) if s == "all"]
    assert set(log["stage"]) == {"all", "time"}
    assert frames[-1] < 0.6 * frames[0]


def test_a_training_that_was_killed_goes_on_to_the_same_bits(fitted, tmp_path, monkeypatch):
    data, recipe, later, done = fitted
    import interleaf_vlogger.video.components as parts

    calls, real = [], parts.loss

    def dying(*a):
        calls.append(1)
        if len(calls) == 35:
            raise KeyboardInterrupt
        return real(*a)

    monkeypatch.setattr(parts, "loss", dying)
    with pytest.raises(KeyboardInterrupt):
        Video(SMALL).fit(data, None, recipe, later, Context(seed=5, resume=tmp_path))
    monkeypatch.setattr(parts, "loss", real)
    again = Video(SMALL).fit(data, None, recipe, later, Context(seed=5, resume=tmp_path))
    a, b = done.model.module.state_dict(), again.model.module.state_dict()
    assert all(torch.equal(a[n], b[n]) for n in a)


def test_a_trained_network_draws_a_photo_of_its_own_size_and_is_saved(fitted, tmp_path):
    made = fitted[3].model
    frames = made.generate(**CALL, steps=2)
    assert frames.pixels.shape == (2, 64, 72, 3) and frames.fps == 25
    assert np.array_equal(made.generate(**CALL, steps=2).pixels, frames.pixels)
    made.save(tmp_path)
    loaded = Video(VideoConfig(widths=(8, 16), side=16, frames=4, weights=str(tmp_path)))
    assert np.array_equal(loaded.generate(**CALL, steps=2).pixels, frames.pixels)


def test_without_weights_or_people_there_is_an_error_that_says_what_to_do():
    with pytest.raises(WeightsMissing, match=r"vlogger\.video has no weights"):
        Video(SMALL).generate(**CALL)
    from interleaf.pipeline.collection import Collection

    with pytest.raises(InvalidInput, match="nothing to train on"):
        Video(SMALL).fit(Collection.of([]))
    with pytest.raises(InvalidInput, match="no clip is 9"):
        clips(list(Portraits(PEOPLE)), 9)


def test_the_judge_names_who_wins(fitted):
    held = Portraits(PortraitsConfig(part="held", people=2, frames=7, side=16, body="capsule"))
    report = Renderers(RenderersConfig(steps=2)).evaluate(fitted[3].model, held)
    value = {m.name: m.value for m in report.measures}
    assert value["over_compositor"] == pytest.approx(value["video_psnr"] - value["compositor_psnr"])
    assert value["worst_person"] <= value["over_compositor"]
    assert value["video_wins"] == float(value["over_compositor"] > 0)
    assert value["seams"] > 0 and report.tables[1].columns["identity"] == ["drawn 0", "drawn 1"]
    assert report.tables[0].columns["renderer"] == ["copy", "compositor", "video"]
    none = Renderers().evaluate(fitted[3].model, [])
    assert all(m.value is None and m.reason for m in none.measures)


def test_seams_lie_where_blocks_meet():
    frames = np.zeros((10, 2, 2, 3), np.uint8)
    assert [t for t, (_, s) in enumerate(_seams(frames, 4, 0.5)) if s] == [3, 5, 7]


def test_nobody_is_in_two_parts():
    train, held = (Portraits(PortraitsConfig(part=p, people=3, frames=1, side=16, body="capsule"))
                   for p in ("train", "held"))  # fmt: skip
    assert not {p.identity for p in train} & {p.identity for p in held}
    assert train.fingerprint() != held.fingerprint() and isinstance(held[-1], Portrayed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small random Stable Diffusion, saved by diffusers itself."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    place = tmp_path_factory.mktemp("sd")
    torch.manual_seed(1)
    UNet2DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), norm_num_groups=4,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=12, attention_head_dim=4,
    ).save_pretrained(place / "unet")  # fmt: skip
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4,
    ).save_pretrained(place / "vae")  # fmt: skip
    return place


def test_a_folder_of_stable_diffusion_is_trained_beside_and_left_as_it_is(folder):
    config = VideoConfig(base=str(folder), side=64, frames=2)
    data = Portraits(PortraitsConfig(people=2, frames=2, side=64, body="capsule"))
    recipe = Recipe(steps=2, batch=2, lr=1e-3, log_every=1)
    done = Video(config).fit(data, None, recipe, recipe, Context(seed=0))
    live = done.model.renderer
    fresh = built(config)
    assert live.factor == 8 and set(done.log.columns["stage"]) == {"control", "time"}
    for part in ("network.unet", "codec"):
        a, b = live.get_submodule(part).state_dict(), fresh.get_submodule(part).state_dict()
        assert all(torch.equal(a[n], b[n]) for n in a)
    moved = live.network.control.controlnet_mid_block.weight
    assert moved.abs().max() > 0
    frames = done.model.generate(**CALL, steps=2)
    assert frames.pixels.shape == (2, 64, 72, 3)


def test_a_folder_that_lacks_a_part_is_told(folder, tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({}))
    with pytest.raises(WeightsMissing, match=r"vae/config\.json is not there"):
        built(VideoConfig(base=str(tmp_path)))


def test_controls_of_the_head_alone_say_nothing_of_the_rest():
    from interleaf_vlogger.controlling import REGIONS, of_head

    person = Portraits(PEOPLE)[0].controls
    head = person[..., [3 + REGIONS.index(n) for n in ("head", "eyes", "mouth")]].any(-1)
    found = of_head(person)
    assert np.array_equal(found[head], person[head]) and head.any() and not head.all()
    assert (found[~head][:, 3] == 1).all() and not np.delete(found[~head], 3, 1).any()


def test_the_papers_ablations_of_video_are_a_table(tmp_path):
    import interleaf

    run = interleaf.run(
        "vlogger/video-ablations", out=tmp_path, people=2, held=1, frames=10, side=16, body="capsule",
        steps=2, time_steps=2, batch=2, draw=1, store=str(tmp_path / "store"),
    )  # fmt: skip
    table = run.value("table")
    rows = dict(zip(table.columns["variant"], table.columns["seams"], strict=True))
    psnr = dict(zip(table.columns["variant"], table.columns["video_psnr (dB)"], strict=True))
    judged = ("full", "head_only_controls", "no_outpainting", "overlap_25")
    assert all(rows[n] is not None and psnr[n] is not None for n in judged)
    assert psnr["no_guidance"] is None and rows["no_outpainting"] != rows["full"]
