"""Reading and writing pictures: every layout, every fault."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as Pillow

import interleaf
from interleaf.errors import CorruptData, InvalidInput, ProblemsFound
from interleaf.values import Image
from interleaf_media.reading import decode_image, read_image
from interleaf_media.writing import encode_png, to_integers


def pixels(shape, dtype, seed=0):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, shape, dtype, endpoint=True)


def pictures():
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
    kinds = st.sampled_from([np.uint8, np.uint16])
    return kinds.flatmap(lambda kind: shapes.flatmap(lambda shape: arrays(kind, shape)))


@settings(max_examples=60, deadline=None)
@given(pictures(), st.integers(0, 9), st.binary(max_size=40))
def test_png_gives_back_every_sample_and_the_profile(array, level, icc):
    back = decode_image(encode_png(Image(array, icc), level), "x.png")
    assert back.pixels.dtype == array.dtype
    assert np.array_equal(back.pixels, array)
    assert back.icc == icc


def test_floats_are_clipped_and_rounded():
    image = Image(np.array([[[-1.0], [0.5], [2.0], [np.nan]]], np.float32))
    assert to_integers(image).pixels.ravel().tolist() == [0, 128, 255, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = pixels((4, 6, 3), np.uint8)
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}.get(orientation)
    stored = Pillow.fromarray(upright)
    if undo:
        stored = stored.transpose({2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}[undo])
    exif = Pillow.Exif()
    exif[274] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png").pixels, upright)


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("1", 1), ("L", 1), ("LA", 2), ("P", 3), ("RGB", 3), ("RGBA", 4), ("CMYK", 3), ("YCbCr", 3)],
)
def test_modes_become_grey_or_rgb(tmp_path, mode, channels):
    picture = Pillow.fromarray(pixels((8, 8, 3), np.uint8)).convert(mode)
    file = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    picture.save(file)
    found = read_image(file).pixels
    assert found.shape == (8, 8, channels) and found.dtype == np.uint8
    if mode in ("L", "RGB", "RGBA", "LA"):
        assert np.array_equal(found.squeeze(), np.asarray(picture))


def test_a_transparent_palette_keeps_its_alpha(tmp_path):
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "a.png", transparency=0)
    assert read_image(tmp_path / "a.png").pixels.tolist() == [[[255, 0, 0, 0], [0, 255, 0, 255]]]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_tiff(tmp_path, channels):
    samples = pixels((5, 7, channels), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", samples.squeeze(), photometric="minisblack" if channels == 1 else "rgb"
    )
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, samples)


def test_float_tiff_needs_a_range(tmp_path):
    good = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    tifffile.imwrite(tmp_path / "good.tif", good)
    tifffile.imwrite(tmp_path / "bad.tif", good * 300)
    assert np.array_equal(read_image(tmp_path / "good.tif").pixels[:, :, 0], good)
    with pytest.raises(InvalidInput, match=r"bad\.tif: float32 samples from 0"):
        read_image(tmp_path / "bad.tif")


def encoded(form, **options):
    out = io.BytesIO()
    Pillow.fromarray(pixels((40, 50, 3), np.uint8)).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM"])
def test_a_truncated_file_is_one_error_that_names_it(form):
    whole = encoded(form)
    for keep in (0, 1, 10, len(whole) // 2, len(whole) * 9 // 10):
        with pytest.raises(InvalidInput, match=r"^holiday\.x: ") as caught:
            decode_image(whole[:keep], "holiday.x")
        assert caught.value.exit_code == 3 and caught.value.hint


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_altered_bytes_never_crash(data):
    form = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP", "GIF"]))
    blob = bytearray(
        encoded(form) if form != "PNG" else encode_png(Image(pixels((9, 9, 3), np.uint16)))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_image(bytes(blob), "x", max_pixels=10_000_000)
    except InvalidInput:
        pass


def test_foreign_missing_and_unreadable_files(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture at all, but text")
    with pytest.raises(InvalidInput, match=r"notes\.png: not a picture"):
        read_image(tmp_path / "notes.png")
    with pytest.raises(CorruptData, match="empty"):
        decode_image(b"", "x")
    with pytest.raises(InvalidInput, match="no such file"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_image(tmp_path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    Pillow.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    with pytest.raises(InvalidInput, match=r"9000×9000 pixels are more than max_pixels = 1000"):
        read_image(tmp_path / "bomb.png", max_pixels=1000)


@pytest.fixture
def folder(tmp_path):
    for name in ("b10.png", "b2.png", "a.jpg", "a.png", "deep/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Pillow.new("RGB", (3, 2), (len(name), 0, 0)).save(tmp_path / name)
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def images(root, **parameters):
    return interleaf.load("media.images", root=str(root), **parameters)


def test_a_folder_in_natural_order(folder):
    data = images(folder)
    assert list(data.ids()) == ["a.jpg", "a.png", "b2", "b10"]
    assert len(data) == len(list(data)) == 4
    assert np.array_equal(data[2].pixels, list(data)[2].pixels)
    assert list(images(folder, pattern="**/*.png").ids()) == ["a", "b2", "b10", "deep/c"]
    with pytest.raises(InvalidInput, match=r"no pictures match '\*\.bmp'"):
        list(images(folder, pattern="*.bmp"))
    with pytest.raises(
        ProblemsFound, match=r"E306 no such file or folder.*\[media\.images\.root\]"
    ):
        images(folder / "absent")


def test_the_fingerprint_is_of_the_content(folder, tmp_path_factory):
    first = images(folder).fingerprint()
    os.utime(folder / "b2.png", (0, 0))
    assert images(folder).fingerprint() == first
    copy = tmp_path_factory.mktemp("copy")
    for file in folder.glob("*.*"):
        (copy / file.name).write_bytes(file.read_bytes())
    assert images(copy).fingerprint() == first
    blob = bytearray((copy / "b2.png").read_bytes())
    blob[-1] ^= 1
    (copy / "b2.png").write_bytes(blob)
    assert images(copy).fingerprint() != first


def test_samples_need_no_download():
    data = interleaf.load("media.sample", name="all")
    assert list(data.ids()) == ["astronaut", "camera", "chelsea", "coffee", "rocket"]
    assert next(i.pixels.shape for i in data) == (512, 512, 3)
    assert Path(interleaf.load("media.sample").files["astronaut"]).is_file()


def test_png_renderer():
    array = pixels((3, 4, 2), np.uint16)
    artifact = interleaf.load("media.png", level=9)(image=Image(array))
    assert artifact.media_type == "image/png" and artifact.data.startswith(b"\x89PNG")
    assert np.array_equal(decode_image(artifact.data, "x").pixels, array)
