"""Movement: whitening, denoising, streaming, and sound that is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import interleaf
from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.values import Audio
from interleaf_vlogger import sound, whitening
from interleaf_vlogger.agreement import beat
from interleaf_vlogger.components import TalkingMotion
from interleaf_vlogger.config import MotionConfig
from interleaf_vlogger.diffusion import TRAINED, Group, cosine, denoised
from interleaf_vlogger.example import example_pairs
from interleaf_vlogger.network import AHEAD, HEARS, Denoiser
from interleaf_vlogger.people import MOVED, mirrored, over
from interleaf_vlogger.talking import Stream, of_sound, talk

SMALL = MotionConfig(body="capsule", width=16, layers=1, components=4)
VOICE = example_pairs(1)[0].samples


def random_model(seed: int = 0) -> TalkingMotion:
    """Weights that do something: untrained networks give nothing on purpose."""
    model = TalkingMotion(SMALL)
    model.initialise(seed)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        for group in (model.person.lips, model.person.body):
            torch.nn.init.normal_(group.net.out.weight, 0, 0.3)
    return model


def joined(blocks):
    lips, body = zip(*blocks, strict=True)
    return np.concatenate(lips), np.concatenate(body)


MODEL = random_model()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, len(VOICE) - 1), max_size=6), st.integers(0, 99))
def test_pieces_give_what_the_whole_gives(cuts, seed):
    frames = sound.frames_of(VOICE, 25.0)
    how = {"seed": seed, "steps": 3, "draws": 1 + seed % 2}
    whole = joined(talk(MODEL.stream(**how), VOICE))
    stream, blocks = MODEL.stream(**how), []
    for piece in np.split(VOICE, sorted(set(cuts))):
        blocks += list(stream.push(piece))
        # what a stream knows is all it needs: another one goes on from it
        stream = MODEL.stream(**how, state=stream.state)
    blocks += list(stream.finish(frames))
    for a, b in zip(whole, joined(blocks), strict=True):
        assert a.shape[0] == frames and np.array_equal(a, b)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60))
def test_no_frame_hears_further_than_it_says(frame):
    changed = VOICE.copy()
    changed[int((frame + 1 + AHEAD) / 25.0 * sound.RATE) + 300 :] = 0.1
    a = joined(talk(MODEL.stream(steps=3), VOICE))
    b = joined(talk(MODEL.stream(steps=3), changed))
    n = min(frame, len(a[0]), len(b[0]))
    assert all(np.array_equal(x[:n], y[:n]) for x, y in zip(a, b, strict=True))


def test_memory_does_not_grow_with_the_sound():
    stream, largest = MODEL.stream(steps=1), 0
    for _ in range(40):
        for _ in stream.push(VOICE):
            largest = max(
                largest, sum(getattr(stream.state, n).nbytes for n in ("samples", "lips", "body"))
            )
    assert stream.state.frame > 1000 and largest < 4 * VOICE.nbytes


def test_seeds_differ_and_repeat():
    a, b, c = (joined(talk(MODEL.stream(seed=s, steps=3), VOICE)) for s in (1, 1, 2))
    assert np.array_equal(a[1], b[1]) and not np.array_equal(a[1], c[1])


def test_without_noise_lips_are_the_same_for_every_seed():
    a, b = (joined(talk(MODEL.stream(seed=s, steps=3, lips_noise=0.0), VOICE)) for s in (1, 2))
    assert np.array_equal(a[0], b[0]) and not np.array_equal(a[1], b[1])
    c, d = (joined(talk(MODEL.stream(seed=s, steps=3, lips_noise=1.0), VOICE)) for s in (1, 2))
    assert not np.array_equal(c[0], d[0])


def test_guidance_may_change_over_frames():
    class Late(interleaf.interfaces.Schedule):
        domain = property(lambda self: interleaf.interfaces.Domain(0, None, "frame"))

        def values(self, xs):
            return {"value": np.where(np.asarray(xs) < 32, 1.0, 3.0)}

    plain = joined(talk(MODEL.stream(steps=3, lips_guidance=1.0), VOICE))[0]
    late = joined(talk(MODEL.stream(steps=3, lips_guidance=Late()), VOICE))[0]
    assert np.array_equal(plain[:32], late[:32]) and not np.array_equal(plain[32:], late[32:])


def test_denoising_is_diffusers_ddim():
    diffusers = pytest.importorskip("diffusers")
    group = random_model().person.lips
    noise = torch.randn(1, 20, 6, generator=torch.Generator().manual_seed(0))
    heard = torch.randn(20, HEARS * 96, generator=torch.Generator().manual_seed(1))
    ours = denoised(group, noise, heard, None, torch.ones(20), 5)
    scheduler = diffusers.DDIMScheduler(
        TRAINED, beta_schedule="squaredcos_cap_v2", prediction_type="sample", clip_sample=False,
        set_alpha_to_one=False, timestep_spacing="linspace",
    )  # fmt: skip
    assert torch.allclose(scheduler.alphas_cumprod, cosine(), atol=1e-6)
    scheduler.set_timesteps(5)
    places = torch.linspace(TRAINED - 1, 0, 5).round().long()
    z = noise
    with torch.no_grad():
        sound_of_it = group.net.sound(heard[None], torch.zeros(1, dtype=torch.bool))
        for i, t in enumerate(places):
            found = group.clean(z, sound_of_it, t.expand(1))
            if i + 1 == len(places):
                break
            a, later = scheduler.alphas_cumprod[t], scheduler.alphas_cumprod[places[i + 1]]
            noisy = (z - a.sqrt() * found) / (1 - a).sqrt()
            assert torch.allclose(scheduler.add_noise(found, noisy, t[None]), z, atol=1e-4)
            z = later.sqrt() * found + (1 - later).sqrt() * noisy
    assert torch.allclose(ours, group.movement(found), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(1, 5), st.integers(10, 64))
def test_whitening_is_causal_and_undone(seed, components, length):
    rng = np.random.default_rng(seed)
    x = np.cumsum(np.cumsum(rng.normal(0, 0.01, (300, 5)), 0) * 0.1, 0)
    x -= np.linspace(0, 1, 300)[:, None] * x[-1]
    known = whitening.fitted([x], components)
    shaping = known.shaping(length)
    assert np.allclose(shaping, np.tril(shaping))
    assert np.allclose(known.shaping(length - 3), shaping[:, : length - 3, : length - 3])
    y = known.components(x[:length])
    white = np.linalg.solve(shaping, y.T[..., None])
    back = (shaping @ white)[..., 0].T
    assert np.allclose(back, y, atol=1e-8)
    assert np.abs(known.movements(y) - x[:length]).max() < np.abs(x).max()


def test_white_noise_is_given_the_spectrum_of_the_data():
    rng = np.random.default_rng(0)
    e = rng.normal(0, 1, 4000)
    x = np.zeros(4000)
    for t in range(2, 4000):
        x[t] = 1.6 * x[t - 1] - 0.7 * x[t - 2] + e[t]
    known = whitening.fitted([x[:, None]], 1)
    made = (known.shaping(400)[0] @ rng.normal(0, 1, (400, 200))).T
    assert made.std() == pytest.approx(x.std(), rel=0.15)
    assert np.diff(made, 3, axis=1).std() == pytest.approx(np.diff(x, 3).std(), rel=0.15)


def test_an_untrained_network_adds_nothing():
    net, deaf = Denoiser(4, 2, 96, width=16, layers=1), torch.zeros(2, dtype=torch.bool)
    heard = net.sound(torch.randn(2, 5, HEARS * 96), deaf)
    assert (net(torch.randn(2, 5, 4), heard, torch.rand(2)) == 0).all()
    body = Group(6, 4, 96, True, 16, 1)
    z, a = torch.randn(1, 5, 4), cosine()[500]
    found = body.clean(z, torch.randn(1, 5, 16), torch.tensor([500]))
    assert torch.allclose(found, a.sqrt() * z)  # what a Gaussian of unit variance would be


@pytest.mark.parametrize("variance", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("place", [50, 500, 990])
def test_the_gain_is_that_of_a_gaussian(variance, place):
    """With G as documented, what is predicted is the mean of clean units of that variance."""
    body, a = Group(6, 4, 96, True, 16, 1), cosine()[place]
    gain = (variance - 1) / (a * variance + 1 - a)
    with torch.no_grad():
        body.net.out.bias[4:] = gain
    z = torch.randn(1, 5, 4)
    found = body.clean(z, torch.randn(1, 5, 16), torch.tensor([place]))
    wiener = variance * a.sqrt() / (a * variance + 1 - a)
    assert torch.allclose(found, wiener * z, rtol=1e-4, atol=1e-5)


def test_of_several_draws_the_one_is_kept_that_follows_the_voice():
    long = np.concatenate([VOICE, VOICE])
    frames = sound.frames_of(long, 25.0)
    loud = sound.loudness(long, frames, 25.0)

    def beats(draws):
        made = [joined(talk(MODEL.stream(seed=s, steps=2, draws=draws), long))[1] for s in range(4)]
        return np.mean([beat(m, loud) for m in made])

    assert beats(6) > beats(1) + 0.1


@pytest.mark.parametrize("name", list(MOVED))
def test_a_mirror_twice_is_nothing(name):
    delta = np.random.default_rng(0).normal(0, 1, (4, 3 * len(MOVED[name])))
    assert np.array_equal(mirrored(mirrored(delta, name), name), delta)
    assert not np.array_equal(mirrored(delta, name), delta)


def test_moved_joints_are_the_bodys():
    from interleaf_body.backends import body_model

    names = body_model("capsule").bake().topology.joint_names
    assert set(MOVED["capsule"]) <= set(names)


@pytest.mark.parametrize(
    ("samples", "rate", "told"),
    [
        (np.zeros((0, 1)), 16_000, "no samples"),
        (np.where(np.arange(900)[:, None] == 800, np.nan, 0.0), 8000, "at 0.100 s"),
    ],
)
def test_sound_that_is_none_is_named(samples, rate, told):
    with pytest.raises(InvalidInput, match=told):
        MODEL.generate(Audio(samples.astype(np.float32), rate), steps=1)


@pytest.mark.parametrize(
    ("seconds", "rate", "channels", "frames"),
    [(0.2, 8000, 2, 5), (0.001, 44_100, 1, 1), (2, 11_025, 2, 50)],
)
def test_any_rate_and_length(seconds, rate, channels, frames):
    rng = np.random.default_rng(0)
    audio = Audio(
        rng.normal(0, 0.1, (max(1, int(seconds * rate)), channels)).astype(np.float32), rate
    )
    found = MODEL.generate(audio, steps=2, ctx=Context(seed=3))
    assert len(found["motion"].root) == len(found["face"].amounts) == frames
    assert np.isfinite(found["motion"].rotations).all()
    assert (found["face"].amounts >= 0).all() and (found["face"].amounts <= 1).all()


def test_a_delay_of_whole_windows_is_heard_as_one():
    late = np.concatenate([np.zeros(int(0.4 * sound.RATE), np.float32), VOICE])
    a, b = of_sound(VOICE, 25.0), of_sound(late, 25.0)
    assert torch.allclose(a[8:40], b[18:50], atol=1e-5)


def test_residuals_are_laid_over_a_pose():
    from interleaf_body import quaternions as quat
    from interleaf_body.backends import body_model
    from interleaf_vlogger.people import motion_of

    body = body_model("capsule").bake()
    delta = np.zeros((1, 3 * len(MOVED["capsule"])))
    pose = np.zeros((len(body.heads), 3))
    pose[5, 1] = 0.4
    still = motion_of(delta, "capsule", body, 25.0)
    assert np.allclose(quat.to_rotvec(over(still, pose).rotations)[0], pose, atol=1e-9)


def test_a_stream_takes_up_where_another_stopped_exactly_once():
    stream = MODEL.stream(steps=2)
    first = list(stream.push(VOICE[:40_000]))
    assert isinstance(stream, Stream) and len(first) == 1 and len(first[0][0]) == 32


def test_what_never_moves_can_be_whitened():
    x = np.zeros((60, 3))
    x[:, 0] = np.cumsum(np.random.default_rng(0).normal(0, 0.1, 60))
    known = whitening.fitted([x], 3)
    assert np.isfinite(known.shaping(64)).all() and np.abs(known.shaping(64)[1:]).max() < 1e-3
