"""Scores of drawn motion against motion that happened.

Proper scores compare K draws X_k with the true field y of the same window (both divided by the
speed, inside the mask): the energy score

    ES = mean_k |X_k − y| − ½ mean_{k,l} |X_k − X_l|

and the variogram score with p = ½ over pairs (i, j) of places, times and components,

    VS = mean_{ij} (|y_i − y_j|^p − mean_k |X_k,i − X_k,j|^p)².

Lower is better for both. Fréchet distance and a two-sample test compare sets of fields by features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import Floats, folded, speed_of

Doubles = NDArray[np.float64]
PAIRS = 2000
FEATURES = 26


def inside(field: Floats, weight: Floats) -> Doubles:
    """[T, 2, P]: velocities over speed of the cells of the mask."""
    return np.asarray(field[:, :, weight > 0.5] / speed_of(field, weight), np.float64)


def energy_score(draws: Sequence[Doubles], truth: Doubles) -> float:
    """ES with the root mean square as the norm; the second term over different draws."""
    far = float(np.mean([_rms(x - truth) for x in draws]))
    k = len(draws)
    if k < 2:
        return far
    apart = [_rms(draws[i] - draws[j]) for i in range(k) for j in range(i)]
    return far - 0.5 * float(np.mean(apart))


def _rms(x: Doubles) -> float:
    return float(np.sqrt(np.mean(x * x)))


def variogram_score(draws: Sequence[Doubles], truth: Doubles, rng: np.random.Generator) -> float:
    """VS over PAIRS random pairs."""
    i, j = rng.integers(0, truth.size, (2, PAIRS))
    seen = np.sqrt(np.abs(truth.ravel()[i] - truth.ravel()[j]))
    drawn = np.mean([np.sqrt(np.abs(x.ravel()[i] - x.ravel()[j])) for x in draws], 0)
    return float(np.mean((seen - drawn) ** 2))


def features(field: Floats, weight: Floats, speed: float) -> Doubles:
    """[26]: what a motion is like, over the ``speed`` it should have: how it varies over place and time, how
    smooth, how torn it is."""
    v = field / speed
    m = weight > 0.5
    flat = v[:, :, m]  # [T, 2, P]
    still = flat.mean(0)  # [2, P]
    pace = flat.mean(2)  # [T, 2]
    out = [*flat.std((0, 2)), *still.std(1), *pace.std(0), *np.abs(flat).mean((0, 2))]
    out += [*np.diff(flat, axis=0).std((0, 2)), *np.percentile(np.hypot(*still), [5, 50, 95])]
    for lag in (1, 4, 8):
        pair = m[:, lag:] & m[:, :-lag]
        a, b = v[..., lag:][:, :, pair], v[..., :-lag][:, :, pair]
        out.append(float(np.abs(a - b).mean()) if pair.any() else 0.0)
    out += _slopes(v.mean(0), m)
    out.append(folded(field.sum(0), weight))
    speed = np.hypot(flat[:, 0], flat[:, 1]).mean()
    out += [float(np.hypot(*flat.mean((0, 2))) / max(speed, 1e-9)), float(speed)]
    return np.log1p(np.abs(np.asarray(out[:FEATURES], np.float64)))


def _slopes(mean: Floats, m: NDArray[np.bool_]) -> list[float]:
    dx, dy = mean
    ax, ay = np.gradient(dx, axis=1), np.gradient(dx, axis=0)
    bx, by = np.gradient(dy, axis=1), np.gradient(dy, axis=0)
    parts = (ax + by, bx - ay, ax - by, bx + ay)  # divergence, curl, two shears
    return [float(np.abs(p[m]).mean()) for p in parts] + [float(np.abs(parts[0][m]).max())]


def frechet(a: Doubles, b: Doubles) -> float:
    """Fréchet distance of features [n, F], each in units of the standard deviation in ``b``, the truth."""
    scale = b.std(0) + 1e-3
    a, b = a / scale, b / scale
    mean = float(np.square(a.mean(0) - b.mean(0)).sum())
    one, two = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    w, q = np.linalg.eigh(one)
    root = (q * np.sqrt(np.maximum(w, 0))) @ q.T
    cross = np.linalg.eigvalsh(root @ two @ root)
    return mean + float(np.trace(one) + np.trace(two) - 2 * np.sqrt(np.maximum(cross, 0)).sum())


def told_apart(real: Doubles, drawn: Doubles, clips: Sequence[str], penalty: float = 10.0) -> float:
    """Area under the ROC of a quadratic logistic test, real against drawn, each clip judged by a test
    trained on the others (row i of both is of ``clips[i]``); ½ means not told apart."""
    owner, areas, sizes = np.array(clips), [], []
    for clip in dict.fromkeys(clips):
        out = owner == clip
        train, label = (
            np.concatenate([real[~out], drawn[~out]]),
            np.repeat([1.0, 0.0], (~out).sum()),
        )
        if not len(train):
            continue
        mean, std = train.mean(0), train.std(0) + 1e-6
        weights = _logistic(_quadratic((train - mean) / std), label, penalty)
        score = [_quadratic(np.clip((x[out] - mean) / std, -5, 5)) @ weights for x in (real, drawn)]
        areas.append(
            float(
                np.mean(score[0][:, None] > score[1]) + np.mean(score[0][:, None] == score[1]) / 2
            )
        )
        sizes.append(int(out.sum()))
    return float(np.average(areas, weights=sizes))


def _quadratic(x: Doubles) -> Doubles:
    i, j = np.triu_indices(x.shape[1])
    return np.concatenate([np.ones((len(x), 1)), x, x[:, i] * x[:, j]], 1)


def _logistic(x: Doubles, label: Doubles, penalty: float) -> Doubles:
    """Weights of a ridge-penalised logistic regression, by Newton's method."""
    w = np.zeros(x.shape[1])
    ridge = penalty * np.ones(len(w))
    ridge[0] = 1e-6
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (p - label) + ridge * w
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        w -= step
        if np.abs(step).max() < 1e-6:
            break
    return w


def ratio_interval(
    ours: Doubles, theirs: Doubles, blocks: Sequence[Any], draws: int = 2000, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Mean of ``ours`` over mean of ``theirs``, with a 95 % interval that resamples whole blocks."""
    rng = np.random.default_rng(seed)
    names = list(dict.fromkeys(blocks))
    where = [np.array([b == n for b in blocks]) for n in names]
    a = np.array([ours[w].sum() for w in where])
    b = np.array([theirs[w].sum() for w in where])
    chosen = rng.integers(0, len(names), (draws, len(names)))
    ratios = a[chosen].sum(1) / b[chosen].sum(1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(a.sum() / b.sum()), (float(low), float(high))
