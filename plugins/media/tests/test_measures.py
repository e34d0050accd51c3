"""Every measure against its reference library, and the laws that hold for each."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

import interleaf
from interleaf.errors import InvalidInput, ProblemsFound
from interleaf.interfaces import Measure
from interleaf.values import Frames, Image
from interleaf_media import fidelity
from interleaf_media.clips import example_frames
from interleaf_media.measures import METRICS, compare, record
from interleaf_media.series import Series
from interleaf_media.streams import masked

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
CARPHONE = [DATA / "video" / f"carphone_{n}.mp4" for n in ("distorted", "pristine")]
needs_data = pytest.mark.skipif(
    not CARPHONE[0].is_file(), reason=f"no videos in {DATA}: set INTERLEAF_DATA"
)
FAST = settings(max_examples=25, deadline=None)


def pair(k, height=None, width=None):
    """A picture and a copy: noise, ramps, flat ground, small differences; sizes from 11 on."""
    rng = np.random.default_rng(k)
    shape = (height or rng.integers(11, 70), width or rng.integers(11, 70), 1 if k % 5 == 0 else 3)
    wide = np.uint16 if k % 7 == 0 else np.uint8
    top = np.iinfo(wide).max
    if k % 4 == 0:
        a, b = (rng.integers(0, top + 1, shape) for _ in "ab")
    else:
        ground = rng.uniform(0, 1) if k % 4 == 1 else np.linspace(0, 1, shape[1])[None, :, None]
        a = np.clip((np.zeros(shape) + ground) * top, 0, top)
        b = np.clip(a + rng.normal(0, top * rng.choice([0.01, 0.1, 0.3]), shape), 0, top)
    return a.astype(wide), b.astype(wide)


def wang(a, b):
    return structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=fidelity.peak(a),
    )  # fmt: skip


@pytest.mark.parametrize("compiled", [True, False])
def test_equal_to_scikit_image_on_200_pairs(compiled, monkeypatch):
    if compiled:
        pytest.importorskip("numba", reason="needs interleaf-media[fast]")
    monkeypatch.setattr(fidelity, "COMPILED", compiled)
    for k in range(200):
        a, b = pair(k)
        assert abs(fidelity.ssim(a, b) - wang(a, b)) < 1e-6
        top = fidelity.peak(a)
        assert fidelity.mse(a, b) == pytest.approx(mean_squared_error(a, b), rel=1e-9)
        assert fidelity.psnr(a, b) == pytest.approx(
            peak_signal_noise_ratio(a, b, data_range=top), abs=1e-9
        )


@pytest.mark.parametrize("compiled", [True, False])
@FAST
@given(levels=st.tuples(*[st.integers(0, 255)] * 4), sigma=st.sampled_from([0, 1, 5]))
def test_flat_pictures_of_very_different_brightness(compiled, levels, sigma):
    """Where the difference is large beside the variances, 32 bits are too few."""
    rng, (p, q, r, t) = np.random.default_rng(0), levels
    a, b = np.full((30, 40, 3), p), np.full((30, 40, 3), q)
    a[:, 20:], b[:, 20:] = r, t
    a, b = (np.clip(x + rng.normal(0, sigma, x.shape), 0, 255).astype(np.uint8) for x in (a, b))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity, "COMPILED", compiled)
        assert fidelity.ssim(a, b) == pytest.approx(wang(a, b), abs=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_ms_ssim_equals_pytorch_msssim(compiled, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs torch")
    reference = pytest.importorskip("pytorch_msssim", reason="needs pytorch-msssim").ms_ssim
    monkeypatch.setattr(fidelity, "COMPILED", compiled)
    for k in range(1, 25):
        a, b = pair(k, 161 + k, 200 - k)
        x, y = (torch.from_numpy(p.astype(np.float64)).permute(2, 0, 1)[None] for p in (a, b))
        window = torch.from_numpy(fidelity._window())[None, None, None].repeat(x.shape[1], 1, 1, 1)
        expected = float(
            reference(x, y, data_range=fidelity.peak(a), win=window)
        )  # theirs is float32
        assert fidelity.ms_ssim(a, b) == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize("name", ["gmsd", "vif", "fsim", "haarpsi", "mdsi", "vsi"])
def test_what_piq_computes_is_what_we_say(name):
    piq = pytest.importorskip("piq", reason="needs interleaf-media[torch]")
    import torch

    call = getattr(piq, {"vif": "vif_p"}.get(name, name))
    for k in range(1, 13):
        a, b = pair(k * 4 + 1, 48, 50)
        x, y = (
            torch.from_numpy(
                np.repeat(p, 4 - p.shape[2], 2)[..., :3].transpose(2, 0, 1)[None] / fidelity.peak(p)
            )
            for p in (a, b)
        )
        expected = float(call(x.float(), y.float(), data_range=1.0))
        assert METRICS[name].compute(a, b) == pytest.approx(expected, rel=1e-5)


def test_flip_is_that_of_its_authors():
    flip = pytest.importorskip("flip_evaluator", reason="needs interleaf-media[flip]")
    a, b = pair(5, 40, 44)
    a, b = (np.repeat(p, 4 - p.shape[2], 2)[..., :3] for p in (a, b))
    _, expected, used = flip.evaluate(
        (b / 255).astype(np.float32), (a / 255).astype(np.float32), "LDR"
    )
    assert abs(used["ppd"] - 67.0) < 0.05  # the authors' default monitor
    assert METRICS["flip"].compute(a, b) == pytest.approx(expected, rel=2e-3)
    assert METRICS["flip"].compute(a, a) == 0


PAIRWISE = ["mse", "psnr", "ssim", "ssim_luma", "ms_ssim"]
WITH_TORCH = ["gmsd", "vif", "haarpsi", "mdsi", "fsim", "vsi"]
SYMMETRIC = ["mse", "psnr", "ssim", "ssim_luma", "ms_ssim", "gmsd", "haarpsi", "fsim", "vsi"]


def judge(name, a, b):
    if name in WITH_TORCH:
        pytest.importorskip("piq", reason="needs interleaf-media[torch]")
    return METRICS[name].compute(a, b)


@pytest.mark.parametrize("name", PAIRWISE + WITH_TORCH)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 999))
def test_identity_and_symmetry(name, seed):
    side = 161 if name == "ms_ssim" else 48
    a, b = pair(4 * seed + 2, side, side)  # ramps
    ideal = {"mse": 0, "gmsd": 0, "mdsi": 0, "psnr": np.inf}.get(name, 1)
    assert judge(name, a, a) == pytest.approx(ideal, abs=1e-5)
    if name in SYMMETRIC:
        assert judge(name, a, b) == pytest.approx(judge(name, b, a), rel=1e-4)


def spoilt(picture, how, amount):
    """A picture damaged by ``amount`` from 0 to 1."""
    import io

    import PIL.Image as Pillow
    from PIL import ImageFilter

    if how == "noise":
        noise = np.random.default_rng(1).normal(0, 4 + 40 * amount, picture.shape)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)
    whole = Pillow.fromarray(picture)
    if how == "blur":
        return np.asarray(whole.filter(ImageFilter.GaussianBlur(0.6 + 4 * amount)))
    out = io.BytesIO()
    whole.save(out, "JPEG", quality=round(90 - 85 * amount))
    return np.asarray(Pillow.open(out))


def photo(top=50, left=100, height=200, width=220):
    return next(iter(interleaf.load("media.sample", name="chelsea").open())).pixels[
        top : top + height, left : left + width
    ]


@pytest.mark.parametrize("how", ["noise", "blur", "jpeg"])
@pytest.mark.parametrize("name", ["psnr", "ssim", "ms_ssim", "gmsd", "vif", "haarpsi"])
@settings(max_examples=3, deadline=None)
@given(place=st.integers(0, 40), less=st.floats(0, 0.6), more=st.floats(0.3, 1))
def test_worse_pictures_score_worse(name, how, place, less, more):
    picture, more = photo(place, 2 * place), min(less + more, 1)
    better, worse = (judge(name, spoilt(picture, how, a), picture) for a in (less, more))
    assert (better > worse) == (METRICS[name].direction == "up")


@pytest.mark.parametrize("name", ["psnr", "ssim", "mse"])
@FAST
@given(order=st.permutations(range(4)))
def test_the_order_of_frames_changes_no_mean(name, order):
    clip = example_frames(4, 24, 26)
    noise = np.random.default_rng(0).integers(0, 60, clip.pixels.shape)
    noisy = np.clip(clip.pixels + noise * np.arange(1, 5)[:, None, None, None] / 4, 0, 255)
    noisy = noisy.astype(np.uint8)
    fit = interleaf.load("media.video_fidelity", measures=[name])
    found = [
        fit(subject=Frames(noisy[o], 5), reference=Frames(clip.pixels[o], 5))[name].value
        for o in (list(range(4)), list(order))
    ]
    assert found[0] == found[1]


@FAST
@given(data=st.data())
def test_sixteen_bits_and_eight_measure_alike(data):
    """Samples 257 times as large on a range 257 times as wide."""
    a, b = (data.draw(arrays(np.uint8, (12, 13, 3))) for _ in "ab")
    wide = [p.astype(np.uint16) * 257 for p in (a, b)]
    assert fidelity.ssim(*wide) == pytest.approx(fidelity.ssim(a, b), abs=1e-6)
    assert fidelity.psnr(*wide) == pytest.approx(fidelity.psnr(a, b), abs=1e-9)
    assert fidelity.mse(*wide) == pytest.approx(257**2 * fidelity.mse(a, b))


@FAST
@given(arrays(np.uint8, (12, 14, 3)))
def test_bytes_and_floats_are_one_picture(samples):
    other = np.roll(samples, 1, 0)
    fit = interleaf.load("media.fidelity", measures=["mse", "ssim"])
    whole = fit(subject=Image(samples), reference=Image(other))
    unit = [Image((p / 255).astype(np.float32)) for p in (samples, other)]
    parts = fit(subject=unit[0], reference=unit[1])
    assert [m.value for m in whole.measures] == [m.value for m in parts.measures]


@FAST
@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_inside_and_outside_make_the_whole(seed, share):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 256, (13, 17, 3), np.uint8) for _ in "ab")
    mask = rng.random((13, 17)) < share
    parts = [masked("mse", a, b, m) for m in (mask, ~mask)]
    weights = [mask.mean(), 1 - mask.mean()]
    whole = sum(p * w for p, w in zip(parts, weights, strict=True) if p is not None)
    assert whole == pytest.approx(fidelity.mse(a, b), rel=1e-12)
    assert masked("ssim", a, b, np.ones_like(mask)) == pytest.approx(fidelity.ssim(a, b), abs=1e-6)


@FAST
@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=30), st.integers(0, 30))
def test_series_merge_to_one_pass(values, cut):
    whole, left, right = Series(list(values)), Series(values[:cut]), Series(values[cut:])
    assert left.merge(right).mean() == whole.mean()
    assert Series(values[::-1]).mean() == whole.mean()
    bounds = whole.interval()
    assert bounds is None or (
        bounds[0] <= whole.mean()[0] + 1e-6 and whole.mean()[0] - 1e-6 <= bounds[1]
    )


@settings(max_examples=8, deadline=None)
@given(cut=st.integers(1, 6))
def test_a_clip_in_parts_is_the_clip(cut):
    pytest.importorskip("cv2", reason="needs interleaf-media[flow]")
    clip = example_frames(7, 40, 48)
    noise = np.random.default_rng(0).integers(0, 30, clip.pixels.shape)
    noisy = Frames(np.clip(clip.pixels + noise, 0, 255).astype(np.uint8), clip.fps)
    mask = Frames((clip.pixels[..., :1] > 128).astype(np.uint8) * 255, clip.fps)
    judge = interleaf.load(
        "media.video_fidelity", measures=["psnr", "ssim", "mse", "temporal_warp", "flow_stats"]
    )

    def part(a, b):
        return {k: Frames(v.pixels[a:b], v.fps) for k, v in
                (("subject", noisy), ("reference", clip), ("mask", mask))}  # fmt: skip

    whole = judge(**part(0, 7))
    merged = judge.finish(
        judge.merge(
            judge.update(judge.start(), **part(0, cut)), judge.update(judge.start(), **part(cut, 7))
        )
    )
    got = {(m.name, m.group): m.value for m in merged.measures}
    assert got == {(m.name, m.group): pytest.approx(m.value) for m in whole.measures}


def test_measures_that_cannot_be_had_say_why():
    clip = example_frames(1)
    judge = interleaf.load(
        "media.video_fidelity", measures=["psnr", "ms_ssim", "temporal_warp", "i1_mse", "mse"]
    )
    alone = judge(subject=clip)
    assert all(m.value is None and m.reason for m in alone.measures)
    empty = Frames(np.zeros((1, 22, 31, 1), np.uint8), Fraction(10))
    found = judge(subject=clip, reference=clip, mask=empty, first=Image(clip.pixels[0]))
    assert found["mse@in"].value is None and "mask is empty" in found["mse@in"].reason
    assert found["mse@out"].value == 0 and found["i1_mse"].value == 0
    assert "161" in found["ms_ssim"].reason
    with pytest.raises(InvalidInput, match="align"):
        judge(subject=example_frames(2), reference=clip)
    with pytest.raises(InvalidInput, match="compare pictures of one size"):
        judge(subject=example_frames(1, 20, 20), reference=clip)
    by_number = interleaf.load("media.video_fidelity", measures=["mse"], align="index")
    assert by_number(subject=example_frames(2), reference=clip)["mse"].value == 0


def test_numbers_are_compared_only_where_they_mean_the_same():
    one = Measure(name="lpips", value=0.2, direction="down", settings={"weights": "a"})
    two = Measure(name="lpips", value=0.3, direction="down", settings={"weights": "a"})
    other = Measure(name="lpips", value=0.3, direction="down", settings={"weights": "b"})
    assert compare(one, two) == pytest.approx(0.1)
    with pytest.raises(InvalidInput, match="weights"):
        compare(one, other)
    assert record(one)["metric"] == "lpips" and record(one)["ci95"] is None


@needs_data
def test_vmaf_of_the_classic_pair():
    pytest.importorskip("imageio_ffmpeg", reason="needs interleaf-media[video]")
    from interleaf_media.comparing_files import compared
    from interleaf_media.videos import read_clip

    found = compared(*CARPHONE, ["vmaf", "psnr"])
    assert found["vmaf"].value == pytest.approx(34.69, abs=0.05)
    assert found["vmaf"].n == 120 and "vmaf_v0.6.1" in found["vmaf"].settings["weights"]
    clips = [read_clip(f).clip.frames for f in CARPHONE]
    judge = interleaf.load("media.video_fidelity", measures=["vmaf"])
    through_rgb = judge(subject=clips[0], reference=clips[1])["vmaf"]
    assert through_rgb.value == pytest.approx(34.69, abs=0.05)
    with pytest.raises(InvalidInput, match="input"):
        compare(found["vmaf"], through_rgb)


@needs_data
@pytest.mark.parametrize("how", ["noise", "blur", "jpeg"])
@settings(max_examples=2, deadline=None)
@given(less=st.floats(0, 0.5), more=st.floats(0.4, 1))
def test_worse_clips_have_less_vmaf(how, less, more):
    pytest.importorskip("imageio_ffmpeg", reason="needs interleaf-media[video]")
    from interleaf_media.videos import Choice, read_clip

    original = read_clip(CARPHONE[1], Choice(limit=6)).clip.frames
    fit = interleaf.load("media.video_fidelity", measures=["vmaf"])
    better, worse = (
        Frames(np.stack([spoilt(f, how, a) for f in original.pixels]), original.fps)
        for a in (less, min(less + more, 1))
    )
    values = [fit(subject=c, reference=original)["vmaf"].value for c in (better, worse)]
    assert values[0] > values[1]


def programs():
    """The ffmpeg processes that descend from this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"ffmpeg" in words.split(b"\0")[0] and int(parent) == os.getpid():
            found.append(folder.name)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes under Linux")
def test_a_failed_comparison_leaves_no_process(tmp_path):
    pytest.importorskip("imageio_ffmpeg", reason="needs interleaf-media[video]")
    import PIL.Image as Pillow

    from interleaf_media.comparing_files import compared

    for name, sides in (("a", (40, 40, 40)), ("b", (40, 40, 32))):  # folders: VMAF through a pipe
        (tmp_path / name).mkdir()
        for i, side in enumerate(sides):
            Pillow.new("RGB", (48, side), (i * 40, 9, 9)).save(tmp_path / name / f"{i}.png")
    with pytest.raises(InvalidInput):
        compared(tmp_path / "a", tmp_path / "b", ["vmaf"])
    assert not programs()
    fit = interleaf.load("media.video_fidelity", measures=["vmaf", "psnr"])
    clip = example_frames(2, 40, 48)
    state = fit.update(fit.start(), clip, clip)
    with pytest.raises(InvalidInput):
        fit.update(state, clip, example_frames(2, 40, 44))
    assert not programs()
    state = fit.update(fit.start(), clip, clip)
    assert len(programs()) == 1
    del state  # given up without a result
    assert not programs()


def test_flow_finds_a_known_motion():
    cv2 = pytest.importorskip("cv2", reason="needs interleaf-media[flow]")
    from interleaf_media.flow import estimate, trusted, warp_error
    from interleaf_media.motion import COMPASS, MotionStream

    for side in (256, 32):
        ground = (
            np.random.default_rng(0).integers(0, 256, (side + 40, side + 40)).astype(np.float32)
        )
        ground = cv2.GaussianBlur(ground, (0, 0), 2)
        ground = (ground - ground.min()) / np.ptp(ground) * 255
        move = np.float32([[1, 0, 3.3], [0, 1, -1.7]])
        moved = cv2.warpAffine(ground, move, ground.shape, flags=cv2.INTER_CUBIC)
        a, b = (np.clip(g[20:-20, 20:-20, None], 0, 255).astype(np.uint8) for g in (ground, moved))
        flow = estimate(a, b)
        inner = flow[6:-6, 6:-6] - np.float32([3.3, -1.7])
        assert np.hypot(inner[..., 0], inner[..., 1]).mean() < (0.15 if side == 256 else 0.6)
        assert trusted(flow, estimate(b, a)).mean() > 0.7
        assert warp_error(a, b) < 0.03 < np.abs(a.astype(float) - b).mean() / 255
        stream = MotionStream("flow_stats")
        for frame in (a, b):
            stream.update(frame, None, None)
        assert {m.name: m.value for m in stream.measures()}["flow_median"] == pytest.approx(
            3.71, abs=0.5
        )
        shares = stream.tables()[0].rows
        assert max(shares, key=lambda r: r["share"])["direction"] in (COMPASS[0], COMPASS[7])


def test_a_measure_without_its_package_is_e204(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "piq", None)
    with pytest.raises(ProblemsFound) as caught:
        METRICS["gmsd"].compute(*pair(2, 20, 20))
    assert "interleaf-media[torch]" in str(caught.value) and caught.value.exit_code == 4


@needs_data
def test_the_command_speaks_json(capsys):
    import json

    from interleaf_media.commands import compare as command
    from interleaf_media.commands import info, sheet

    command(*CARPHONE, metrics="psnr,ssim,ms_ssim,vmaf,flow_stats", as_json=True)
    told = json.loads(capsys.readouterr().out)
    by_name = {m["metric"]: m for m in told["measures"] if not m["group"]}
    assert by_name["vmaf"]["value"] == pytest.approx(34.69, abs=0.05)
    assert by_name["ms_ssim"]["value"] is None and by_name["ms_ssim"]["reason"]
    assert all("weights" in m and "version" in m for m in told["measures"])
    info(CARPHONE[0], as_json=True)
    assert json.loads(capsys.readouterr().out)["fps"] == "30000/1001"
    target = Path(os.environ.get("PYTEST_TMP", "/tmp")) / f"sheet-{os.getpid()}.png"
    sheet(CARPHONE[0], out=target, count=4)
    assert target.read_bytes()[:4] == b"\x89PNG"
    target.unlink()


def test_clips_that_do_not_fit_together_are_refused(tmp_path):
    pytest.importorskip("av", reason="needs interleaf-media[video]")
    from interleaf_media.comparing_files import compared
    from interleaf_media.saving import save

    files = {}
    for name, frames, fps in (
        ("whole", example_frames(6, 32, 48), 10), ("small", example_frames(6, 32, 40), 10),
        ("short", example_frames(4, 32, 48), 10), ("quick", example_frames(6, 32, 48), 20),
    ):  # fmt: skip
        files[name] = tmp_path / f"{name}.mkv"
        save(files[name], frames.pixels, Fraction(fps))
    for other in ("small", "short", "quick"):
        for names in (["psnr"], ["vmaf"], ["psnr", "vmaf"]):
            with pytest.raises(InvalidInput):
                compared(files["whole"], files[other], names)
    found = compared(files["whole"], files["short"], ["mse"], align="index")
    assert found["mse"].n == 4 and found["mse"].value == 0
    with pytest.raises(InvalidInput, match="did you mean"):
        compared(files["whole"], files["whole"], ["pnsr"])
    tiny = [tmp_path / f"t{i}.mkv" for i in "ab"]
    for file in tiny:
        save(file, example_frames(3, 4, 6).pixels, Fraction(10))
    alone = compared(*tiny, ["vmaf"])["vmaf"]
    assert alone.value is not None or alone.reason
