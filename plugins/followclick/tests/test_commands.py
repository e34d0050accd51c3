"""The commands on files as users have them, and what they say of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from interleaf.errors import InterleafError, InvalidInput, WeightsMissing
from interleaf_followclick.commands import animate, segment
from interleaf_followclick.judging_commands import evaluate
from interleaf_media.videos import read_clip

Say = Callable[..., Any]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    ys, xs = np.mgrid[:91, :121]
    pixels = np.stack([xs, ys * 2, xs + ys], -1).astype(np.uint8) // 2
    pixels[(xs - 60) ** 2 + (ys - 45) ** 2 < 300] = (240, 200, 40)
    Pillow.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(photo: Path, out: Path, **options: Any) -> Path:
    given: dict[str, Any] = {
        "at": ["60,45"], "mask": [], "say": ["left"], "strength": [3.0], "beside": "", "still": None,
        "frames": 5, "fps": 8.0, "motion": "auto", "flex": 0.35, "clips": None, "weights": None,
        "method": "grabcut", "segmenter": None, "seed": 0,
    }  # fmt: skip
    animate(photo, out, **{**given, **options})
    return out


def test_npz_holds_one_array_and_the_photo_is_its_first_frame(photo: Path, tmp_path: Path) -> None:
    with np.load(run(photo, tmp_path / "out.npz")) as data:
        assert data.files == ["frames"]
        frames = data["frames"]
    assert frames.shape == (5, 91, 121, 3) and frames.dtype == np.uint8
    assert np.array_equal(frames[0], np.asarray(Pillow.open(photo)))
    assert np.array_equal(frames[-1][:, 110:], frames[0][:, 110:])  # far from the thing


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webm"])
def test_clips_are_written_in_the_format_of_their_suffix(
    photo: Path, tmp_path: Path, suffix: str
) -> None:
    clip = read_clip(run(photo, tmp_path / f"out{suffix}"))
    assert len(clip.clip.frames) == 5 and not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16", "1", "exif", "gif"])
def test_pictures_of_any_kind_are_taken(photo: Path, tmp_path: Path, mode: str) -> None:
    picture = Pillow.open(photo)
    file = tmp_path / ("any.tif" if mode in ("CMYK", "I;16") else "any.png")
    if mode == "I;16":
        Pillow.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(file)
    elif mode == "gif":
        file = tmp_path / "any.gif"
        picture.save(file, save_all=True, append_images=[picture.rotate(90)])
    elif mode == "exif":
        file, exif = tmp_path / "any.jpg", Pillow.Exif()
        exif[274] = 6  # stored on its side: 121×91 becomes 91×121
        picture.save(file, exif=exif, quality=95)
    else:
        picture.convert(mode).save(file)
    with np.load(
        run(file, tmp_path / "out.npz", at=["45,60"] if mode == "exif" else ["60,45"])
    ) as data:
        assert data["frames"].shape == (5, *((121, 91) if mode == "exif" else (91, 121)), 3)
        seen = data["frames"][0].astype(int)
    if mode in ("1", "exif"):
        return
    grey = mode in ("L", "LA", "I;16")
    stored = np.asarray(picture.convert("L").convert("RGB") if grey else picture, int)
    assert np.abs(seen - stored).mean() < (20 if mode in ("P", "gif") else 1)  # palettes are coarse


def test_a_click_on_the_border_finds_what_is_cut_off_there(tmp_path: Path) -> None:
    pixels = np.full((91, 121, 3), (30, 60, 90), np.uint8)
    pixels[20:70, :40] = (230, 60, 40)  # a thing that leaves the picture on the left
    Pillow.fromarray(pixels).save(tmp_path / "cut.png")
    with np.load(run(tmp_path / "cut.png", tmp_path / "out.npz", at=["0,45"])) as data:
        moved = (data["frames"][-1] != data["frames"][0]).any(-1)
    assert moved[25:65, 20:40].mean() > 0.2 and not moved[:, 80:].any()


@pytest.mark.parametrize("at", ["0,0", "120,0", "0,90", "120,90"])
def test_clicks_on_corners_of_the_background_are_taken(
    photo: Path, tmp_path: Path, at: str
) -> None:
    with np.load(run(photo, tmp_path / "out.npz", at=[at], frames=2)) as data:
        assert np.array_equal(data["frames"][0], np.asarray(Pillow.open(photo)))


def test_a_click_under_which_nothing_stands_out_is_named(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from interleaf_followclick import components

    monkeypatch.setattr(components, "grabcut", lambda *given: ([], []))
    with pytest.raises(InvalidInput, match=r"nothing stands out at the click \(60, 45\)"):
        run(photo, tmp_path / "out.mp4")


def test_a_mask_of_everything_moves_all_and_is_told(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Pillow.new("L", (121, 91), 255).save(tmp_path / "all.png")
    out = run(photo, tmp_path / "out.npz", at=[], mask=[tmp_path / "all.png"], strength=[2.0])
    assert "covers the whole picture" in capsys.readouterr().err
    with np.load(out) as data:
        assert (data["frames"][-1] != data["frames"][0]).any(-1).mean() > 0.5


def test_strength_nothing_and_still_change_nothing(photo: Path, tmp_path: Path) -> None:
    for options in ({"strength": [0.0]}, {"say": ["still"]}):
        with np.load(run(photo, tmp_path / "out.npz", **options)) as data:
            assert (data["frames"] == data["frames"][0]).all()


def test_several_things_and_masks_of_ones_own(photo: Path, tmp_path: Path) -> None:
    mask = np.zeros((91, 121), np.uint8)
    mask[10:30, 10:30] = 255
    Pillow.fromarray(mask).save(tmp_path / "mask.png")
    out = run(photo, tmp_path / "out.npz", mask=[tmp_path / "mask.png"], say=["down", "up"])
    with np.load(out) as data:
        assert np.abs(data["frames"][-1].astype(int) - data["frames"][0]).max() > 50


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"at": ["500,45"]}, "outside the picture of 121×91"), ({"at": ["a,b"]}, "is no click"),
        ({"at": ["60"]}, "pairs of x and y"), ({"at": []}, "nothing was clicked"),
        ({"at": ["nan,3"]}, "outside the picture"), ({"say": ["dance"]}, "names no movement"),
        ({"say": ["left", "up"]}, "2 values of --say for 1 masks"), ({"motion": "magic"}, "no motion"),
        ({"motion": "retrieval"}, "needs videos"), ({"method": "magic"}, "no method"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_clear_error_and_no_file(
    photo: Path, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        run(photo, tmp_path / "out.mp4", **options)
    assert not (tmp_path / "out.mp4").exists()


def test_files_that_are_missing_or_foreign_are_named(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no")
    Pillow.new("L", (121, 91)).save(tmp_path / "empty.png")
    Pillow.new("L", (5, 5), 255).save(tmp_path / "small.png")
    for source, out, options, said in (
        (tmp_path / "no.png", "o.mp4", {}, "no.png: not a picture"),
        (tmp_path / "absent.png", "o.mp4", {}, "no such file"),
        (photo, "o.txt", {}, "no format has this suffix"),
        (photo, "nowhere/o.mp4", {}, "no such folder"),
        (photo, "o.mp4", {"at": [], "mask": [tmp_path / "empty.png"]}, "is empty"),
        (photo, "o.mp4", {"at": [], "mask": [tmp_path / "small.png"]}, "small.png is 5×5"),
        (tmp_path / "small.png", "o.mp4", {}, "5×5"),
        (photo, "o.mp4", {"method": "sam", "segmenter": tmp_path}, "no SAM model"),
    ):  # fmt: skip
        with pytest.raises(InterleafError, match=said):
            run(source, tmp_path / out, **options)  # type: ignore[arg-type]


def test_segment_writes_a_mask_of_the_pictures_size(photo: Path, tmp_path: Path) -> None:
    segment(photo, tmp_path / "m.png", ["60,45"], "", "grabcut", None, False)
    mask = np.asarray(Pillow.open(tmp_path / "m.png"))
    assert mask.shape == (91, 121) and set(np.unique(mask)) == {0, 255}
    assert mask[45, 60] == 255 and mask[5, 5] == 0


def test_the_papers_network_says_that_there_are_no_weights() -> None:
    pytest.importorskip("diffusers")
    from interleaf_followclick.animate.components import Animate
    from interleaf_followclick.config import AnimateModelConfig

    with pytest.raises(WeightsMissing, match="no weights"):
        _ = Animate(AnimateModelConfig()).module


def test_eight_metrics_name_what_is_missing_and_rank_methods(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[1] / "src" / "interleaf_followclick" / "examples"
    methods = sorted((root / "methods").iterdir())
    evaluate(
        methods[:1], root / "benchmark", methods[1:], None, None, None, None, tmp_path / "r.json"
    )
    printed = capsys.readouterr().out
    assert "tem_consis: no CLIP was given" in printed and "motion: no raters" in printed
    found = {
        (m["group"], m["metric"]): m["value"] for m in json.loads((tmp_path / "r.json").read_text())
    }
    assert found["moving", "phrase_flow"] > 0.9 and found["still", "phrase_flow"] == 0
    assert found["moving", "motion_amount"] == pytest.approx(2.0, abs=0.3)
    assert found["still", "temporal_ssim"] == 1 and found["still", "fvd"] is None


def test_strength_beyond_training_is_told_and_done(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(
        photo, tmp_path / "out.npz", motion="learned", strength=[30.0], say=["left"], frames=2
    )
    assert "faster than" in capsys.readouterr().err and out.is_file()
