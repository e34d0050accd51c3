"""Video in and out: the same frames by every way, and what is wrong with a file is told."""

import io
import os
from fractions import Fraction
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import interleaf
from interleaf.errors import CorruptData, InvalidInput, ProblemsFound
from interleaf.values import Artifact, Audio, Frames, Image
from interleaf_media.clips import example_audio, example_frames
from interleaf_media.saving import encode, save
from interleaf_media.sounds import read_audio
from interleaf_media.videoinfo import plain_rate, select, timing
from interleaf_media.videos import Choice, choose, open_video, read_clip

av = pytest.importorskip("av", reason="needs interleaf-media[video]")
DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "video"
CLIPS = sorted(DATA.glob("*.mp4"))
needs_data = pytest.mark.skipif(not CLIPS, reason=f"no videos in {DATA}: set INTERLEAF_DATA")


def psnr(a, b):
    error = np.mean((a.astype(float) - b) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def moving(count=40, height=48, width=64):
    """Frames that say their number: a bar whose place is the index."""
    frames = np.full((count, height, width, 3), 40, np.uint8)
    for i, frame in enumerate(frames):
        frame[:, (i * width) // count : (i * width) // count + 3] = (200, 30 + 5 * i % 200, 90)
    return frames


def written(frames, codec="libx264", options=None, pix_fmt="yuv420p", rate=25, stamps=None, rotation=0,
            container="mp4", base=None, gop=12):  # fmt: skip
    """A file made here, with whatever peculiarity is asked for."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.options = options or {"crf": "4", "bf": "2"}
        stream.codec_context.gop_size = gop
        if base:
            stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        for i, pixels in enumerate(frames):
            kind = (
                "rgba"
                if pixels.shape[2] == 4
                else "rgb48le"
                if pixels.dtype == np.uint16
                else "rgb24"
            )
            frame = av.VideoFrame.from_ndarray(pixels, format=kind).reformat(format=pix_fmt)
            frame.pts = i if stamps is None else stamps[i]
            frame.time_base = base or Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return out.getvalue()


@needs_data
@pytest.mark.parametrize("file", CLIPS, ids=lambda f: f.stem)
def test_the_clips_given_come_back(file):
    small = read_clip(file, Choice(limit=4))
    frames = small.clip.frames.pixels
    lossless = read_clip(encode(frames, small.clip.frames.fps, "ffv1").data)
    assert np.array_equal(lossless.clip.frames.pixels, frames)
    assert lossless.clip.frames.fps == small.clip.frames.fps
    lossy = read_clip(encode(frames, small.clip.frames.fps, "h264", crf=16).data)
    assert psnr(lossy.clip.frames.pixels, frames) >= 38


@needs_data
def test_pyav_and_the_pipe_agree():
    for file in CLIPS[:2]:
        one, two = (
            read_clip(file, Choice(limit=5), backend=b, sound=False) for b in ("pyav", "ffmpeg")
        )
        assert np.array_equal(one.clip.frames.pixels, two.clip.frames.pixels)
        assert (one.info.n_frames, one.info.fps, one.info.has_audio) == (
            two.info.n_frames, two.info.fps, two.info.has_audio,
        )  # fmt: skip


@pytest.fixture(scope="module")
def coded():
    """A file with B-frames and several key frames, and its frames decoded in order."""
    data = written(moving(), gop=9)
    return data, list(open_video(data).frames(range(40)))


@settings(max_examples=40, deadline=None)
@given(indices=st.lists(st.integers(0, 39), min_size=1, max_size=6))
def test_seeking_gives_what_reading_through_gives(coded, indices):
    data, whole = coded
    indices = sorted(indices)
    found = list(open_video(data).frames(indices))
    assert len(found) == len(indices)
    assert all(np.array_equal(f, whole[i]) for f, i in zip(found, indices, strict=True))


@pytest.mark.parametrize("codec", ["ffv1", "apng", "npz"])
@pytest.mark.parametrize("shape", [(3, 17, 23, 3), (1, 1, 1, 3), (4, 32, 20, 1), (2, 6, 5, 4)])
def test_lossless_formats_are_exact(codec, shape, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = tmp_path / f"x{ {'ffv1': '.mkv', 'apng': '.apng', 'npz': '.npz'}[codec] }"
    save(file, frames, Fraction(7), codec)
    found = read_clip(file)
    opaque = frames[..., :3] if shape[3] != 1 else np.repeat(frames, 3, -1)
    if shape[3] == 4 and codec != "npz":
        assert "alpha was dropped" in found.notes
    if not (shape[3] == 4 and codec == "apng"):  # shown on black there
        assert np.array_equal(found.clip.frames.pixels, opaque)
    assert found.clip.frames.fps == 7


def test_sixteen_bits_come_back_through_ffv1():
    frames = np.random.default_rng(0).integers(0, 65536, (2, 10, 12, 3), np.uint16)
    data = encode(frames, Fraction(25), "ffv1").data
    assert np.array_equal(read_clip(data, bits=16).clip.frames.pixels, frames)
    with pytest.raises(InvalidInput, match="ffv1 only"):
        encode(frames, Fraction(25), "h264")


@pytest.mark.parametrize("size", [(33, 41), (2, 2), (17, 64)])
@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_odd_sizes_are_padded_in_the_file_and_not_in_what_is_read(codec, size):
    frames = np.repeat(np.full((1, *size, 3), 120, np.uint8), 3, 0)
    found = read_clip(encode(frames, Fraction(25), codec).data)
    assert found.clip.frames.pixels.shape == frames.shape
    assert (found.info.height, found.info.width) == size
    assert psnr(found.clip.frames.pixels, frames) > 38


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_is_honoured(rotation):
    frames = moving(4, 32, 64)
    data = written(frames, rotation=rotation)
    found = read_clip(data)
    upright = np.stack(
        [np.rot90(f, rotation // 90) for f in open_video(written(frames)).frames(range(4))]
    )
    assert found.clip.frames.pixels.shape == upright.shape
    assert np.array_equal(found.clip.frames.pixels, upright)
    assert found.info.rotation == -rotation % 360
    piped = read_clip(data, backend="ffmpeg")
    assert np.array_equal(piped.clip.frames.pixels, upright)


def test_a_variable_rate_becomes_steady_by_presentation_time():
    stamps = [0, 1, 2, 3, 10, 11, 12, 20]  # tenths of a second
    data = written(moving(8), stamps=stamps, base=Fraction(1, 10), container="matroska", rate=10)
    video = open_video(data)
    assert video.info.variable and any("variable" in n for n in video.notes)
    assert [round(float(t) * 10) for t in video.times] == stamps
    indices, fps = choose(video, Choice(fps=Fraction(10), stop=Fraction(2)))
    assert fps == 10
    shown = [max(i for i, s in enumerate(stamps) if s <= k) for k in range(20)]
    assert indices == shown


@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
def test_a_cut_file_gives_the_frames_so_far_and_says_so(share, tmp_path):
    data = encode(
        np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), np.uint8), Fraction(25)
    ).data
    for container, cut in ((data, "mp4"), (written(moving(30), container="mpegts", codec="mpeg2video",
                                                   options={}), "ts")):  # fmt: skip
        file = tmp_path / f"cut.{cut}"
        file.write_bytes(container[: int(len(container) * share)])
        found = read_clip(file)
        assert 0 < len(found.clip.frames) < 30
        if cut == "mp4":  # the header tells how many there should be
            assert found.info.truncated and any("truncated" in n for n in found.notes)


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(0, 4000), flips=st.lists(st.integers(0, 10**6), max_size=4))
def test_damage_is_an_error_or_frames_never_a_crash(cut, flips):
    data = bytearray(DAMAGED)
    for place in flips:
        data[place % len(data)] ^= 1 << place % 8
    try:
        found = read_clip(bytes(data[: max(0, len(data) - cut)]))
    except InvalidInput:
        return
    assert found.clip.frames.pixels.dtype == np.uint8


DAMAGED = written(moving(12))


def test_ten_bits_alpha_and_colour_are_told():
    deep = read_clip(written(moving(3), pix_fmt="yuv420p10le"))
    assert deep.info.bits == 10 and any("10 bits" in n for n in deep.notes)
    assert (
        read_clip(written(moving(3), pix_fmt="yuv420p10le"), bits=16).clip.frames.pixels.dtype
        == np.uint16
    )
    clear = np.dstack([moving(1)[0], np.full((48, 64, 1), 77, np.uint8)])[None]
    found = read_clip(encode(clear, Fraction(5), "ffv1").data)
    assert found.info.has_alpha and "alpha was dropped" in found.notes
    assert np.array_equal(found.clip.frames.pixels, clear[..., :3])


@pytest.mark.parametrize("codec", ["h264", "vp9", "gif", "apng", "npz", "ffv1"])
def test_no_frames_and_mixed_sizes_are_refused(codec):
    with pytest.raises(InvalidInput, match="at least one frame"):
        encode([], Fraction(25), codec)
    with pytest.raises(InvalidInput, match="size"):
        encode([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)], Fraction(25), codec)


def test_what_is_no_video(tmp_path):
    for name, data in (
        ("empty.mp4", b""),
        ("text.mp4", b"hello " * 40),
        ("head.mp4", DAMAGED[:60]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CorruptData, match=name):
            read_clip(tmp_path / name)
    with pytest.raises(InvalidInput, match="no such file"):
        read_clip(tmp_path / "none.mp4")
    tone = io.BytesIO()
    with av.open(tone, "w", format="wav") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    (tmp_path / "tone.wav").write_bytes(tone.getvalue())
    with pytest.raises(InvalidInput, match="no moving picture"):
        read_clip(tmp_path / "tone.wav")
    assert read_clip(DAMAGED).clip.audio is None
    with pytest.raises(InvalidInput, match="no sound"):
        read_audio(DAMAGED)


@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(1, 9), rate=st.sampled_from([1, 5, 10, 12, 25, 30, 50]), same=st.booleans()
)
def test_gif_keeps_count_delay_and_palette(count, rate, same):
    frames = moving(count, 16, 20)
    frames[:] = frames[0] if same else frames  # equal frames stay frames
    data = encode(frames, Fraction(rate), "gif").data
    found = read_clip(data)
    assert found.info.n_frames == count
    assert abs(found.info.duration - Fraction(count, rate)) <= Fraction(1, 100)
    colors = {tuple(c) for f in found.clip.frames.pixels for c in f.reshape(-1, 3)}
    assert len(colors) <= 256
    assert psnr(found.clip.frames.pixels, frames) > 25


def test_a_gif_cannot_be_faster_than_viewers():
    with pytest.raises(InvalidInput, match="50 frames"):
        encode(moving(3), Fraction(60), "gif")


@pytest.mark.parametrize("codec", ["h264", "vp9", "ffv1"])
def test_sound_travels_with_the_frames(codec):
    frames, tone = example_frames(20, 32, 48), example_audio(2.0, 48000)
    found = read_clip(encode(frames.pixels, frames.fps, codec, audio=tone).data)
    assert found.clip.audio is not None
    heard = found.clip.audio
    assert heard.rate == 48000 and abs(len(heard.samples) - 96000) <= 2048
    n = min(len(heard.samples), 90000)
    likeness = np.corrcoef(heard.samples[4000:n, 0], tone.samples[4000:n, 0])[0, 1]
    assert likeness > 0.98  # in step with what was written
    if codec == "ffv1":
        assert np.abs(heard.samples[:n, 0] - tone.samples[:n, 0]).max() < 2e-4


def test_metadata_and_equal_bytes():
    frames = moving(4)
    notes = {"title": "drawn with seed 7", "comment": "ünïcode <&>"}
    for codec in ("h264", "vp9", "ffv1", "gif", "apng", "npz"):
        made = [encode(frames, Fraction(25), codec, metadata=notes).data for _ in range(2)]
        assert made[0] == made[1]
        if codec in ("h264", "vp9", "ffv1"):
            told = {k.lower(): v for k, v in av.open(io.BytesIO(made[0])).metadata.items()}
            assert told["title"] == notes["title"] and told["comment"] == notes["comment"]
        elif codec != "npz":
            assert b"seed 7" in made[0]


@settings(max_examples=60, deadline=None)
@given(gaps=st.lists(st.integers(1, 30), min_size=1, max_size=30), fps=st.integers(1, 60))
def test_what_is_shown_is_the_latest_frame_of_each_moment(gaps, fps):
    stamps = [Fraction(sum(gaps[:i]), 30) for i in range(len(gaps))]
    clock = timing(stamps, Fraction(1, 30))
    chosen = select(clock.times, clock.fps, Fraction(fps), Fraction(0), None)
    assert chosen and chosen == sorted(chosen)
    for k, index in enumerate(chosen):
        now = Fraction(k, fps)
        assert clock.times[index] <= now + Fraction(1, 10**6)
        assert index + 1 == len(stamps) or clock.times[index + 1] > now


def test_rates():
    assert plain_rate(Fraction(120) / Fraction(4004, 1000), Fraction(4)) == Fraction(30000, 1001)
    assert plain_rate(Fraction(10) / Fraction(33, 100), Fraction(33, 100)) == 30
    assert plain_rate(Fraction(25), Fraction(10)) == 25


def test_parts_of_a_clip():
    data = written(moving(25))
    part = read_clip(data, Choice(start=Fraction(1, 5), stop=Fraction(3, 5), stride=2))
    assert len(part.clip.frames) == 5 and part.clip.frames.fps == Fraction(25, 2)
    assert read_clip(data, size=(20, 10)).clip.frames.pixels.shape == (25, 10, 20, 3)
    with pytest.raises(InvalidInput, match="no frame lies between"):
        read_clip(data, Choice(start=Fraction(9)))


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    """A file with B-frames and a key frame every half second, and its frames."""
    file = tmp_path_factory.mktemp("cuts") / "whole.mp4"
    file.write_bytes(written(moving(60), gop=12))
    return file, list(open_video(file).frames(range(60)))


@pytest.mark.parametrize("seek", ["before", "after"])
@settings(max_examples=4, deadline=None)
@given(start=st.integers(1, 30))
def test_a_cut_made_without_coding_anew_shows_what_players_show(seek, start, long_file):
    """Its edit list hides frames that the first one needs."""
    pytest.importorskip("imageio_ffmpeg", reason="needs interleaf-media[video]")
    import subprocess
    import tempfile

    from interleaf_media.piping import ffmpeg

    file, whole = long_file
    with tempfile.TemporaryDirectory() as folder:
        cut, at = Path(folder) / "cut.mp4", ["-ss", str(start / 25)]
        given = [*at, "-i", str(file)] if seek == "before" else ["-i", str(file), *at]
        command = [ffmpeg(), "-v", "error", *given, "-t", "0.8", "-c", "copy", str(cut)]
        subprocess.run(command, check=True)
        found = []
        for reader in ("pyav", "ffmpeg"):
            video = open_video(cut, backend=reader)
            frames = list(video.frames(range(video.info.n_frames)))
            assert len(frames) == video.info.n_frames and not video.info.truncated
            found.append([int(np.argmax([psnr(f, w) for w in whole])) for f in frames])
    assert found[0] == found[1] == sorted(set(found[0]))
    steps = np.diff(found[0])  # a frame that comes later in the file may be missing at the end
    assert (steps[:-1] == 1).all() and len(found[0]) >= 10
    if seek == "before":
        assert found[0][0] == start


def test_opencv_reads_the_same_frames(tmp_path):
    pytest.importorskip("cv2", reason="needs interleaf-media[flow]")
    file = tmp_path / "a.mp4"
    file.write_bytes(written(moving(20), gop=7))
    one, two = (open_video(file, backend=b) for b in ("pyav", "opencv"))
    assert (two.info.width, two.info.height, two.info.fps) == (64, 48, one.info.fps)
    assert two.times == one.times and two.info.n_frames == 20
    for a, b in zip(one.frames([0, 3, 3, 11]), two.frames([0, 3, 3, 11]), strict=True):
        assert psnr(a, b) > 35  # their ways from YUV to RGB differ by rounding
    small = next(open_video(file.read_bytes(), backend="opencv", size=(32, 24)).frames([2]))
    assert small.shape == (24, 32, 3)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(written(moving(3), rotation=90))
    assert open_video(turned, backend="opencv").info.height == 64
    file.write_bytes(b"no video")
    with pytest.raises(CorruptData, match="cannot be read"):
        open_video(file, backend="opencv")
    with pytest.raises(InvalidInput, match="8 bits"):
        open_video(turned, backend="opencv", bits=16)
    with pytest.raises(InvalidInput, match="no such file"):
        open_video(tmp_path / "none.mp4", backend="opencv")


def test_a_missing_package_is_told_with_its_install_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ProblemsFound) as caught:
        open_video(DAMAGED, backend="pyav")
    assert caught.value.exit_code == 4
    assert "E204" in str(caught.value) and "pip install 'interleaf-media[video]'" in str(
        caught.value
    )


def test_resampled_sound_keeps_its_length_and_tone(tmp_path):
    from scipy.io import wavfile

    tone = example_audio(1.0, 16000)
    wavfile.write(tmp_path / "t.wav", 16000, tone.samples)
    found = read_audio(tmp_path / "t.wav", rate=8000, channels=2)
    assert found.samples.shape == (8000, 2) and found.samples.dtype == np.float32
    again = read_audio(tmp_path / "t.wav")
    assert np.array_equal(again.samples, tone.samples)
    assert isinstance(again, Audio)


def test_bitrate_is_that_of_all_files():
    frames = Frames(np.zeros((4, 8, 8, 3), np.uint8), Fraction(10))
    files = [Artifact(b"x" * 100, "image/x-gsi")] * 4
    score = interleaf.load("media.video_fidelity", measures=["mse"])
    found = score(subject=frames, reference=frames, codes=files)
    assert found["size"].value == 400
    assert found["bitrate"].value == 8.0  # 100 bytes a frame, 10 frames a second, in 1000 bits
    assert score(subject=frames, reference=frames, file=files[0])["size"].value == 100
    with pytest.raises(KeyError):
        score(subject=frames, reference=frames)["bitrate"]


def test_a_part_of_a_sound():
    root = str(package_files("interleaf_media") / "examples" / "chirp.wav")
    (whole,) = interleaf.load("media.audio", root=root)
    (part,) = interleaf.load("media.audio", root=root, start=0.05, stop=0.15)
    first, end = round(0.05 * whole.rate), round(0.15 * whole.rate)
    assert np.array_equal(part.samples, whole.samples[first:end])
    with pytest.raises(InvalidInput, match="no sound from 99"):
        list(interleaf.load("media.audio", root=root, start=99.0))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_resizing_keeps_type_and_level(kind):
    value = 0.25 if kind is np.float32 else 77
    picture = Image(np.full((20, 30, 3), value, kind))
    small = interleaf.load("media.resize", width=15)(image=picture).pixels
    assert small.shape == (10, 15, 3) and small.dtype == kind
    assert np.allclose(small, value)
