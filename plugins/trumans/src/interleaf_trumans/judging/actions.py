"""What a body is doing, told from a fifth of a second of its joints: softmax regression on real clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, Clip, facing

BACK = 6  # frames: how far back is looked
DECAY = 1e-3  # of squared weights
JOINTS = 22


def features(joints: Array, turns: Array) -> Array:
    """[T − BACK, 132] of places [T, 22, 3]: where joints are in the body's axes (heights above the floor),
    and how they moved there since ``BACK`` frames ago, m/s. ``turns``: local rotations, for the facing."""
    yaw = facing(turns, joints)[BACK:]
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]

    def own(v: Array) -> Array:
        return np.stack(
            [v[..., 0] * c - v[..., 2] * s, v[..., 1], v[..., 0] * s + v[..., 2] * c], -1
        )

    now = joints[BACK:]
    places = own(now - now[:, :1] * [1.0, 0.0, 1.0])
    moves = own(now - joints[:-BACK]) * (FPS / BACK)
    return np.concatenate([places, moves], 1).reshape(len(now), -1)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """``weights`` [D + 1, C] on features less ``mean`` and over ``scale`` [D]; ``names`` of the C actions."""

    names: tuple[str, ...]
    mean: Array
    scale: Array
    weights: Array

    def told(self, rows: Array) -> Array:
        """The number of the action [T] for features [T, D]."""
        found: Array = (_padded((rows - self.mean) / self.scale) @ self.weights).argmax(1)
        return found


def fitted(rows: Array, labels: Array, names: Sequence[str]) -> Classifier:
    """Softmax regression in which every action weighs the same, however many frames there are of it."""
    mean, scale = rows.mean(0), np.maximum(rows.std(0), 1e-3)
    x, classes = _padded((rows - mean) / scale), len(names)
    share = 1.0 / np.maximum(np.bincount(labels, minlength=classes), 1)[labels] / classes
    hot = np.eye(classes)[labels]

    def cost(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(-1, classes)
        logits = x @ w
        logits -= logits.max(1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        slope = x.T @ ((np.exp(logs) - hot) * share[:, None]) + 2 * DECAY * w
        return float(
            -(share @ logs[np.arange(len(x)), labels]) + DECAY * (w**2).sum()
        ), slope.ravel()

    start = np.zeros(x.shape[1] * classes)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return Classifier(tuple(names), mean, scale, found.x.reshape(-1, classes))


def rows_of(clips: Sequence[Clip], names: Sequence[str]) -> tuple[Array, Array]:
    """Features and labels of the frames of clips whose action is among ``names``."""
    from interleaf_trumans.walking.cleaning import places

    used = [c for c in clips if c.action in names and len(c.root) > BACK]
    rows = [features(places(c), c.turns) for c in used]
    labels = [np.full(len(r), names.index(c.action)) for c, r in zip(used, rows, strict=True)]
    empty = np.zeros((0, 6 * JOINTS)), np.zeros(0, int)
    return np.concatenate([empty[0], *rows]), np.concatenate([empty[1], *labels])


def balanced(found: Array, labels: Array, count: int) -> float | None:
    """The mean over actions of the share of their frames that are told; None where there are no frames."""
    shares = [float((found[labels == k] == k).mean()) for k in range(count) if (labels == k).any()]
    return float(np.mean(shares)) if shares else None


def _padded(x: Array) -> Array:
    return np.concatenate([x, np.ones((len(x), 1))], 1)
