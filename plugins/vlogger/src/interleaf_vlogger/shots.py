"""Where a video is cut, and whether a shot is worth learning from: the paper's filters, our thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from interleaf.values import Audio
from interleaf_body.following import Track

Floats = np.ndarray[Any, Any]
SMALL = 32  # pixels a side at which frames are compared
CUT, LEAST = 8.0, 10.0  # deviations above the usual change, and grey levels, that make a cut
REASONS = (
    "consent",
    "short",
    "face",
    "points",
    "jitter",
    "background",
    "sound",
    "clipped",
    "noisy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a shot must keep: ``seconds`` it lasts; ``lost``: share of frames without enough points;
    ``residual``: median distance of points from the fitted body, of a face's height; ``jerk``: 99th
    percentile of the points' change of acceleration, face heights a frame³; ``still``: grey levels by which
    the background may change; ``clipped``: share of samples at full scale; ``noise``: dB of loud over quiet
    parts."""

    seconds: float = 2.0
    lost: float = 0.1
    residual: float = 0.08
    jerk: float = 0.06
    still: float = 12.0
    clipped: float = 0.01
    noise: float = 10.0


def small(frame: Floats) -> Floats:
    """A frame [H, W, 3] uint8 as 32×32 greys, to be compared with its neighbours."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    found: Floats = cv2.resize(grey, (SMALL, SMALL), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    return found


def cuts(frames: Floats) -> list[tuple[int, int]]:
    """Shots (first, last + 1) of frames [T, H, W, 3] uint8: cut where change stands out by its z-score."""
    if len(frames) < 2:
        return [(0, len(frames))]
    shrunk = np.stack([small(f) for f in frames])
    change = np.abs(np.diff(shrunk, axis=0)).mean((1, 2))
    usual = float(np.median(change))
    spread = 1.4826 * float(np.median(np.abs(change - usual))) + 0.25
    ends = np.flatnonzero((change > usual + CUT * spread) & (change > LEAST)) + 1
    edges = [0, *ends.tolist(), len(frames)]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def judged(
    frames: Floats, names: tuple[str, ...], points: Floats, track: Track | None, audio: Audio | None,
    fps: float, limits: Limits,
) -> tuple[list[str], dict[str, float]]:  # fmt: skip
    """Why a shot [T, H, W, 3] is not used (of ``REASONS``, none where it is), and what was measured.

    ``points`` [T, N, 2] in pixels, NaN where lost; ``track``: None where no face was found.
    """
    told = {"seconds": len(frames) / fps}
    wrong = ["short"] if told["seconds"] < limits.seconds else []
    if track is None:
        return [*wrong, "face"], told
    known = np.asarray(np.isfinite(points).all(-1))
    head = points[:, ["shoulder" not in n for n in names]]
    head = head[np.isfinite(head).any((1, 2))]
    face = _face(head)
    told["lost"] = float(1 - (known.sum(1) >= 4).mean())
    told["residual"] = float(np.nanmedian(track.residual)) / face
    told["jerk"] = _jerk(points, known) / face
    told["background"] = _restless(frames, head, face)
    for name, reason in (("lost", "points"), ("residual", "points"), ("jerk", "jitter")):
        wrong += [reason] * (told[name] > getattr(limits, name))
    wrong += ["background"] * (told["background"] > limits.still)
    heard, more = _heard(audio, limits)
    return list(dict.fromkeys([*wrong, *heard])), told | more


def _face(points: Floats) -> float:
    """Height in pixels of what the head's points span, the median over frames."""
    span = np.nanmax(points[..., 1], 1) - np.nanmin(points[..., 1], 1)
    return float(max(np.nanmedian(span), 1.0))


def _jerk(points: Floats, known: Floats) -> float:
    """99th percentile of the third difference in pixels of points that are known four frames running."""
    third = np.linalg.norm(np.diff(points, n=3, axis=0), axis=-1)
    sure = known[:-3] & known[1:-2] & known[2:-1] & known[3:]
    return float(np.quantile(third[sure], 0.99)) if sure.any() else 0.0


def _restless(frames: Floats, points: Floats, face: float) -> float:
    """How much pixels above the shoulders and beside the head change over time, in grey levels."""
    height, width = frames.shape[1:3]
    left, top = np.nanmin(points, (0, 1)) - np.array([0.8 * face, face])
    right, chin = np.nanmax(points, (0, 1)) + np.array([0.8 * face, 0.0])
    away = np.ones((height, width), bool)
    away[max(int(top), 0) :, max(int(left), 0) : max(int(right), 0) + 1] = False
    away[max(int(chin), 0) :] = False
    if away.mean() < 0.02:
        return 0.0
    some = frames[:: max(1, len(frames) // 16)].mean(-1)[:, away]
    return float(np.median(some.std(0)))


def _heard(audio: Audio | None, limits: Limits) -> tuple[list[str], dict[str, float]]:
    if audio is None or not len(audio.samples):
        return ["sound"], {}
    mono = audio.samples.mean(1)
    block = max(1, audio.rate // 50)
    power = np.square(mono[: len(mono) // block * block].reshape(-1, block)).mean(1) + 1e-10
    quiet, loud = np.quantile(power, [0.1, 0.9])
    told = {
        "clipped": float((np.abs(mono) > 0.999).mean()), "noise": float(10 * np.log10(loud / quiet)),
    }  # fmt: skip
    wrong = ["sound"] * bool(loud < 1e-7)
    wrong += ["clipped"] * (told["clipped"] > limits.clipped)
    wrong += ["noisy"] * bool(loud >= 1e-7 and told["noise"] < limits.noise)
    return wrong, told
