"""Composites, the rating page, augmentation, and components that take clips apart."""

import json
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import interleaf
from interleaf.errors import CorruptData, InvalidInput
from interleaf.values import Artifact, Audio, Clip, Frames, Image, Item
from interleaf_media import composites
from interleaf_media.clips import example_audio, example_frames
from interleaf_media.rating import Answer, bootstrap, friedman, page, ranking, read_answers


def test_a_sheet_shows_frames_spread_over_the_clip():
    clip = example_frames(30, 40, 60)
    sheet = interleaf.load("media.contact_sheet", count=6, columns=3, width=60)(frames=clip).pixels
    cell = 40 + 13 + 8
    assert sheet.shape == (2 * (cell + 6) + 6, 3 * 66 + 6, 3)
    assert np.array_equal(sheet[6:46, 6:66], clip.pixels[0])
    assert np.array_equal(sheet[6 + cell + 6 : 46 + cell + 6, 138:198], clip.pixels[29])


def test_captions_need_no_font_of_the_system_and_are_cut_to_fit():
    plain = np.zeros((10, 80, 3), np.uint8)
    shown = composites.caption(plain, "a caption that is far too long for eighty pixels")
    assert shown.shape == (32, 80, 3) and shown[10:].max() > 200
    assert np.array_equal(shown[:10], plain)


def test_overlay_tints_inside_only():
    clip = example_frames(2)
    mask = np.zeros((1, 22, 31, 1), np.uint8)
    mask[0, 5:15, 5:20] = 255
    over = interleaf.load("media.overlay", alpha=0.5)(
        frames=clip, mask=Frames(mask, clip.fps)
    ).pixels
    outside = mask[0, ..., 0] == 0
    assert np.array_equal(over[:, outside], clip.pixels[:, outside])
    assert (over[:, ~outside] != clip.pixels[:, ~outside]).any()
    with pytest.raises(InvalidInput, match="masks for"):
        interleaf.load("media.overlay")(frames=clip, mask=Frames(np.repeat(mask, 3, 0), clip.fps))


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 2 * np.pi), st.floats(0.2, 1))
def test_the_colour_wheel_turns_and_fades(angle, radius):
    flow = np.float32([[[np.cos(angle) * radius, np.sin(angle) * radius], [0, 0]]])
    color = composites.flow_to_color(flow, 1.0)
    assert tuple(color[0, 1]) == (255, 255, 255)  # no motion is white
    assert int(color[0, 0].max()) - int(color[0, 0].min()) == pytest.approx(255 * radius, abs=3)
    right = composites.flow_to_color(np.float32([[[1, 0]]]), 1.0)[0, 0]
    assert right[0] == 255 and right[1] < 10  # red


def test_onion_shows_every_place_of_the_disc():
    clip = example_frames(16, 22, 60)
    whole = composites.onion(list(clip.pixels), 4).astype(int)
    for t in (0, 5, 10, 15):
        assert np.abs(whole[11, 8 + 2 * t] - clip.pixels[t, 11, 8 + 2 * t]).sum() < 30


def test_clips_beside_each_other_keep_the_longer():
    items = [Item(example_frames(3), "a"), Item(example_frames(5), "b")]
    shown = interleaf.load("media.compose")(clips=items)
    assert len(shown) == 5 and shown.pixels.shape[2] == 2 * 35 + 4


def test_parts_of_a_clip_fit_together():
    clip = Clip(example_frames(5), example_audio(2.0))
    parts = interleaf.load("media.split")(clip=clip)
    whole = interleaf.load("media.join")(**parts)
    assert np.array_equal(whole.frames.pixels, clip.frames.pixels)
    assert len(whole.audio.samples) == 8000  # half a second of frames
    silent = interleaf.load("media.split")(clip=Clip(example_frames(2)))
    assert len(silent["audio"].samples) == 0
    assert interleaf.load("media.join")(**silent).audio is None
    frames = interleaf.load("media.assemble", fps=12.5)(images=list(example_frames(3)))
    assert frames.fps == Fraction(25, 2) and np.array_equal(frames.pixels, example_frames(3).pixels)
    last = interleaf.load("media.frame", index=-1)(frames=frames)
    assert np.array_equal(last.pixels, frames.pixels[2])
    with pytest.raises(InvalidInput, match="numbers start at 0"):
        interleaf.load("media.frame", index=3)(frames=frames)
    with pytest.raises(InvalidInput, match="at least one picture"):
        interleaf.load("media.assemble")(images=[])
    with pytest.raises(InvalidInput, match="pictures differ"):
        interleaf.load("media.assemble")(
            images=[Image(np.zeros((2, n, 3), np.uint8)) for n in (2, 3)]
        )


def test_a_clip_is_augmented_alike_in_every_frame():
    pytest.importorskip("kornia", reason="needs interleaf-media[torch]")
    from interleaf.interfaces import Context

    still = Frames(np.repeat(example_frames(1).pixels, 4, 0), Fraction(10))
    change = interleaf.load("media.augment", flip=0.5, degrees=20, zoom=0.1, brightness=0.3)
    one = change.apply(still, ctx=Context(seed=1)).pixels
    assert all(np.array_equal(f, one[0]) for f in one)
    assert np.array_equal(one, change.apply(still, ctx=Context(seed=1)).pixels)
    assert not np.array_equal(one, change.apply(still, ctx=Context(seed=2)).pixels)
    mirror = interleaf.load("media.augment", flip=1.0, brightness=0, contrast=0, saturation=0)
    assert np.array_equal(mirror.apply(still).pixels, still.pixels[:, :, ::-1])


def methods():
    clip = example_frames(2)
    return {
        "zqa": {"dog": clip, "cup": "<b>text</b>"},
        "zqb": {"dog": Image(clip.pixels[0]), "cup": Artifact(b"x", "audio/wav")},
        "zqc": {"dog": Clip(clip, example_audio()), "other": "alone"},
    }


def test_the_page_is_blind_whole_and_repeatable():
    text = page(methods(), title="<i>t</i>", question="Which & why?", seed=3)
    assert text == page(methods(), title="<i>t</i>", question="Which & why?", seed=3)
    data = json.loads(re.search(r"const data = (.*);\n", text)[1])
    asked = {(t["item"], *sorted((t["left"], t["right"]))) for t in data["trials"]}
    dogs = {("dog", "zqa", "zqb"), ("dog", "zqa", "zqc"), ("dog", "zqb", "zqc")}
    assert asked == dogs | {("cup", "zqa", "zqb")}
    ids = {t[side] for t in data["trials"] for side in ("l", "r")}
    assert all(f'<template id="{i}">' in text for i in ids)
    visible = re.sub(r"<script>.*</script>", "", text, flags=re.S)
    assert not any(name in visible for name in ("zqa", "zqb"))
    assert "<i>t</i>" not in text and "&lt;b&gt;text" in text
    assert not re.search(r"https?://", text)
    few = page(methods(), title="", question="", limit=2)
    assert len(json.loads(re.search(r"const data = (.*);\n", few)[1])["trials"]) == 2
    with pytest.raises(InvalidInput, match="at least two"):
        page({"one": {"a": "x"}}, title="", question="")


def test_sides_are_drawn():
    many = {m: {str(i): f"{m}{i}" for i in range(60)} for m in "ab"}
    data = json.loads(re.search(r"const data = (.*);\n", page(many, title="", question=""))[1])
    left = sum(t["left"] == "a" for t in data["trials"])
    assert 15 < left < 45


def answers(table):
    return [Answer(r, i, a, b, c) for r, i, a, b, c in table]


def test_ranks_wins_and_the_friedman_test():
    rows = [
        (f"r{r}", f"i{i}", a, b, "left" if a < b else "right")
        for r in range(3) for i in range(4) for a, b in (("a", "b"), ("c", "b"), ("a", "c"))
    ]  # fmt: skip
    found = ranking(answers(rows))
    assert found.methods == ("a", "b", "c") and found.ranks.shape == (12, 3)
    assert found.ranks.mean(0).tolist() == [1, 2, 3]
    assert found.wins[0, 1] == 12 and found.wins[1, 0] == 0
    statistic, p = friedman(found.ranks)
    assert statistic == pytest.approx(24) and p < 1e-4
    assert bootstrap(found.ranks) == [(1, 1), (2, 2), (3, 3)]
    tied = ranking(answers([("r", "i", "a", "b", "tie"), ("r", "i", "a", "b", "left")]))
    assert tied.wins[0, 1] == 0.75 and "at least 3" in friedman(tied.ranks)
    part = ranking(answers([("r", "i", "a", "b", "left"), ("r", "i", "b", "c", "left")]))
    assert len(part.ranks) == 0


def test_answers_are_read_or_refused(tmp_path):
    good = {"rater": "x", "answers": [{"item": "i", "left": "a", "right": "b", "choice": "tie"}]}
    (tmp_path / "one.json").write_text(json.dumps(good))
    assert read_answers(tmp_path) == [Answer("x", "i", "a", "b", "tie")]
    report = interleaf.load("media.ranks", answers=str(tmp_path))()
    assert report["preference/a"].value == 0.5
    assert report["friedman_p"].value is None and report["friedman_p"].reason
    row = '{"answers": [{"item": "i", "left": "a", "right": "%s", "choice": "%s"}]}'
    for bad in ("[]", "{", '{"answers": 3}', row % ("a", "tie"), row % ("b", "<")):
        (tmp_path / "one.json").write_text(bad)
        with pytest.raises(CorruptData, match=r"one\.json"):
            read_answers(tmp_path)
    with pytest.raises(InvalidInput, match="no answers"):
        read_answers(tmp_path / "none")


def test_sound_values_are_shown():
    from interleaf_media.inline import shown

    tone = shown(Audio(np.zeros((10, 1), np.float32), 8000))
    assert tone.startswith('<audio controls src="data:audio/wav;base64,')
