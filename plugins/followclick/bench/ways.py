"""Other ways to draw motion than the Gaussian, on training clips left out in turn, none of the held-out ones.

    python plugins/followclick/bench/ways.py [WINDOWS] [CACHE]

Each clip's windows are scored by what was found in the others. Scores over those of the smoothed Gaussian
with six draws, 95 % intervals from blocks of 30 frames. Needs INTERLEAF_DATA.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import GRID, Floats
from interleaf_followclick.clips import Clips
from interleaf_followclick.config import ClipsConfig
from interleaf_followclick.drawing import Retrieval, described, numbers_of
from interleaf_followclick.evaluating import scores
from interleaf_followclick.evaluating.components import spread_out
from interleaf_followclick.evaluating.realism import blocks_of
from interleaf_followclick.fields import PLANES, correlated, decode, encode, settled, statistics
from interleaf_followclick.windows import Window

HELD_OUT = ("sam2_blocks", "carphone_pristine", "carphone_distorted", "sintel_demo")
DRAWS, MOST = 6, 150
ONE = np.ones(PLANES, np.float32)
rng = np.random.default_rng(0)
Draw = Callable[[Window], Floats]


def process(count: int, length: float) -> Floats:
    """Planes [count, N, N] of the Gaussian process, ``length`` in whole cells, so that few are factored."""
    return correlated(rng, (count,), float(max(1, round(length))))


def spread_of(w: Window, std: Floats) -> float:
    """Root mean square of a window's planes inside its mask."""
    return float(np.sqrt(np.square(encode(w.field, w.speed, std)[:, w.mask > 0.5]).mean()))


def lengths(planes: Floats, masks: Floats) -> list[float]:
    """Correlation length of each plane, in cells."""
    lags, out = np.arange(1, 13), []
    for p in range(PLANES):
        found = []
        for lag in lags:
            a, b = planes[:, p, :, lag:], planes[:, p, :, :-lag]
            both = masks[..., lag:] * masks[..., :-lag]
            share = (a * b * both).sum() / ((a * a + b * b) / 2 * both).sum()
            found.append(-np.log(np.clip(share, 0.02, 0.999)))
        out.append(float(np.sum(lags**2) / max(np.sum(lags * found), 1e-3)))
    return out


def affine(mask: Floats) -> Floats:
    """[3, N, N]: 1 and place in the mask, of unit variance there."""
    ys, xs = np.mgrid[:GRID, :GRID].astype(np.float32)
    m = mask > 0.5
    return np.stack([np.ones_like(xs), *((v - v[m].mean()) / max(v[m].std(), 1) for v in (xs, ys))])


def nearest_to(w: Window, keys: Floats, count: int) -> NDArray[np.int64]:
    """Which windows are most like ``w``."""
    key = described(w.picture, w.mask, numbers_of(w.speed, w.square.angle))
    return np.argsort(np.square(keys - key).sum(1), kind="stable")[:count]


def likeness(seen: Sequence[Window], test: Sequence[Window], count: int = 16) -> list[tuple]:
    """For each test window: its planes' correlation with the mean of those retrieved, and the logarithms of
    both spreads. They bound what a linear model of what is retrieved can gain."""
    known, keys = statistics([w.field for w in seen], [w.mask for w in seen]), Retrieval(seen).keys
    out = []
    for w in test:
        found = [seen[i] for i in nearest_to(w, keys, count)]
        mean = np.mean([encode(f.field, f.speed, known.std) for f in found], 0)
        inner = w.mask > 0.5
        true = encode(w.field, w.speed, known.std)
        share = np.corrcoef(mean[:, inner].ravel(), true[:, inner].ravel())[0, 1]
        spread = np.mean([np.log(spread_of(f, known.std)) for f in found])
        out.append((share, spread, np.log(spread_of(w, known.std))))
    return out


def ways(seen: Sequence[Window]) -> Mapping[str, Draw]:
    """Generators fitted to ``seen``, the smoothed Gaussian first."""
    known = statistics([w.field for w in seen], [w.mask for w in seen])
    planes = np.stack([encode(w.field, w.speed, ONE) for w in seen])
    masks = np.stack([(w.mask > 0.5).astype(np.float32) for w in seen])
    own = np.sqrt((planes**2 * masks[:, None]).sum((2, 3)) / masks.sum((1, 2))[:, None])
    typical, log_speed = np.exp(np.log(own + 1e-4).mean(0)), np.log([w.speed for w in seen])
    spreads = np.array([spread_of(w, known.std) for w in seen])
    slope, at_1 = np.polyfit(log_speed, np.log(spreads), 1)
    long = lengths(planes, masks)
    fits, rest = [], planes.copy()
    for i, w in enumerate(seen):
        basis, m = affine(w.mask), masks[i] > 0
        found = np.linalg.lstsq(basis[:, m].T, planes[i][:, m].T, rcond=None)[0]
        rest[i] -= np.einsum("bp,bhw->phw", found, basis)
        fits.append(found.T.ravel())
    left = np.sqrt((rest**2 * masks[:, None]).sum((0, 2, 3)) / masks.sum())
    moments = np.linalg.cholesky(np.cov(np.array(fits).T) + 1e-6 * np.eye(3 * PLANES))
    near = {k: Retrieval(seen, nearest=k) for k in (4, 16)}
    logs = np.log(spreads)

    def done(p: Floats, w: Window, std: Floats = ONE) -> Floats:
        return settled(decode(np.asarray(p, np.float32), w.speed, std), w.mask, w.speed)

    def gaussian(scale: Callable[[Window], float]) -> Draw:
        return lambda w: done(scale(w) * process(PLANES, known.length), w, known.std)

    def by_plane(std: Floats) -> Draw:
        return lambda w: done(np.concatenate([process(1, n) for n in long]) * std[:, None, None], w)

    def with_affine(w: Window) -> Floats:
        drawn = (moments @ rng.standard_normal(len(moments))).reshape(PLANES, 3)
        rough = process(PLANES, 2.0) * left[:, None, None]
        return done(np.einsum("pb,bhw->phw", drawn, affine(w.mask)) + rough, w)

    def retrieved(count: int) -> Draw:
        return lambda w: near[count](w.picture, w.mask, w.speed, w.square.angle, rng)

    def conditioned(count: int, share: float) -> Draw:
        def draw(w: Window) -> Floats:
            like = encode(retrieved(count)(w), w.speed, known.std)
            noise = process(PLANES, known.length)
            return done(share * like + np.sqrt(1 - share**2) * noise, w, known.std)

        return draw

    def like(w: Window) -> float:
        return float(np.exp(logs[nearest_to(w, near[16].keys, 16)].mean()))

    return {
        "Gaussian": gaussian(lambda w: 1.0),
        "its spread the typical window's": gaussian(
            lambda w: float(np.exp(np.log(spreads).mean()))
        ),
        "its spread told by the speed": gaussian(lambda w: float(np.exp(at_1) * w.speed**slope)),
        "its spread a training window's": gaussian(lambda w: float(rng.choice(spreads))),
        "its spread that of 16 retrieved": gaussian(like),
        "a length for each plane": by_plane(own.mean(0)),
        "the same, typical spreads": by_plane(typical),
        "affine part drawn by itself": with_affine,
        "retrieval, 4 nearest": retrieved(4),
        "retrieval, 16 nearest": retrieved(16),
        "around one of 4 retrieved, half": conditioned(4, 0.5),
        "around one of 16, half": conditioned(16, 0.5),
        "spread of the window itself (a bound)": gaussian(lambda w: spread_of(w, known.std)),
    }


def main(most: int, kept: str) -> None:
    """A line for each way."""
    root = str(Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "video")
    every = list(Clips(ClipsConfig(root=root, without=HELD_OUT, cache=kept)))
    clips = {n: [w for w in every if w.name == n] for n in Counter(w.name for w in every)}
    found: dict[str, list[tuple[float, float]]] = {}
    judged: list[Window] = []
    alike: list[tuple] = []
    for out in clips:
        others = spread_out([w for w in every if w.name != out], MOST)
        test = spread_out(clips[out], most)
        judged += test
        alike += likeness(others, test)
        for name, draw in ways(others).items():
            for i, w in enumerate(test):
                real = scores.inside(w.field, w.mask)
                drawn = [scores.inside(draw(w), w.mask) for _ in range(DRAWS)]
                vs = scores.variogram_score(drawn, real, np.random.default_rng(i))
                found.setdefault(name, []).append((vs, scores.energy_score(drawn, real)))
    shares, theirs, true = np.array(alike).T
    print(f"planes of a window and of the 16 retrieved for it correlate by {shares.mean():.3f}")
    print(f"the logarithms of their spreads by {np.corrcoef(theirs, true)[0, 1]:.3f}")
    base = np.array(found["Gaussian"])
    for name, pairs in found.items():
        told = []
        for j in (0, 1):
            ratio, (a, b) = scores.ratio_interval(
                np.array(pairs)[:, j], base[:, j], blocks_of(judged)
            )
            told.append(f"{ratio:.2f} [{a:.2f}, {b:.2f}]")
        print(f"{name:40} VS {told[0]}   ES {told[1]}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40, sys.argv[2] if len(sys.argv) > 2 else "")
