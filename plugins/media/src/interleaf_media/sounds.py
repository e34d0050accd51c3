"""Sound in: WAV with SciPy alone, everything else through PyAV."""

import io
import warnings
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interleaf.errors import CorruptData, InvalidInput
from interleaf.values import Audio
from interleaf_media.extras import need

Samples = NDArray[np.float32]
Where = Path | bytes


def read_audio(source: Where, name: str = "", rate: int = 0, channels: int = 0) -> Audio:
    """A file's first sound stream as T×channels float32 in −1..1.

    ``rate`` resamples (polyphase, SciPy), ``channels`` 1 averages all, 2 doubles one; 0 keeps. Raises
    InvalidInput for a file without sound, CorruptData for a broken one.
    """
    name = name or (str(source) if isinstance(source, Path) else "the sound")
    head = _head(source, name)
    audio = _wav(source, name) if head[:4] == b"RIFF" and head[8:12] == b"WAVE" else None
    audio = audio or _decoded(source, name)
    return conformed(audio, rate, channels)


def conformed(audio: Audio, rate: int = 0, channels: int = 0) -> Audio:
    """The sound at another rate or number of channels."""
    samples = audio.samples
    if channels == 1 and samples.shape[1] != 1:
        samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    elif channels and channels != samples.shape[1]:
        if samples.shape[1] != 1:
            raise InvalidInput(f"{samples.shape[1]} channels cannot become {channels}")
        samples = np.repeat(samples, channels, axis=1)
    if rate and rate != audio.rate and len(samples):
        from scipy.signal import resample_poly

        common = gcd(rate, audio.rate)
        samples = resample_poly(samples, rate // common, audio.rate // common, axis=0)
    return Audio(np.ascontiguousarray(samples, np.float32), rate or audio.rate)


def _head(source: Where, name: str) -> bytes:
    if isinstance(source, bytes):
        return source[:12]
    try:
        with source.open("rb") as file:
            return file.read(12)
    except OSError as error:
        raise InvalidInput(
            f"{name}: {error.strerror}", hint="give the path of a sound file"
        ) from None


def _wav(source: Where, name: str) -> Audio | None:
    """PCM or float WAV; None for compressed ones, which PyAV may know."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chunks that it does not know
            rate, samples = wavfile.read(
                io.BytesIO(source) if isinstance(source, bytes) else source
            )
    except ValueError:
        return None
    samples = samples[:, None] if samples.ndim == 1 else samples
    if samples.dtype == np.uint8:
        samples = samples.astype(np.float32) / 128 - 1
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
    if not np.isfinite(samples).all():
        raise CorruptData(f"{name}: holds samples that are no numbers")
    return Audio(np.ascontiguousarray(samples, np.float32), int(rate))


def _decoded(source: Where, name: str) -> Audio:
    from interleaf_media.containers import open_container

    with open_container(source, name) as container:
        if not container.streams.audio:
            raise InvalidInput(f"{name}: has no sound", hint="choose a file with a sound stream")
        pieces, rate, _ = _pieces(container)
    if not pieces:
        raise CorruptData(f"{name}: no sound could be decoded", hint="the file may be cut short")
    return Audio(np.concatenate(pieces), rate)


def _pieces(container: Any) -> tuple[list[Samples], int, Fraction]:
    """Decoded blocks [n, channels], the rate, and when the first one is heard."""
    av = need("av", "audio")
    stream = container.streams.audio[0]
    rate, layout = stream.codec_context.sample_rate, stream.codec_context.layout
    resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
    pieces: list[Samples] = []
    first: Fraction | None = None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            break
        except av.error.InvalidDataError:
            continue
        except (av.error.FFmpegError, OSError):
            break
        for frame in frames:
            if first is None and frame.pts is not None:
                first = frame.pts * frame.time_base
            pieces += [_block(f) for f in resampler.resample(frame)]
    pieces += [_block(f) for f in resampler.resample(None)] if pieces else []
    return pieces, int(rate), first or Fraction(0)


def _block(frame: Any) -> Samples:
    channels = len(frame.layout.channels)
    return np.ascontiguousarray(frame.to_ndarray().reshape(-1, channels), np.float32)


def sound_beside(source: Where, name: str, video_start: Fraction) -> Audio | None:
    """The sound of a video, its first sample at the moment the first frame appears; None without."""
    from interleaf_media.containers import open_container

    with open_container(source, name) as container:
        if not container.streams.audio or container.streams.audio[0].codec_context is None:
            return None
        pieces, rate, first = _pieces(container)
    if not pieces:
        return None
    samples = np.concatenate(pieces)
    late = round((first - video_start) * rate)
    if late > 0:
        samples = np.concatenate([np.zeros((late, samples.shape[1]), np.float32), samples])
    return Audio(samples[max(-late, 0) :], rate)
