"""Sound as a model hears it: 16 kHz mono, and logarithmic mel energies, two for each frame of motion."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Audio
from interleaf_media.sounds import conformed

Floats = np.ndarray[Any, Any]
RATE = 16_000  # Hz
WINDOW, FFT = 400, 512  # samples: 25 ms
BANDS, LOW, HIGH = 48, 60.0, 7600.0  # mel bands, Hz
PER_FRAME = 2
QUIET = 1e-5  # energy below which all is silence


def mono(audio: Audio) -> Floats:
    """[S] float32 at 16 kHz, channels averaged; InvalidInput for none, or such as are no numbers."""
    samples = np.asarray(audio.samples, np.float32)
    if not len(samples):
        raise InvalidInput(
            "the sound has no samples", hint="give a recording of at least one frame"
        )
    bad = ~np.isfinite(samples)
    if bad.any():
        first = int(np.argmax(bad.any(axis=1)))
        raise InvalidInput(
            f"the sound holds {int(bad.sum())} samples that are no numbers, the first at "
            f"{first / audio.rate:.3f} s",
            hint="decode the recording again",
        )
    found: Floats = np.clip(conformed(Audio(samples, audio.rate), RATE, 1).samples[:, 0], -1, 1)
    return found


def frames_of(samples: Floats, fps: float) -> int:
    """How many frames of motion the sound at 16 kHz lasts: at least one."""
    return max(1, round(len(samples) / RATE * fps))


def _to_mel(f: Any) -> Any:
    return 2595 * np.log10(1 + np.asarray(f) / 700)


@lru_cache(4)
def _filters() -> Floats:
    """Triangles [BANDS, FFT / 2 + 1], equal in area, spaced evenly in mel (O'Shaughnessy 1987)."""
    edges = np.linspace(_to_mel(LOW), _to_mel(HIGH), BANDS + 2)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    at = np.arange(FFT // 2 + 1) * RATE / FFT
    low, middle, high = hertz[:-2, None], hertz[1:-1, None], hertz[2:, None]
    rising, falling = (at - low) / (middle - low), (high - at) / (high - middle)
    found: Floats = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return found.astype(np.float32)


def mel(samples: Floats, fps: float, first: int, last: int, begin: int = 0) -> Floats:
    """Natural logarithms of mel energies [last - first, 2 BANDS] of frames first..last-1, about -1..1.

    Window k of 25 ms is centred at (k + 1/2) / (2 fps), so frame i holds what sounds from i / fps on for
    one frame. ``samples`` begin at sample ``begin`` of the sound; what lies beyond them is silence.
    """
    k = np.arange(PER_FRAME * first, PER_FRAME * last)
    starts = np.round((k + 0.5) / (PER_FRAME * fps) * RATE).astype(int) - WINDOW // 2 - begin
    taper = np.hanning(WINDOW).astype(np.float32)
    padded = np.concatenate([np.zeros(WINDOW, np.float32), samples, np.zeros(WINDOW, np.float32)])
    out = np.empty((len(k), BANDS), np.float32)
    for a in range(0, len(k), 4096):
        at = np.clip(starts[a : a + 4096] + WINDOW, 0, len(padded) - WINDOW)
        pieces = padded[at[:, None] + np.arange(WINDOW)] * taper
        power = np.abs(np.fft.rfft(pieces, FFT)) ** 2 / taper.sum()
        out[a : a + 4096] = power.astype(np.float32) @ _filters().T
    scaled: Floats = ((np.log(out + QUIET) + 8.0) / 4.0).astype(np.float32)
    return scaled.reshape(last - first, PER_FRAME * BANDS)


def loudness(samples: Floats, frames: int, fps: float) -> Floats:
    """Root mean square [frames] of each frame's samples."""
    edges = np.round(np.arange(frames + 1) / fps * RATE).astype(int)
    padded = np.zeros(max(int(edges[-1]), len(samples)), np.float64)
    padded[: len(samples)] = samples
    sums = np.concatenate([[0.0], np.cumsum(padded**2)])
    found: Floats = np.sqrt((sums[edges[1:]] - sums[edges[:-1]]) / np.diff(edges))
    return found
