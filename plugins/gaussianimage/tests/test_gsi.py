"""Files: what is read is what was written, and what is damaged says so."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.values import Image
from interleaf_gaussianimage import GsiError, codec, decode, encode, fit, quantising, rans, tables
from interleaf_gaussianimage.background import nodes
from interleaf_gaussianimage.format import (
    BadMagic,
    Header,
    LimitExceeded,
    Malformed,
    Truncated,
    UnsupportedVersion,
    chunk,
    chunks,
)
from interleaf_media.reading import read_image
from interleaf_media.writing import encode_png


def picture(height=70, width=90, channels=3, dtype=np.uint8, seed=0):
    """Smooth waves and an edge."""
    y, x = np.mgrid[:height, :width] / 17.0
    waves = [
        np.sin(x * (c + 1) + y + seed) + np.cos(y * 1.7 - c) + (x > y) for c in range(channels)
    ]
    unit = np.stack(waves, axis=2) / 6 + 0.4
    return np.rint(np.clip(unit, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def psnr(a, b):
    top = np.iinfo(a.dtype).max
    return 10 * math.log10(top**2 / max(1e-9, np.square(a.astype(float) - b).mean()))


@pytest.fixture(scope="module")
def image():
    return picture()


@pytest.fixture(scope="module")
def data(image):
    return encode(image, bpp=1.5, preset="fast")


@pytest.fixture(scope="module")
def layered(image):
    return encode(image, bpp=2.5, preset="fast", layers=3, meta=b'{"a": 1}', icc=b"profile")


def test_what_is_read_is_what_was_written(data, layered):
    for blob in (data, layered):
        coded = codec.parse(blob)
        assert codec.write(coded) == blob
        fresh = [codec.Layer(*list(vars(layer).values())[:4]) for layer in coded.layers]
        again = codec.write(codec.Coded(**{**vars(coded), "layers": tuple(fresh)}))
        assert again == blob  # the tables are those the encoder would choose


def test_it_looks_like_the_picture(image, data, layered):
    assert psnr(image, decode(data)) > 30 and decode(data).shape == image.shape
    rising = [psnr(image, decode(layered, layers=n)) for n in (1, 2, 3)]
    assert rising == sorted(rising) and rising[2] > rising[0] + 2
    assert codec.open_file(layered).icc == b"profile"


def test_what_was_asked_for_is_reached():
    big = np.ascontiguousarray(skimage.data.coffee()[100:300, 100:356])
    assert len(encode(big, bpp=0.5, preset="fast")) * 8 / big[..., 0].size == pytest.approx(
        0.5, rel=0.15
    )
    assert psnr(big, decode(encode(big, psnr=34, preset="fast"))) == pytest.approx(34, abs=1)
    n = codec.open_file(encode(big, points=200, preset="fast")).header.points
    assert 120 < n < 280


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1, 1, 1), np.uint8), ((1, 40, 3), np.uint8), ((40, 1, 2), np.uint8), ((33, 47, 4), np.uint8),
     ((30, 40, 1), np.uint16), ((31, 33, 3), np.uint16), ((300, 260, 1), np.uint8)],
)  # fmt: skip
def test_any_shape_and_depth(shape, dtype):
    given_ = picture(*shape[:2], shape[2], dtype)
    blob = encode(given_, bpp=4, preset="fast")
    back = decode(blob)
    assert (
        back.shape == given_.shape
        and back.dtype == dtype
        and codec.write(codec.parse(blob)) == blob
    )
    assert psnr(given_, back) > 23


def test_flat_pictures():
    flat = np.full((50, 60, 3), 77, np.uint8)
    blob = encode(flat, preset="fast")
    assert np.abs(decode(blob).astype(int) - 77).max() <= 1 and len(blob) < 400


def test_regions_and_scales(data):
    whole = decode(data)
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = int(rng.integers(89)), int(rng.integers(69))
        box = (x, y, int(rng.integers(1, 91 - x)), int(rng.integers(1, 71 - y)))
        part = decode(data, region=box).astype(int)
        want = whole[y : y + box[3], x : x + box[2]]
        assert part.shape == want.shape and np.abs(part - want).max() <= 1
    double = decode(data, scale=2.0)
    assert double.shape == (140, 180, 3)
    mean = double.reshape(70, 2, 90, 2, 3).mean(axis=(1, 3))
    assert np.abs(mean - whole)[4:-4, 4:-4].mean() < 3  # samples beside those of the whole
    part = decode(data, region=(10, 20, 30, 25), scale=2.0)
    assert np.abs(part.astype(int) - double[40:90, 20:80]).max() <= 1
    for region in ((0, 0, 91, 5), (-1, 0, 5, 5), (0, 0, 0, 5)):
        with pytest.raises(ValueError, match="region"):
            decode(data, region=region)
    with pytest.raises(ValueError, match="scale"):
        decode(data, scale=0)


def test_pixels_do_not_depend_on_threads(layered):
    assert np.array_equal(decode(layered, threads=1), decode(layered, threads=3))


def test_a_file_that_was_cut_off_gives_its_whole_layers(layered, image):
    ends = [layered.index(b"LAY%d" % n) - 4 for n in (2, 3)]
    part = decode(layered[: ends[0] + 30], partial=True)
    assert np.array_equal(part, decode(layered, layers=1))
    assert np.array_equal(decode(layered[: ends[1] + 9], partial=True), decode(layered, layers=2))
    with pytest.raises(Truncated):
        decode(layered[: ends[0] + 30])
    with pytest.raises(GsiError):
        decode(layered[:60], partial=True)


def test_every_prefix_and_every_flip_is_told(data):
    for end in range(0, len(data), 3):
        with pytest.raises(GsiError):
            decode(data[:end])
    rng = np.random.default_rng(1)
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(GsiError):
            decode(bytes(broken))


def resealed(data: bytes, at: int, value: int) -> bytes:
    """With one byte of a payload changed, and checksums that fit again."""
    head = bytearray(data[: Header.SIZE])
    parts = list(chunks(data))
    for i, (kind, payload) in enumerate(parts):
        if at < len(payload):
            changed = bytearray(payload)
            changed[at] ^= value
            parts[i] = (kind, bytes(changed))
            break
        at -= len(payload)
    return bytes(head) + b"".join(chunk(*p) for p in parts) + chunk(b"END ", b"")


def test_well_sealed_nonsense_is_told_or_drawn(data):
    """Whoever makes the checksums fit gets a picture or a declared error; never a crash."""
    rng = np.random.default_rng(2)
    size = sum(len(p) for _, p in chunks(data))
    told = 0
    for _ in range(400):
        blob = resealed(data, int(rng.integers(size)), int(rng.integers(1, 256)))
        try:
            assert decode(blob).shape == (70, 90, 3)
        except GsiError:
            told += 1
    assert told > 200


def header(**words):
    return replace(Header(90, 70, 3, 8, 8, 0, 1), **words).pack()


@pytest.mark.parametrize(
    ("blob", "error"),
    [
        (b"", BadMagic), (b"\x89PNG\r\n\x1a\n", BadMagic), (b"\x89GSI\r\n\x1a\n", Truncated),
        (header(width=1 << 20, height=1 << 20), LimitExceeded), (header(points=1 << 27), LimitExceeded),
        (header(width=0), Malformed), (header(channels=5), Malformed), (header(depth=9), Malformed),
        (header(block=30), Malformed), (header(layers=0), Malformed),
        (header() + chunk(b"WHAT", b""), UnsupportedVersion), (header(), Truncated),
        (header() + chunk(b"END ", b""), Malformed),
        (header() + chunk(b"END ", b"") + b"x", Malformed),
        (header() + chunk(b"QNTZ", b"") + chunk(b"QNTZ", b"") + chunk(b"END ", b""), Malformed),
    ],
)  # fmt: skip
def test_files_that_are_none(blob, error):
    with pytest.raises(error) as caught:
        decode(blob)
    assert isinstance(caught.value, GsiError)


def test_a_later_version_and_chunks_that_may_be_left_out(data):
    later = bytearray(data[: Header.SIZE])
    later[8] = 2
    later[-4:] = zlib.crc32(bytes(later[:-4])).to_bytes(4, "little")
    with pytest.raises(UnsupportedVersion):
        decode(bytes(later) + data[Header.SIZE :])
    more = data[: Header.SIZE] + chunk(b"note", b"hello") + data[Header.SIZE :]
    assert np.array_equal(decode(more), decode(data))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 63), min_size=1, max_size=300),
    st.lists(st.integers(1, 12), max_size=30),
)
def test_symbols_and_bits_come_back(values, widths):
    table, _ = tables.best(np.bincount(values, minlength=64))
    lookup, parts = tables.expanded(table[None])
    starts = [int(parts[v]) >> 16 for v in values] + [0 for _ in widths]
    sizes = [int(parts[v]) & 0x1FFF for v in values] + [4096 >> w for w in widths]
    stream = codec.Stream(codec._words(starts, sizes), "test")
    x, at = stream.state, 2
    for v in values:
        symbol, x, at = rans.read_symbol(x, at, stream.words, lookup, parts, 0)
        assert symbol == v
    for w in widths:
        value, x, at = rans.read_bits(x, at, stream.words, w)
        assert value == 0
    stream.close(x, at)
    size = 16 * (len(stream.words) - 1)
    ideal = -sum(math.log2(s / 4096) for s in sizes)
    assert size <= ideal * 1.001 + 48


@given(st.integers(0, 2**32), st.floats(0.02, 0.9))
@settings(max_examples=15, deadline=None)
def test_streams_are_as_short_as_those_of_a_coder_of_others(seed, peak):
    """``constriction``'s ANS coder, given the same 12-bit frequencies: sizes within 0.5 %."""
    constriction = pytest.importorskip("constriction")
    rng = np.random.default_rng(seed)
    values = np.minimum(rng.geometric(peak, 20_000) - 1, rans.SYMBOLS - 1)
    table, _ = tables.best(np.bincount(values, minlength=rans.SYMBOLS))
    parts = tables.expanded(table[None])[1]
    sizes = parts[values].astype(np.int64) & 0x1FFF
    ours = 8 * len(codec._words(parts[values].astype(np.int64) >> 16, sizes))
    shares = (parts[: rans.SYMBOLS].astype(np.int64) & 0x1FFF) / rans.TOTAL
    theirs = constriction.stream.stack.AnsCoder()
    there = np.flatnonzero(shares)
    model = constriction.stream.model.Categorical(shares[there], perfect=True)
    theirs.encode_reverse(np.searchsorted(there, values).astype(np.int32), model)
    assert ours == pytest.approx(theirs.num_bits(), rel=0.005, abs=64)


@st.composite
def any_coded(draw):
    """What a file of a small picture could say, its numbers anywhere within their ranges."""
    channels, n = draw(st.integers(1, 4)), draw(st.integers(0, 60))
    width, height = draw(st.integers(1, 80)), draw(st.integers(1, 80))
    cell = draw(st.sampled_from(codec.CELLS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    integers = np.zeros((n, 5 + channels), np.int64)
    largest = draw(st.sampled_from([1, 3, 20, quantising.LARGEST]))
    integers[:, 5:] = rng.integers(-largest, largest + 1, (n, channels))
    integers[:, 5] += integers[:, 5] == 0
    finest = 1 << np.array([quantising.class_of(q) for q in (integers[:, 5:] ** 2).sum(1)], int)
    for j, (low, high) in enumerate([(-1.2, 7.0), (-1.2, 7.0), (-12.0, 12.0)]):
        step = (quantising.SIZE if j < 2 else quantising.SHEAR) / finest
        integers[:, 2 + j] = np.rint(rng.uniform(low, high, n) / step)
    centre = rng.uniform(0, [width, height], (n, 2))
    integers[:, :2] = np.floor(centre / 2.0 ** codec.exponents(integers))
    header = Header(width, height, channels, 8, draw(st.integers(5, 8)), n, 1)
    integers, counts = codec.ordered(header, cell, integers)
    layer = codec.Layer(draw(st.integers(1, 65535)), integers, counts, (9,) * len(counts))
    # a change from the median predictor may be 4 times as large
    smooth = rng.integers(-largest // 4, largest // 4 + 1, (*nodes(height, width), channels))
    basis = rng.integers(-127, 128, (channels, channels)).astype(np.int8)
    return codec.Coded(header, cell, (7,) * channels, basis, 3, smooth, (layer,))


@settings(max_examples=100, deadline=None)
@given(any_coded())
def test_whatever_may_be_told_comes_back(coded):
    blob = codec.write(coded)
    back = codec.parse(blob)
    assert np.array_equal(back.layers[0].integers, coded.layers[0].integers)
    assert np.array_equal(back.background, coded.background)
    assert codec.write(back) == blob


@pytest.mark.parametrize("which", ["amplitude", "background"])
def test_a_value_that_no_file_can_tell_is_refused(data, which):
    coded = codec.parse(data)
    where = coded.background if which == "background" else coded.layers[0].integers
    where[0, ..., -1] = 3 * quantising.LARGEST
    with pytest.raises(ValueError, match="cannot be told"):
        codec.write(coded)


def test_the_finest_file_of_a_harsh_picture_reads_back():
    harsh = np.where(np.mgrid[:64, :96].sum(0) // 16 % 2, 255, 0).astype(np.uint8)
    harsh[:, 48:] = np.random.default_rng(0).integers(0, 256, (64, 48))
    shown = decode(encode(harsh, psnr=60, preset="fast"))[:, :, 0]
    assert psnr(harsh[:, :40], shown[:, :40]) > 30


def test_a_fit_is_where_a_file_may_begin(image):
    splats = fit(image, points=300, steps=100)
    blob = encode(image, begin=splats, bpp=2, preset="fast")
    assert psnr(image, decode(blob)) > 28
    assert psnr(image, decode(encode(splats, bpp=2, preset="fast"))) > 25


def test_a_large_picture_in_pieces(monkeypatch):
    from interleaf_gaussianimage import encoding

    monkeypatch.setattr(encoding, "WHOLE", 1)
    monkeypatch.setattr(encoding, "PIECE", 64)
    monkeypatch.setattr(encoding, "MARGIN", 32)
    given_ = picture(150, 170)
    blob = encode(given_, bpp=1.0, preset="fast")
    monkeypatch.undo()
    whole = encode(given_, bpp=len(blob) * 8 / given_[..., 0].size, preset="fast")
    assert psnr(given_, decode(blob)) > psnr(given_, decode(whole)) - 4
    assert codec.write(codec.parse(blob)) == blob


@pytest.mark.parametrize(
    "words",
    [{"bpp": 0.1, "psnr": 30}, {"bpp": 0}, {"psnr": 99}, {"points": 0}, {"layers": 7}],
)
def test_goals_that_cannot_be(image, words):
    with pytest.raises(ValueError):
        encode(image, preset="fast", **words)
    with pytest.raises(ValueError):
        encode(np.full((4, 4, 3), np.nan))


def test_the_commands(tmp_path, image):
    def call(*words):
        command = [sys.executable, "-m", "interleaf_cli", "gaussianimage", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True)

    (tmp_path / "photo.png").write_bytes(encode_png(Image(image)))
    done = call(
        "encode", tmp_path / "photo.png", tmp_path / "p.gsi", "--bpp", "1.5", "--preset", "fast"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(call("info", tmp_path / "p.gsi", "--json").stdout)
    assert told["bytes"] == (tmp_path / "p.gsi").stat().st_size and "LAY1" in told["chunks"]
    words = ("--region", "10,20,30,25", "--scale", "2")
    assert call("decode", tmp_path / "p.gsi", tmp_path / "out.png", *words).returncode == 0
    assert read_image(tmp_path / "out.png").pixels.shape == (50, 60, 3)
    assert call("verify", tmp_path / "p.gsi").returncode == 0
    (tmp_path / "bad.gsi").write_bytes((tmp_path / "p.gsi").read_bytes()[:-3])
    done = call("verify", tmp_path / "bad.gsi")
    assert done.returncode == 3 and "ends" in done.stderr
    assert call("decode", tmp_path / "p.gsi", tmp_path / "o.png", "--region", "1,2").returncode == 3
    assert (
        call("encode", tmp_path / "photo.png", tmp_path / "q.gsi", "--preset", "slow").returncode
        == 3
    )
    assert not (tmp_path / "q.gsi").exists()
