"""Adapters: they change nothing at first, learn one person, and come off without a trace."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf.interfaces import Context
from interleaf_vlogger.example import example_person, example_photo, example_turns
from interleaf_vlogger.portrayed import Portraits
from interleaf_vlogger.video_config import PersonalConfig, PortraitsConfig, VideoConfig

pytest.importorskip("diffusers")
torch = pytest.importorskip("torch")

from interleaf_training import Recipe  # noqa: E402
from interleaf_vlogger.video import personal  # noqa: E402
from interleaf_vlogger.video.building import built  # noqa: E402
from interleaf_vlogger.video.components import Video  # noqa: E402
from interleaf_vlogger.video.own import Personal  # noqa: E402

SMALL = {"widths": (8, 16), "side": 16, "frames": 2}
CALL = {"image": example_photo(), "person": example_person(), "motion": example_turns(), "steps": 2}


@pytest.fixture(scope="module")
def everyones(tmp_path_factory):
    """A network that everyone has, saved; for want of a trained one, of random weights."""
    model = Video(VideoConfig(**SMALL))
    model.initialise(3)
    folder = tmp_path_factory.mktemp("weights")
    model.save(folder)
    return model, folder


@pytest.fixture(scope="module")
def adapted(everyones):
    person = Portraits(PortraitsConfig(people=1, frames=6, side=16, body="capsule"))
    recipe = Recipe(steps=40, batch=6, lr=1e-2, weight_decay=0.0, log_every=10)
    model = Personal(PersonalConfig(**SMALL, weights=str(everyones[1])))
    return model.fit(person, None, recipe, Context(seed=1))


def bits(module):
    return {n: t.clone() for n, t in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


@torch.no_grad()
def test_adapters_change_nothing_at_first_and_leave_nothing_behind():
    torch.manual_seed(0)
    network = built(VideoConfig(**SMALL)).network.eval()
    before = bits(network)
    given = torch.randn(1, 2, 3, 16, 16), torch.tensor([50]), torch.rand(1, 2, 14, 16, 16)
    plain = network(*given)
    learns = personal.attach(network, 2)
    assert torch.equal(network(*given), plain) and learns
    for parameter in learns:
        torch.nn.init.normal_(parameter, std=0.1)
    assert not torch.equal(network(*given), plain)
    with pytest.raises(InvalidInput, match="already"):
        personal.attach(network, 2)
    personal.detach(network)
    assert torch.equal(network(*given), plain) and same(bits(network), before)


def test_one_person_is_learnt_and_taken_off_again_bit_for_bit(everyones, adapted):
    model, _ = everyones
    loss = adapted.log.columns["loss"]
    assert loss[-1] < 0.9 * loss[0]
    own = adapted.model.generate(**CALL).pixels
    assert not np.array_equal(own, model.generate(**CALL).pixels)
    kept = {n: t.clone() for n, t in personal.tensors(adapted.model.renderer.network).items()}
    plain = adapted.model.plain()
    assert same(bits(plain.module), bits(model.module))
    assert np.array_equal(plain.generate(**CALL).pixels, model.generate(**CALL).pixels)
    personal.attach(plain.renderer.network, 4)
    for name, tensor in personal.tensors(plain.renderer.network).items():
        tensor.data.copy_(kept[name])
    adapted.model._module = plain.renderer  # as it was, for the next test
    assert np.array_equal(adapted.model.generate(**CALL).pixels, own)


def test_adapters_alone_are_saved_and_fit_their_own_network_only(everyones, adapted, tmp_path):
    adapted.model.save(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["adapters.safetensors"]
    config = PersonalConfig(
        **SMALL, weights=str(everyones[1]), adapters=str(tmp_path / "adapters.safetensors")
    )
    again = Personal(config).generate(**CALL).pixels
    assert np.array_equal(again, adapted.model.generate(**CALL).pixels)
    other = built(VideoConfig(widths=(8, 24), side=16, frames=2)).network
    with pytest.raises(CorruptData, match="another network"):
        personal.load(other, tmp_path / "adapters.safetensors")
    assert not personal.tensors(other)
    (tmp_path / "broken").write_bytes(b"no")
    with pytest.raises(CorruptData, match="cannot be read"):
        personal.load(other, tmp_path / "broken")
    with pytest.raises(WeightsMissing, match="no adapters"):
        Personal(PersonalConfig(**SMALL)).generate(**CALL)


def test_videos_of_one_person_are_learnt_by_the_command(tmp_path, filming):
    from interleaf_vlogger.building import build
    from interleaf_vlogger.filmed import filmed
    from interleaf_vlogger.personalize_command import personalize

    videos, data = tmp_path / "videos", tmp_path / "data"
    videos.mkdir()
    part = filming.clip(0)
    filming.write(videos, "a", [part], filming.sound(24), {"consent": "yes", "identity": "ada"})
    build(videos, data, body="capsule", limits=filming.limits)
    (found,) = filmed(data, videos, 32, 5)
    assert found.frames.shape == (5, 32, 32, 3) and found.controls.shape == (5, 32, 32, 14)
    body = found.controls[..., 3] == 0
    assert 0.1 < body.mean() < 0.9 and found.identity == "ada"
    carried = found.controls[0, ..., 10:13][found.controls[0, ..., 13] > 0] * 255
    shown = found.photo[found.controls[0, ..., 13] > 0]
    assert np.median(np.abs(carried - shown)) < 6
    model = Video(VideoConfig())
    model.initialise(0)
    (tmp_path / "weights").mkdir()
    model.save(tmp_path / "weights")
    personalize(data, videos, tmp_path / "own", tmp_path / "weights", steps=2, frames=2)
    assert (tmp_path / "own" / "adapters" / "adapters.safetensors").is_file()
    with pytest.raises(InvalidInput, match="--weights"):
        personalize(data, videos, tmp_path / "own")
    lines = [json.loads(r) for r in (data / "manifest.jsonl").read_text().splitlines()]
    more = [*lines, {**lines[0], "identity": "bob"}]
    (data / "manifest.jsonl").write_text("".join(json.dumps(r) + "\n" for r in more))
    with pytest.raises(InvalidInput, match="2 people"):
        personalize(data, videos, tmp_path / "own", tmp_path / "weights")
    (data / "manifest.jsonl").write_text(json.dumps({**lines[0], "consent": ""}) + "\n")
    with pytest.raises(InvalidInput, match="no consent"):
        personalize(data, videos, tmp_path / "own", tmp_path / "weights")
