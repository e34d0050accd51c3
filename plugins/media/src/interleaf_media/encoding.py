"""Frames and sound to video files through PyAV: H.264, FFV1, VP9."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Audio
from interleaf_media.extras import need
from interleaf_media.videoinfo import Pixels


@dataclass(frozen=True, slots=True)
class Format:
    """A container, its codecs, and the pixel format of lossy and lossless 8-bit colour."""

    container: str
    video: str
    lossless: str  # the codec for lossless pictures, "" when there is none
    audio: str
    media_type: str
    suffix: str
    pixels: str = "yuv420p"


FORMATS = {
    "h264": Format("mp4", "libx264", "libx264rgb", "aac", "video/mp4", ".mp4"),
    "vp9": Format("webm", "libvpx-vp9", "", "libopus", "video/webm", ".webm"),
    "ffv1": Format("matroska", "ffv1", "ffv1", "flac", "video/matroska", ".mkv"),
}
THREADS = 2  # part of what the bytes depend on, so never the machine's own count
SOUND_BLOCK = 1024


def encode_video(
    frames: Iterable[Pixels],
    fps: Fraction,
    codec: str = "h264",
    *,
    crf: int = 16,
    lossless: bool = False,
    audio: Audio | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A video file's bytes. Frames are [H, W, C] uint8, or uint16 for FFV1, taken one at a time.

    H.264 and VP9 hold 4:2:0 colour: odd sizes are padded by repeating the last row or column, and the
    true size is written into the metadata (``interleaf_size``). Raises InvalidInput for no frames or
    frames of different sizes.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"out{FORMATS[codec].suffix}"
        write_stream(file, frames, fps, codec, crf, lossless, audio, metadata or {})
        return file.read_bytes()


def write_stream(
    file: Path,
    frames: Iterable[Pixels],
    fps: Fraction,
    codec: str,
    crf: int,
    lossless: bool,
    audio: Audio | None,
    metadata: Mapping[str, str],
) -> None:
    """The same, into a file."""
    av = need("av", "video")
    form = FORMATS[codec]
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise InvalidInput("a video needs at least one frame", hint="the input has none")
    if lossless and not form.lossless:
        raise InvalidInput(f"{codec} is not written without loss here", hint="use ffv1 or h264")
    options = {"movflags": "+faststart+use_metadata_tags"} if codec == "h264" else {}
    options |= {"fflags": "+bitexact"}  # no dates, no random ids: equal input, equal bytes
    with av.open(str(file), "w", format=form.container, options=options) as container:
        container.metadata.update(
            {**metadata, "interleaf_size": f"{first.shape[1]}x{first.shape[0]}"}
        )
        stream = _video_stream(container, form, first, fps, crf, lossless or codec == "ffv1")
        sound = _audio_stream(container, form, audio)
        for index, frame in enumerate(chain([first], iterator)):
            _mux(container, stream, _picture(frame, first.shape, stream, index, fps))
        for packet in stream.encode():
            container.mux(packet)
        if audio is not None and sound is not None:
            for block in _blocks(audio):
                _mux(container, sound, block)
            for packet in sound.encode():
                container.mux(packet)


def _video_stream(
    container: Any, form: Format, first: Pixels, fps: Fraction, crf: int, lossless: bool
) -> Any:
    name = form.lossless if lossless else form.video
    stream = container.add_stream(name, rate=fps)
    height, width = first.shape[:2]
    kind = _native(first)
    if name == "ffv1":
        stream.pix_fmt = {"gray": "gray", "gray16le": "gray16le", "rgb48le": "gbrp16le"}.get(
            kind, "bgr0"
        )
        stream.pix_fmt = "bgra" if kind == "rgba" else stream.pix_fmt
    else:
        if first.dtype != np.uint8:
            raise InvalidInput(
                "16-bit frames are written as ffv1 only", hint="codec: ffv1, or 8 bits"
            )
        stream.pix_fmt = "rgb24" if lossless else form.pixels
    even = stream.pix_fmt == form.pixels
    stream.width, stream.height = (
        (width + width % 2, height + height % 2) if even else (width, height)
    )
    stream.codec_context.thread_count = THREADS
    stream.codec_context.time_base = 1 / fps
    options = {"crf": "0" if lossless else str(crf)} if name != "ffv1" else {"level": "3"}
    if name == "libx264" and not lossless:
        options |= {"tune": "psnr"}  # what is measured later should be near what was drawn
    if name == "libvpx-vp9":
        options |= {"b": "0", "deadline": "good", "cpu-used": "3", "row-mt": "0"}
    stream.options = options
    return stream


def _native(frame: Pixels) -> str:
    channels, wide = frame.shape[2], frame.dtype == np.uint16
    if channels in (1, 2):
        return "gray16le" if wide else "gray"
    return "rgb48le" if wide else "rgba" if channels == 4 else "rgb24"


def _picture(frame: Pixels, shape: tuple[int, ...], stream: Any, index: int, fps: Fraction) -> Any:
    av = need("av", "video")
    if frame.shape != shape:
        raise InvalidInput(
            f"frame {index} is {frame.shape[1]}×{frame.shape[0]}, the first is {shape[1]}×{shape[0]}",
            hint="all frames of a video have one size",
        )
    kind = _native(frame)
    frame = frame[..., 0] if kind.startswith("gray") else frame[..., : 4 if kind == "rgba" else 3]
    pad = stream.height - shape[0], stream.width - shape[1]
    if any(pad):
        frame = np.pad(frame, [(0, pad[0]), (0, pad[1]), (0, 0)][: frame.ndim], mode="edge")
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=kind)
    chroma = "AREA" if stream.pix_fmt.startswith("yuv") else None  # 0.5 dB over the default
    picture = picture.reformat(format=stream.pix_fmt, interpolation=chroma)
    picture.pts, picture.time_base = index, 1 / fps
    return picture


def _audio_stream(container: Any, form: Format, audio: Audio | None) -> Any:
    if audio is None or not len(audio.samples):
        return None
    rate = audio.rate if form.audio != "libopus" else 48000
    layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(audio.samples.shape[1])
    if layout is None:
        raise InvalidInput(f"{audio.samples.shape[1]} channels: expected 1, 2 or 6")
    return container.add_stream(form.audio, rate=rate, layout=layout)


def _blocks(audio: Audio) -> Iterator[Any]:
    av = need("av", "audio")
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[audio.samples.shape[1]]
    samples = np.clip(audio.samples, -1, 1).astype(np.float32)
    for at in range(0, len(samples), SOUND_BLOCK):
        part = np.ascontiguousarray(samples[at : at + SOUND_BLOCK].reshape(1, -1))
        block = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
        block.sample_rate, block.pts, block.time_base = audio.rate, at, Fraction(1, audio.rate)
        yield block


def _mux(container: Any, stream: Any, frame: Any) -> None:
    for packet in stream.encode(frame):
        container.mux(packet)
