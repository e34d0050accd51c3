"""Formats of Pillow, and what they refuse."""

import io

import numpy as np
import PIL.Image as Pillow
import pytest
import skimage

from interleaf.errors import CorruptData, InvalidInput
from interleaf.values import Image
from interleaf_media.compressing import compress, expand

PHOTO = Image(np.ascontiguousarray(skimage.data.coffee()[:128, :160]))


@pytest.mark.parametrize("codec", ["jpeg", "webp", "avif", "jpeg2000"])
def test_more_bytes_look_better(codec):
    def error(data):
        return np.square(expand(data).pixels.astype(float) - PHOTO.pixels).mean()

    few, many = (compress(PHOTO, codec, q, r) for q, r in ((20, 40.0), (85, 8.0)))
    assert len(few) < len(many) and error(few) > error(many)
    assert Pillow.open(io.BytesIO(few)).format == codec.upper()
    with pytest.raises(CorruptData):
        expand(few[: len(few) // 3])


def test_what_a_codec_cannot_keep():
    alpha = Image(np.zeros((4, 4, 4), np.uint8))
    for picture in (alpha, Image(np.zeros((4, 4, 3), np.uint16))):
        with pytest.raises(InvalidInput, match="does not keep"):
            compress(picture, "jpeg")
    assert expand(compress(alpha, "webp", 90)).pixels.shape == (4, 4, 4)
