"""Clips and sound inside a page: frames as an animated WebP, sound as WAV, files as they are."""

import base64
import io
import itertools
import wave
from html import escape

import numpy as np
from PIL import Image as Pillow

from interleaf.values import Artifact, Audio, Frames, Image
from interleaf_pages.pictures import MODES, eight_bits

MOST_PIXELS = 30_000_000  # of all frames together; larger clips are shown smaller
QUALITY = 85


def player(file: Artifact) -> str:
    """A video or sound file with controls."""
    address = f"data:{escape(file.media_type)};base64,{base64.b64encode(file.data).decode()}"
    if file.media_type.startswith("audio/"):
        return f'<audio controls src="{address}"></audio>'
    return f'<video class="plot" controls loop muted playsinline src="{address}"></video>'


def sound(audio: Audio) -> str:
    """Sound with controls, as 16-bit WAV."""
    whole = np.round(np.clip(np.nan_to_num(audio.samples), -1, 1) * 32767).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(max(audio.samples.shape[1], 1))
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(whole.tobytes())
    return player(Artifact(out.getvalue(), "audio/wav"))


def animation(frames: Frames, max_side: int, label: str) -> str:
    """The frames as a picture that moves and loops, smaller where they are many or large."""
    count, height, width = frames.pixels.shape[:3]
    scale = min(1.0, max_side / max(height, width), (MOST_PIXELS / (count * height * width)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pictures = [_picture(eight_bits(Image(p)), size) for p in frames.pixels]
    ends = [round(1000 * i / frames.fps) for i in range(count + 1)]
    lasts = [max(b - a, 1) for a, b in itertools.pairwise(ends)]
    out = io.BytesIO()
    pictures[0].save(
        out, "WEBP", save_all=True, append_images=pictures[1:], duration=lasts, loop=0,
        quality=QUALITY, method=3,
    )  # fmt: skip
    address = "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
    return f'<img alt="{escape(label)}" src="{address}">'


def _picture(pixels: np.ndarray, size: tuple[int, int]) -> Pillow.Image:
    mode = MODES[pixels.shape[2]]
    whole = Pillow.frombytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())
    whole = whole.convert("RGBA" if "A" in mode else "RGB")
    return whole if whole.size == size else whole.resize(size, Pillow.Resampling.BOX)
