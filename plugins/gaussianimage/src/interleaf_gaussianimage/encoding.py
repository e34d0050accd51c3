"""From a picture to ``.gsi`` bytes.

The picture is its mean, a smooth background, and Gaussians in colour axes of its own: the eigenvectors of
how neighbouring samples differ. A large picture is fitted in blocks, each with a margin, after what its
neighbours already draw there was taken away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from . import background, kernels
from .bands import Crew
from .codec import AXES, CELLS, STEP, Coded, Layer, exponents, ordered, parse, write
from .decoding import restored
from .drawing import Canvas, row_costs
from .format import MOST_PIXELS, Header
from .quantising import FINEST, LARGEST, MOST, SHEAR, SIZES, class_of
from .splats import CUTOFF, Floats, Splats
from .tuning import (
    COARSEST_DELTA,
    DECIBELS,
    FINEST_DELTA,
    SLOPE,
    Control,
    Recipe,
    Tuning,
    begin_at,
    begin_from,
)

Preset = Literal["fast", "default", "max"]
PRESETS: dict[Preset, int] = {"fast": 400, "default": 1500, "max": 10_000}
assert tuple(PRESETS) == get_args(Preset)
BLOCK = 8  # log2 of a block's side
BITS_EACH = 34.0  # per Gaussian
FALL = {"bpp": 0.16, "points": 0.3}  # bits follow about steps^-0.16 at one Delta, points steps^-0.3
SHARES = {1: (1.0,), 2: (0.3, 0.7), 3: (0.15, 0.3, 0.55), 4: (0.1, 0.15, 0.25, 0.5)}


@dataclass(frozen=True)
class Goal:
    """What a file should reach: bits per pixel, dB, Gaussians, or a fixed Delta."""

    kind: Literal["bpp", "psnr", "points", "delta"]
    value: float

    def begin(self, pixels: int) -> tuple[float, int]:
        """A Delta and how many Gaussians to begin with; the rate leaves about half of them."""
        v = self.value
        bpp = v
        if self.kind == "psnr":
            bpp = 0.242 * math.exp(0.29 * (v - 29.0))
        elif self.kind == "points":
            bpp = v * BITS_EACH / pixels
        elif self.kind == "delta":
            bpp = 0.072 * (72.0 / v) ** SLOPE
        delta = self.value if self.kind == "delta" else 72.0 * (bpp / 0.072) ** (-1 / SLOPE)
        return min(max(delta, FINEST_DELTA), COARSEST_DELTA), beginning(bpp, pixels)

    def share(self, part: float, reached: float) -> Goal:
        """The goal of a layer that has ``part`` of the bits, ``reached`` with those before it."""
        if self.kind == "psnr":
            return replace(self, value=self.value + DECIBELS / SLOPE * math.log(reached))
        return replace(self, value=self.value * part)

    def factor(self, size: Callable[[], int], pixels: int, points: int, error: float) -> float:
        """What Delta should be multiplied by, for a file of ``size`` bytes with that squared error."""
        if self.kind == "delta":
            return 1.0
        if self.kind == "psnr":
            psnr = 10 * math.log10(255.0**2 / (error + 1 / 12))
            return math.exp((psnr - self.value) / DECIBELS)
        reached = size() * 8 / pixels if self.kind == "bpp" else max(points, 1)
        return float((reached / self.value) ** (1 / SLOPE))


def beginning(bpp: float, pixels: int) -> int:
    """Gaussians to begin from; at low rates many compete for few places."""
    kept = bpp * pixels / BITS_EACH
    points = kept * max(2.8 / (1 + 0.47 * bpp * bpp), 1.25)
    return int(min(max(points, 8), pixels / 3 + 8))


@dataclass(frozen=True)
class Axes:
    """A picture's mean [C] and colour axes [C, C], as the file tells them."""

    mean: tuple[int, ...]
    basis: Floats  # int8

    @classmethod
    def of(cls, image: Floats) -> Axes:
        """For an image [H, W, C] in 8-bit levels: the axes along which neighbours differ most, first."""
        channels = image.shape[2]
        across, down = (
            np.diff(image, axis=a).reshape(-1, channels).astype(np.float64) for a in (0, 1)
        )
        _, vectors = np.linalg.eigh(across.T @ across + down.T @ down + 1e-9 * np.eye(channels))
        basis = vectors[:, ::-1].T
        basis = basis * np.where(basis.sum(axis=1) < 0, -1, 1)[:, None]
        mean = tuple(int(v) for v in np.rint(image.mean(axis=(0, 1), dtype=np.float64)))
        return cls(mean, np.rint(basis * AXES).astype(np.int8))

    @property
    def matrix(self) -> Floats:
        """The axes as they are used."""
        return self.basis / AXES


def _thinning(image: Floats) -> int:
    return max(1, math.isqrt(image.shape[0] * image.shape[1] // (1 << 20)))


def encode(
    image: Floats,
    *,
    bpp: float | None = None,
    psnr: float | None = None,
    points: int | None = None,
    preset: Preset = "default",
    begin: Splats | None = None,
    layers: int = 1,
    seed: int = 0,
    threads: int | None = None,
    meta: bytes = b"",
    icc: bytes = b"",
    report: Callable[[int, int], object] = lambda done, all_: None,
) -> bytes:
    """A ``.gsi`` file of an image [H, W, C], uint8, uint16, or float in 0..1 (kept as 8 bits).

    One of ``bpp`` (bits per pixel of the whole file, 0.3 by default), ``psnr`` (dB) and ``points`` says what
    to reach. ``begin`` are fitted Gaussians to go on from, instead of a start of our own. ``layers``: a
    file that can be drawn from its first part alone, at some cost. Raises ValueError for an image or a
    goal that cannot be.
    """
    goal = _goal(bpp, psnr, points)
    if layers not in SHARES:
        raise ValueError(f"{layers} layers: 1 to {max(SHARES)}")
    samples = _checked(image)
    rng = np.random.default_rng(seed)
    with Crew(threads) as crew:
        making = Encoding(samples, begin is None, layers, crew)
        recipe = Recipe(steps=PRESETS[preset])
        height, width = samples.shape[:2]
        if height * width <= WHOLE:
            _whole(making, goal, recipe, begin, layers, rng, report)
        else:
            _in_pieces(making, goal, recipe, begin, layers, rng, report)
        coded = making.coded(meta, icc)
        data = write(coded)
        if write(parse(data)) != data:
            raise RuntimeError("the file does not read as it was written: please report it")
        return data


def _goal(bpp: float | None, psnr: float | None, points: int | None) -> Goal:
    given = []
    if bpp is not None:
        given.append(Goal("bpp", bpp))
    if psnr is not None:
        given.append(Goal("psnr", psnr))
    if points is not None:
        given.append(Goal("points", points))
    if len(given) > 1:
        raise ValueError("give one of bpp, psnr and points")
    goal = given[0] if given else Goal("bpp", 0.3)
    lowest, highest = {"bpp": (0.005, 24), "psnr": (10, 60), "points": (1, 1 << 24)}[goal.kind]
    if not lowest <= goal.value <= highest:
        raise ValueError(f"{goal.kind} {goal.value:g} is not in {lowest:g} to {highest:g}")
    return goal


def _checked(image: Floats) -> Floats:
    """[H, W, C] uint8 or uint16."""
    image = image[:, :, None] if image.ndim == 2 else image
    if image.ndim != 3 or not 1 <= image.shape[2] <= 4 or 0 in image.shape:
        raise ValueError(f"an array {image.shape} is no image: expected [H, W] or [H, W, 1..4]")
    if image.shape[0] * image.shape[1] > MOST_PIXELS:
        raise ValueError(f"{image.shape[1]}×{image.shape[0]} pixels are more than {MOST_PIXELS}")
    if image.dtype in (np.uint8, np.uint16):
        return image
    if image.dtype.kind != "f" or not np.isfinite(image).all():
        raise ValueError(
            f"samples of {image.dtype} that are no finite numbers in 0..1, uint8 or uint16"
        )
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


PIECE, MARGIN, WHOLE = 1024, 64, 1 << 21  # px
TRIES, CLOSE = 3, 0.1  # whole fits, and when one is good enough: in log Delta
PROBES = 4  # pieces of a large picture that decide Delta

Box = tuple[int, int, int, int]


class Encoding:
    """A file in the making: what is found so far, and the picture it is found for."""

    def __init__(self, samples: Floats, smooth: bool, layers: int, crew: Crew) -> None:
        self.samples, self.crew = samples, crew
        height, width, channels = samples.shape
        depth = 8 if samples.dtype == np.uint8 else 16
        self.unit = np.float32(255 / ((1 << depth) - 1))
        self.header = Header(width, height, channels, depth, BLOCK, 0, layers)
        self.axes = Axes.of(samples[:: _thinning(samples), :: _thinning(samples)] * self.unit)
        if not smooth:
            self.axes = replace(self.axes, mean=(0,) * channels)
        self.smooth = smooth
        self.background = np.zeros((*background.nodes(height, width), channels), np.int64)
        self.step = 1
        self.layers: list[tuple[int, list[Floats]]] = []  # Delta in 1/64, integers of the pieces

    def window(self, box: Box) -> Floats:
        """The picture in a box, [h, w, C] float32 in 8-bit levels."""
        x, y, width, height = box
        return self.samples[y : y + height, x : x + width] * self.unit

    def left(self, box: Box) -> Floats:
        """What the file does not show yet in a box."""
        h = self.header
        target = self.window(box) - np.array(self.axes.mean, np.float32)
        down = background.taps(h.height, 1.0, box[1], box[3])
        across = background.taps(h.width, 1.0, box[0], box[2])
        grid = (self.background * (self.step / STEP)) @ self.axes.matrix
        target -= np.einsum("hi,ijc,wj->hwc", down, grid, across, optimize=True).astype(np.float32)
        for delta, pieces in self.layers:
            near = [p for p in pieces if len(p)]
            if near:
                target -= drawn(
                    np.concatenate(near), delta / STEP, self.axes.matrix, box, self.crew
                )
        return target

    def solve_background(self, delta: float) -> None:
        """Find the smooth part; its amplitudes are kept in steps of half a Delta."""
        self.step = told(delta / 2)
        if self.smooth:
            axes = np.linalg.inv(self.axes.matrix)
            mean = np.array(self.axes.mean, np.float32)
            found = background.solve(
                lambda a, b: (self.samples[a:b] * self.unit - mean) @ axes, self.samples.shape
            )
            # a change from the median predictor is below 4 times the largest
            self.step = max(self.step, math.ceil(4 * STEP * np.abs(found).max() / LARGEST))
            self.background = np.rint(found * (STEP / self.step)).astype(np.int64)

    def coded(self, meta: bytes = b"", icc: bytes = b"", cell: int | None = None) -> Coded:
        """The file as it is, by default with the cells that make it shortest."""
        if cell is None:
            cells = [self.coded(meta, icc, c) for c in CELLS]
            return min(cells, key=lambda c: len(write(c)))
        total = sum(len(p) for _, pieces in self.layers for p in pieces)
        header = replace(self.header, points=total, layers=len(self.layers))
        layers = []
        for delta, pieces in self.layers:
            integers, counts = ordered(header, cell, np.concatenate(pieces))
            layers.append(Layer(delta, integers, counts, reaches(integers, counts)))
        axes = self.axes
        return Coded(
            header,
            cell,
            axes.mean,
            axes.basis,
            self.step,
            self.background,
            tuple(layers),
            meta,
            icc,
        )

    def size(self, tuning: Tuning | None = None) -> int:
        """Bytes of the file with one more layer."""
        more = [(told(tuning.delta), [tuning.kept()])] if tuning else []
        self.layers += more
        found = len(write(self.coded(cell=CELLS[0])))
        del self.layers[len(self.layers) - len(more) :]
        return found

    def fit(
        self, box: Box, delta: float, points: int, recipe: Recipe, theta: Floats | None,
        rng: np.random.Generator, control: Control = lambda tuning: 1.0,
        report: Callable[[int], object] = lambda step: None,
    ) -> Tuning:  # fmt: skip
        """Gaussians for what is left in a box, from ``points`` of them, or from ``theta``."""
        target, more = self.left(box), 0
        if theta is None:
            first = max(1, int(points * recipe.begin))
            more = points - first
            theta = begin_at(
                target, self.window(box) / np.float32(255), self.axes.matrix, first, rng
            )
        tuning = Tuning(target, self.axes.matrix, delta, theta, recipe, self.crew)
        tuning.run(more, control, report)
        return tuning

    def probed(
        self, box: Box, goal: Goal, recipe: Recipe, theta: Floats | None, rng: np.random.Generator,
        size: Callable[[Tuning], int],
    ) -> tuple[float, int]:  # fmt: skip
        """A Delta that should reach the goal, and Gaussians to begin from, by short fits."""
        pixels = box[2] * box[3]
        delta, points = goal.begin(pixels)
        short = replace(recipe, steps=min(max(recipe.steps // 4, 100), 300))
        for _ in range(3 if goal.kind != "delta" else 0):
            t = self.fit(box, delta, points, short, theta, rng)
            factor = goal.factor(partial(size, t), pixels, len(t.kept()), t.error())
            longer = min(recipe.steps, 3000) / short.steps
            factor *= longer ** (-FALL.get(goal.kind, 0.0) / SLOPE)
            delta = min(max(delta * factor, FINEST_DELTA), COARSEST_DELTA)
            if goal.kind == "psnr":  # how many that takes depends on the picture
                kept = len(t.kept()) * factor**-SLOPE * longer**-0.3
                points = beginning(kept * BITS_EACH / pixels, pixels)
            if abs(math.log(factor)) < 0.2:
                break
        return delta, points


def _whole(
    making: Encoding, goal: Goal, recipe: Recipe, begin: Splats | None, layers: int,
    rng: np.random.Generator, report: Callable[[int, int], object],
) -> None:  # fmt: skip
    """Layer after layer, each for its share of the bits; Delta is steered by the file's own size."""
    height, width = making.samples.shape[:2]
    reached = 0.0
    for number, share in enumerate(SHARES[layers]):
        reached += share
        mine = goal.share(share, reached)
        if number == 0:
            making.solve_background(mine.begin(height * width)[0])
        theta = begin_from(begin, making.axes.matrix) if begin and not number else None
        before = making.size() if number else 0
        box = (0, 0, width, height)
        size = partial(_added, making, before)
        delta, points = making.probed(box, mine, recipe, theta, rng, size)
        nearest, found = math.inf, (0, np.zeros((0, 0)))
        for _ in range(TRIES):
            tuning = making.fit(
                box, delta, points, recipe, theta, rng, partial(_steer, mine, size),
                partial(_later, report, recipe.steps * number, recipe.steps * layers),
            )  # fmt: skip
            kept = tuning.kept()
            factor = mine.factor(partial(size, tuning), height * width, len(kept), tuning.error())
            if abs(math.log(factor)) < nearest:
                nearest, found = abs(math.log(factor)), (told(tuning.delta), kept)
            if nearest < CLOSE:
                break
            delta = min(max(delta * factor, FINEST_DELTA), COARSEST_DELTA)
            wanted = len(kept) * factor**-SLOPE * BITS_EACH / (height * width)
            points = max(points, beginning(wanted, height * width))
        making.layers.append((found[0], [found[1]]))


def _added(making: Encoding, before: int, tuning: Tuning) -> int:
    return making.size(tuning) - before


def _later(report: Callable[[int, int], object], base: int, all_: int, step: int) -> None:
    report(base + step, all_)


def _steer(goal: Goal, size: Callable[[Tuning], int], tuning: Tuning) -> float:
    """A gentle change of Delta: what it changes shows late."""
    pixels = tuning.width * tuning.height
    factor = goal.factor(lambda: size(tuning), pixels, len(tuning.kept()), tuning.error())
    return float(min(max(factor**0.5, 0.96), 1.04))


def _in_pieces(
    making: Encoding, goal: Goal, recipe: Recipe, begin: Splats | None, layers: int,
    rng: np.random.Generator, report: Callable[[int, int], object],
) -> None:  # fmt: skip
    """Pieces with a margin, one after another, with one Delta that a few of them decide."""
    if layers > 1 or begin is not None:
        raise ValueError(
            f"a picture above {WHOLE} pixels has one layer, and no splats to begin from"
        )
    height, width = making.samples.shape[:2]
    boxes = [
        (x, y, min(PIECE, width - x), min(PIECE, height - y))
        for y in range(0, height, PIECE) for x in range(0, width, PIECE)
    ]  # fmt: skip
    making.solve_background(goal.begin(height * width)[0])
    probes = [boxes[i] for i in np.linspace(0, len(boxes) - 1, PROBES).astype(int)]
    quick, all_ = replace(recipe, steps=PRESETS["fast"]), len(boxes) + len(probes)
    deltas = []
    for i, box in enumerate(probes):
        own = replace(goal, value=goal.value * box[2] * box[3] / (height * width))
        aim = own if goal.kind == "points" else goal
        deltas.append(math.log(making.probed(box, aim, quick, None, rng, piece_size)[0]))
        report(i + 1, all_)
    delta = math.exp(float(np.mean(deltas)))
    found: list[Floats] = []
    making.layers.append((told(delta), found))
    for i, (x, y, wide, high) in enumerate(boxes):
        left, top = max(0, x - MARGIN), max(0, y - MARGIN)
        right, bottom = min(width, x + wide + MARGIN), min(height, y + high + MARGIN)
        box = (left, top, right - left, bottom - top)
        _, points = Goal("delta", delta).begin(box[2] * box[3])
        tuning = making.fit(box, told(delta) / STEP, points, recipe, None, rng)
        integers = tuning.kept()
        places = exponents(integers)
        integers[:, 0] += (left << -FINEST) >> (places[:, 0] - FINEST)
        integers[:, 1] += (top << -FINEST) >> (places[:, 1] - FINEST)
        centre = (integers[:, :2] + 0.5) * 2.0**places
        mine = (centre >= (x, y)) & (centre < (x + wide, y + high))
        found.append(integers[mine.all(axis=1)])
        report(len(probes) + i + 1, all_)


def told(delta: float) -> int:
    """Delta as a file tells it."""
    return max(1, round(delta * STEP))


def piece_size(tuning: Tuning) -> int:
    """Bytes of the Gaussians of a piece, as a file of its own."""
    h = Header(tuning.width, tuning.height, tuning.channels, 8, BLOCK, 0, 1)
    integers, counts = ordered(h, CELLS[0], tuning.kept())
    layer = Layer(told(tuning.delta), integers, counts, (0,) * len(counts))
    grid = np.zeros((*background.nodes(h.height, h.width), h.channels), np.int64)
    axes = np.eye(h.channels, dtype=np.int8)
    return len(write(Coded(h, CELLS[0], (0,) * h.channels, axes, 1, grid, (layer,))))


def reaches(integers: Floats, counts: Sequence[int]) -> tuple[int, ...]:
    """How far, in px, the Gaussians of each block are drawn from their centres."""
    k = np.array([class_of(int(n)) for n in (integers[:, 5:] ** 2).sum(axis=1)], np.int64)
    l1, l3 = (SIZES[k, MOST + integers[:, j]] for j in (2, 3))
    tall = l3 * np.sqrt(1 + (integers[:, 4] * SHEAR / 2.0**k) ** 2)
    far = np.ceil(np.maximum(l1, tall) * math.sqrt(2 * CUTOFF)).astype(np.int64)
    ends = np.cumsum(counts)
    return tuple(int(far[e - n : e].max(initial=0)) for e, n in zip(ends, counts, strict=True))


def drawn(integers: Floats, delta: float, basis: Floats, box: Box, crew: Crew) -> Floats:
    """What Gaussians draw within a box, float32 [h, w, C] in 8-bit levels."""
    x, y, width, height = box
    channels = len(basis)
    geometry, color = restored(integers, delta, basis)
    canvas = Canvas.zeros(height, width, channels, np.dtype(np.float32))
    add = kernels.add_rows(channels)
    crew.run(
        lambda first, last: add(geometry, color, *canvas, first, last, x, y, width),
        crew.split(row_costs(geometry, y, height)),
    )
    return canvas.planes(height, width, channels)
