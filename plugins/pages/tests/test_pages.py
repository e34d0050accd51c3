"""Pages, plots and tables: complete, safe, equal for equal input."""

import base64
import csv
import io
import re
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

import interleaf
from interleaf.errors import InvalidInput
from interleaf.interfaces import Evidence, Measure, Report, Verdict
from interleaf.pipeline.collection import Collection
from interleaf.values import Artifact, Audio, Clip, Frames, Image, Item, Table, Tokens

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=y>&amp;"


class Reader(HTMLParser):
    """Tags and attributes of a page; complains about tags that are not closed."""

    EMPTY = frozenset({"meta", "img", "input", "br"})

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page(items, reference=None, **parameters):
    artifact = interleaf.load("pages.page", **parameters)(items=items, reference=reference)
    assert artifact.media_type == "text/html"
    text = artifact.data.decode()
    return Reader(text), text


def picture(seed=0, shape=(6, 8, 3), dtype=np.uint8):
    return Image(np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype))


def embedded(uri):
    data = base64.b64decode(uri.partition("base64,")[2])
    return np.asarray(Pillow.open(io.BytesIO(data)))


def test_a_picture_beside_its_original_and_error():
    ours, original = picture(1), picture(2)
    read, text = page([Item(ours, "drawn", "", {"points": 9})], original, gain=2.0)
    images = [a for t, a in read.found if t == "img"]
    assert np.array_equal(embedded(images[0]["src"]), ours.pixels)
    difference = np.abs(ours.pixels.astype(int) - original.pixels) * 2
    assert np.array_equal(embedded(images[1]["src"]), np.minimum(difference, 255))
    background = re.search(r"\.o0\{background-image:url\((data:[^)]+)\)", text)[1]
    assert np.array_equal(embedded(background), original.pixels)
    assert text.count(background) == 1
    assert "points 9" in "".join(read.texts)


def test_originals_are_matched_by_id():
    names = {"a": picture(1), "b": picture(2)}
    read, _ = page([Item(Collection.of(names), "drawn")], Collection.of(names))
    maps = [a for t, a in read.found if t == "img" and a["alt"] == "error map"]
    assert len(maps) == 2 and not any(embedded(m["src"]).any() for m in maps)


def test_another_size_is_shown_without_a_comparison():
    read, _ = page([picture(1)], picture(2, (3, 3, 3)))
    assert [a["alt"] for t, a in read.found if t == "img"] == [""]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_layout_is_shown(channels, dtype):
    original = picture(0, (1, 4, channels), dtype)
    read, _ = page([original], original)
    shown = embedded(next(a for t, a in read.found if t == "img")["src"])
    scale = 257.0 if dtype == np.uint16 else 1.0
    assert np.array_equal(shown.reshape(1, 4, -1), np.floor(original.pixels / scale + 0.5))


def test_a_large_picture_is_shown_smaller_and_says_so():
    read, text = page([picture(0, (300, 40, 3))], max_side=100)
    assert embedded(next(a for t, a in read.found if t == "img")["src"]).shape[0] == 100
    assert "40×300, shown smaller" in text


def everything(text):
    return [
        Item(
            Table({text: [text, None, 1.5], "n": [1, 2, float("inf")]}, text),
            text,
            text,
            {text: text},
        ),
        Item(
            Report(
                (Measure(name=text, value=None, reason=text, unit=text, group=text),),
                (),
                (Evidence(text, text, text),),
                Verdict("review", (text,)),
            ),
            "report",
        ),
        text,
        Artifact(text.encode(), "text/plain"),
        Artifact(b"\x00\xff", "image/png"),
        Tokens(np.zeros(2, np.uint16)),
        True,
        {text: picture()},
    ]


def test_hostile_text_is_text():
    read, text = page(everything(HOSTILE), picture(), title=HOSTILE, note=HOSTILE)
    assert "<script" not in text and "onerror" not in {k for _, a in read.found for k in a}
    assert HOSTILE in "".join(read.texts)
    assert "default-src 'none'" in next(a["content"] for t, a in read.found if "http-equiv" in a)
    assert not re.search(r"https?://", text)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_text_gives_a_well_formed_and_repeatable_page(text):
    assert page(everything(text), title=text)[1] == page(everything(text), title=text)[1]


def test_what_has_no_view_says_so():
    assert "A Tokens has no view on a page." in page([Tokens(np.zeros(2, np.uint16))])[1]
    assert "<main></main>" in page([])[1]


TABLE = Table(
    {
        "points": [100, 1000, 100, 1000, 10],
        "psnr (dB)": [20.0, 30.5, 18.0, None, 4.0],
        "kind": list("aabbb"),
    }
)


def plot(table=TABLE, **parameters):
    artifact = interleaf.load("pages.plot", **{"x": "points", "y": "psnr (dB)", **parameters})(
        table=table
    )
    assert artifact.media_type == "image/svg+xml"
    return artifact.data


def test_a_plot_is_svg_and_repeatable():
    one = plot(by="kind", log_x=True, title="$cost$ & <b>")
    assert one == plot(by="kind", log_x=True, title="$cost$ & <b>")
    root = ElementTree.fromstring(one)
    lines = [e for e in root.iter() if e.get("id", "").startswith("line2d_")]
    assert root.tag.endswith("svg") and lines
    assert b"prefers-color-scheme" in one and b"<script" not in one
    assert plot() != one


def test_many_lines_are_told_apart():
    names = [f"codec {i}" for i in range(11)]
    table = Table({"points": [1, 2] * 11, "psnr (dB)": [1.0, 2.0] * 11, "kind": sorted(names * 2)})
    root = ElementTree.fromstring(plot(table, by="kind"))
    drawn = [e.get("style", "") for e in root.iter() if e.tag.endswith("path")]
    styles = {s.replace(" stroke-linecap: square", "") for s in drawn if "stroke-width: 1.5" in s}
    assert len({s.strip("; ") for s in styles}) == 11


def test_a_logarithmic_axis_is_labelled_in_one_way():
    points = [230 + 90 * i for i in range(12)]
    text = plot(Table({"points": points, "psnr (dB)": points}), log_x=True).decode()
    labels = set(re.findall(r"<!-- (.+?) -->", text))
    assert {"300", "1000"} <= labels and not any("mathdefault" in label for label in labels)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"x": "pointz"}, "no column 'pointz'.*\n.*points"),
        ({"x": "kind"}, "no row has numbers"),
        ({"by": "colour"}, "no column 'colour'"),
    ],
)
def test_a_plot_of_what_is_not_there_is_told(parameters, message):
    with pytest.raises(InvalidInput, match=message):
        plot(**parameters)


def test_tables_as_text():
    table = Table({"a|b": ["x\ny", None, "1|2"], "n": [0.1234567, 2, None]})
    made = interleaf.load("pages.table")(table=table)
    assert list(csv.reader(io.StringIO(made.data.decode()))) == [
        ["a|b", "n"],
        ["x\ny", "0.1234567"],
        ["", "2"],
        ["1|2", ""],
    ]
    made = interleaf.load("pages.table", format="markdown")(table=table)
    assert made.media_type == "text/markdown"
    assert made.data.decode().splitlines() == [
        r"| a\|b | n |",
        "|---|---|",
        "| x y | 0.1235 |",
        "| – | 2 |",
        r"| 1\|2 | – |",
    ]


def made(items):
    return interleaf.load("pages.page")(items=items).data.decode()


def clip(count=4, channels=3):
    pixels = np.zeros((count, 20, 30, channels), np.uint8)
    for i in range(count):
        pixels[i, :, 5 * i : 5 * i + 5] = 200
    return Frames(pixels, Fraction(10))


def inlined(html, kind):
    return [base64.b64decode(d) for d in re.findall(f'data:{kind};base64,([^"]*)', html)]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_clips_move(channels):
    html = made([Item(clip(channels=channels), "made", "", {"n": 3})])
    moving = Pillow.open(io.BytesIO(inlined(html, "image/webp")[0]))
    assert (moving.n_frames, moving.size) == (4, (30, 20))
    moving.seek(1)
    moving.load()
    assert moving.info["duration"] == 100
    assert "4 frames at 10 a second" in html and "n 3" in html


def test_one_frame_is_a_picture_and_none_is_told():
    assert "data:image/png" in made([clip(1)])
    assert "has no view" in made([clip(0)])


def test_large_clips_are_shown_smaller():
    from interleaf_pages import moving

    wide = Frames(np.zeros((3, 10, 2000, 3), np.uint8), Fraction(5))
    shown = Pillow.open(io.BytesIO(inlined(made([wide]), "image/webp")[0]))
    assert shown.size == (1536, 8)
    many = moving.MOST_PIXELS // (20 * 30 * 3)
    try:
        moving.MOST_PIXELS = 600
        shown = Pillow.open(io.BytesIO(inlined(made([clip(4)]), "image/webp")[0]))
    finally:
        moving.MOST_PIXELS = many * 20 * 30 * 3
    assert shown.size[0] * shown.size[1] * 4 <= 700


def test_sound_and_video_files_play():
    tone = Audio(np.linspace(-2, 2, 800, dtype=np.float32)[:, None], 8000)
    html = made(
        [Clip(clip(), tone), tone, Artifact(b"xx", "video/mp4"), Artifact(b"yy", "audio/mpeg")]
    )
    waves = inlined(html, "audio/wav")
    assert len(waves) == 2 and waves[0][:4] == b"RIFF" and len(waves[0]) == 44 + 1600
    assert inlined(html, "video/mp4") == [b"xx"] and inlined(html, "audio/mpeg") == [b"yy"]
    assert "media-src data:" in html and "<script" not in html
    hostile = made([Artifact(b"x", 'video/"><script>')])
    assert "<script" not in hostile
