"""Values as data: addresses inside an HTML page: pictures, clips, sound, files, text."""

import base64
import importlib.util
import io
from html import escape
from typing import Any

import numpy as np
from scipy.io import wavfile

from interleaf.values import Artifact, Audio, Clip, Frames, Image
from interleaf_media.saving import encode
from interleaf_media.writing import encode_png


def shown(value: Any) -> str:
    """One HTML element for a value; text and media types are escaped."""
    if isinstance(value, Frames):
        return shown(Clip(value))
    if isinstance(value, Clip):
        value = clip_file(value)
    if isinstance(value, Image):
        value = Artifact(encode_png(value), "image/png")
    if isinstance(value, Audio):
        value = Artifact(wav(value), "audio/wav")
    if not isinstance(value, Artifact):
        return f"<pre>{escape(str(value))}</pre>"
    kind = value.media_type.partition("/")[0]
    address = f"data:{escape(value.media_type)};base64,{base64.b64encode(value.data).decode()}"
    if kind == "image":
        return f'<img alt="" src="{address}">'
    if kind == "video":
        return f'<video controls loop autoplay muted playsinline src="{address}"></video>'
    if kind == "audio":
        return f'<audio controls src="{address}"></audio>'
    return f"<pre>{escape(value.data.decode(errors='replace'))}</pre>"


def clip_file(clip: Clip) -> Artifact:
    """A clip as a file that browsers play: MP4 with its sound, or APNG where PyAV is absent."""
    codec = "h264" if importlib.util.find_spec("av") else "apng"
    sound = clip.audio if clip.audio is not None and len(clip.audio.samples) else None
    return encode(clip.frames.pixels, clip.frames.fps, codec, audio=sound)


def wav(audio: Audio) -> bytes:
    """16-bit PCM."""
    out = io.BytesIO()
    whole = np.round(np.clip(np.nan_to_num(audio.samples), -1, 1) * 32767).astype(np.int16)
    wavfile.write(out, audio.rate, whole)
    return out.getvalue()
