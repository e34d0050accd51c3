"""The paper's nine metrics: stand-ins point the right way, and none passes for what it is not."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from interleaf.errors import InvalidInput
from interleaf.values import Audio
from interleaf_media.encoding import encode_video
from interleaf_vlogger import sound
from interleaf_vlogger.benchmarking import PAPER, Benchmark, Seen, _listening, frechet_hog
from interleaf_vlogger.likeness import apart, descriptor, sharpness
from interleaf_vlogger.video_config import BenchmarkConfig


def edges(blur=0.0, seed=0):
    rng = np.random.default_rng(seed)
    picture = np.kron(rng.integers(0, 2, (8, 8, 3)) * 200 + 20, np.ones((24, 24, 1)))
    return ndimage.gaussian_filter(picture, (blur, blur, 0)).astype(np.uint8)


def test_blur_is_noticed_more_the_more_there_is():
    values = [sharpness(edges(b)) for b in (0.0, 1.0, 2.5)]
    assert values[0] > 0.9 and values[0] > values[1] >= values[2]
    assert sharpness(np.full((128, 128, 3), 90, np.uint8)) is None


def test_descriptors_tell_the_same_from_another():
    data = pytest.importorskip("skimage.data")
    photo, cat = data.astronaut()[20:200, 130:310], data.chelsea()[60:240, 100:280]
    soft = ndimage.gaussian_filter(photo, (1.5, 1.5, 0))
    face = descriptor(photo)
    assert apart(face, face) == pytest.approx(0, abs=1e-9)
    assert apart(face, descriptor(soft)) < 0.5 * apart(face, descriptor(cat))


def test_the_frechet_distance_is_0_of_the_same_and_grows():
    rng = np.random.default_rng(0)
    base = [edges(rng.uniform(0, 2), s) for s in range(14)]
    noisy = [np.clip(f + rng.normal(0, 60, f.shape), 0, 255).astype(np.uint8) for f in base]
    assert frechet_hog(base, base) == pytest.approx(0, abs=1e-6)
    assert frechet_hog(noisy, base) > 0.01 and frechet_hog(base[:2], base) is None


def test_lips_that_follow_the_sound_are_told_from_lips_that_do_not(filming):
    audio = filming.sound(100)
    loud = sound.loudness(sound.mono(audio), 100, 25.0)

    def seen(audio):
        return Seen(np.zeros((100, 2, 2, 3), np.uint8), 25.0, audio, np.zeros((100, 0, 2)), None)

    assert _listening(loud, seen(audio)) > 0.5
    assert abs(_listening(np.roll(loud, 30), seen(audio))) < 0.45
    assert _listening(loud, seen(None)) is None
    assert _listening(loud, seen(Audio(np.zeros((64_000, 1), np.float32), 16_000))) is None


@pytest.fixture(scope="module")
def folders(tmp_path_factory, filming):
    """True clips, the same again, and worse ones: blurred, trembling, another head's turns."""
    root = tmp_path_factory.mktemp("hdtf")
    audio = filming.sound(filming.shot)
    for number in (0, 5):
        frames, names, points, _ = filming.clip(number)
        still = np.stack([np.roll(frames[0], 3 * (t % 3), 1) for t in range(len(frames))])
        worse = ndimage.gaussian_filter(still, (0, 1.5, 1.5, 0))
        for folder, shown in (("true", frames), ("same", frames), ("worse", worse)):
            (root / folder).mkdir(exist_ok=True)
            data = encode_video(shown, Fraction(25), "ffv1", audio=audio)
            (root / folder / f"id{number}.mkv").write_bytes(data)
        told = {n: [float(v) for v in points[0, i]] for i, n in enumerate(names)}
        (root / "true" / f"id{number}.yaml").write_text(str(told).replace("'", ""))
    return root


def judged(folders, made):
    config = BenchmarkConfig(
        reference=str(folders / "true"), made=str(folders / made), body="capsule"
    )
    return Benchmark(config).evaluate()


def test_true_clips_are_ideal_and_worse_ones_worse(folders):
    same, worse = judged(folders, "same"), judged(folders, "worse")
    assert same["head_error"].value == 0 and same["frechet_hog"].value == pytest.approx(0, abs=1e-6)
    for name in ("frechet_hog", "head_error", "face_hog", "points_jitter"):
        assert worse[name].value > same[name].value, name
    assert (
        worse["sharp_edges"].value is None
        or worse["sharp_edges"].value <= same["sharp_edges"].value
    )
    assert same.tables[0].columns["clip"] == ["id0", "id5"]


def test_what_needs_others_weights_is_none_and_says_why(folders):
    report = judged(folders, "same")
    for paper, own in PAPER.items():
        if paper != own:
            assert report[paper].value is None and report[paper].reason, paper
    assert report["lips_error"].value is None and "lips" in report["lips_error"].reason
    assert set(filter(None, PAPER.values())) <= {m.name for m in report.measures}


def test_a_model_of_natural_pictures_makes_niqe(folders, tmp_path):
    held = io.BytesIO()
    np.savez(held, mu_prisparam=np.zeros(36), cov_prisparam=np.eye(36))
    (tmp_path / "model.npz").write_bytes(held.getvalue())
    config = BenchmarkConfig(
        reference=str(folders / "true"), made=str(folders / "same"), body="capsule",
        niqe=str(tmp_path / "model.npz"),
    )  # fmt: skip
    found = Benchmark(config).evaluate()["niqe"]
    assert found.value is None and "192" in found.reason  # the clips are smaller


def test_folders_that_do_not_go_together_are_told(folders, tmp_path):
    with pytest.raises(InvalidInput, match="no clips"):
        Benchmark(BenchmarkConfig(reference=str(tmp_path), made=str(folders / "same"))).evaluate()
    with pytest.raises(InvalidInput, match="no clip id0"):
        Benchmark(BenchmarkConfig(reference=str(folders / "true"), made=str(tmp_path))).evaluate()


def test_the_command_prints_and_writes(folders, tmp_path, capsys):
    import json

    from interleaf_vlogger.eval_command import evaluate

    evaluate(folders / "true", folders / "same", tmp_path / "r.json", "capsule")
    told = json.loads((tmp_path / "r.json").read_text())
    assert (
        told["head_error"]["value"] == 0 and told["fid"]["value"] is None and told["fid"]["reason"]
    )
    assert "none: needs Inception" in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="no body"):
        evaluate(folders / "true", folders / "same", None, "smpl")
