"""Whether lips keep to the sound when it comes later, and are still while it pauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from interleaf_vlogger import sound
from interleaf_vlogger.agreement import correlation

Floats = np.ndarray[Any, Any]
Gap = Callable[[Floats], Floats]
"""How far lips are apart [T] for a sound [S] at 16 kHz."""
LATE, PAUSE = 0.4, 1.0  # seconds
EDGE = 0.2  # seconds at either end of a pause in which lips are on their way


def lateness(gap: Gap, samples: Floats, fps: float) -> float:
    """Seconds by which lips are late when the sound is late by 0.4 s, less those: 0 is right."""
    own = gap(samples)
    late = gap(np.concatenate([np.zeros(round(LATE * sound.RATE), np.float32), samples]))
    n = len(own) - 1
    scores = [correlation(late[k : k + n], own[:n]) for k in range(len(late) - n + 1)]
    return int(np.argmax(scores)) / fps - LATE


def stillness(gap: Gap, samples: Floats, fps: float) -> float:
    """How far lips are apart in a second of silence put into the middle, over the clip's 90th percentile."""
    middle = len(samples) // 2
    pause = np.zeros(round(PAUSE * sound.RATE), np.float32)
    found = gap(np.concatenate([samples[:middle], pause, samples[middle:]]))
    first = middle / sound.RATE
    a, b = (round((first + t) * fps) for t in (EDGE, PAUSE - EDGE))
    return float(found[a:b].mean() / max(float(np.quantile(found, 0.9)), 1e-9))
