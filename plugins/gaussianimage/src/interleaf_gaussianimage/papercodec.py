"""The paper's own codec (section 3.4): 56 bits for each Gaussian, and what partial bits-back would give back.

A position is kept as float16 before its tanh, a Cholesky factor as 6 bits a number between learned ends, a
colour as two words of 3 bits: its nearest in a codebook of 8, then the nearest of what is left in another.
A fit goes on through the rounding, with straight-through gradients; codebooks and ends follow it.

    bytes: width, height, N u32; ends f32 [3, 2], codebooks f32 [2, 8, C], positions f16 [N, 2], then
    18 bits of the factor and 6 of the colour for each Gaussian, most significant first; crc32 u32
"""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from scipy.cluster.vq import vq

from . import descent
from .fitting import Fitting
from .format import ChecksumMismatch, Malformed, Truncated
from .splats import Floats, Splats

LEVELS, WORDS = 64, 8
FOLLOW = 100  # steps between one choice of ends and the next
DECAY, COMMIT = 0.8, 0.03  # of codebooks a step; of a colour's way to its word, times the rate
_HEAD = struct.Struct("<III")
MOST_POINTS = 1 << 24


class Quantised(Fitting):
    """A fit that is drawn as the file will draw it."""

    def __init__(self, target: Floats, begin: Splats, threads: int | None = None) -> None:
        self.ends = np.zeros((3, 2), np.float32)
        self.books = np.zeros((2, WORDS, target.shape[2]), np.float32)
        super().__init__(target, begin, threads=threads)
        self._begin()
        self._round()

    def advance(self, factor: float = 1.0) -> None:
        """One step, drawn after rounding; codebooks follow the colours, and colours their words."""
        super().advance(factor)
        if self.step % FOLLOW == 0:
            self._choose_ends()
        low, high = self.ends.T
        self.theta[:, 2:5] = np.clip(self.theta[:, 2:5], low, high)
        left = self._learn(DECAY)
        self.theta[:, 5:] -= COMMIT * factor * left.astype(np.float32)
        self._round()

    def _choose_ends(self) -> None:
        for j in range(3):
            self.ends[j] = best_ends(self.theta[:, 2 + j])

    def _begin(self) -> None:
        """Ends that lose least, and codebooks of the colours as they are (5 steps of k-means)."""
        self._choose_ends()
        left = self.theta[:, 5:].astype(np.float64)
        for book in self.books:
            order = np.argsort(left.sum(axis=1), kind="stable")
            book[:] = left[order[np.linspace(0, len(left) - 1, WORDS).astype(int)]]
            left = left - book[vq(left, book.astype(np.float64))[0]]
        for _ in range(5):
            self._learn(0.0)

    def _learn(self, decay: float) -> Floats:
        """Move every word towards the mean of what it stands for; what the words leave of the colours."""
        left = self.theta[:, 5:].astype(np.float64)
        for book in self.books:
            words = vq(left, book.astype(np.float64))[0]
            count = np.bincount(words, minlength=WORDS)[:, None]
            sums = np.stack([np.bincount(words, column, WORDS) for column in left.T], axis=1)
            moved = decay * book + (1 - decay) * sums / np.maximum(count, 1)
            book[:] = np.where(count > 0, moved, book)
            left = left - book[words]
        return left

    def codes(self) -> tuple[Floats, Floats, Floats]:
        """Raw positions float16 [N, 2], factors 0..63 [N, 3], words 0..7 [N, 2]."""
        sizes = np.array([self.width, self.height])
        inner = np.clip(2 * self.theta[:, :2] / sizes - 1, -0.9999, 0.9999)
        low, high = self.ends.T
        factors = np.rint((self.theta[:, 2:5] - low) / np.maximum(high - low, 1e-9) * (LEVELS - 1))
        left, words = self.theta[:, 5:].astype(np.float64), []
        for book in self.books:
            words.append(vq(left, book.astype(np.float64))[0])
            left = left - book[words[-1]]
        return (
            np.arctanh(inner).astype(np.float16), np.clip(factors, 0, LEVELS - 1).astype(np.uint8),
            np.stack(words, axis=1).astype(np.uint8),
        )  # fmt: skip

    def _round(self) -> None:
        theta = numbers(*self.codes(), self.ends, self.books, self.width, self.height)
        descent.prepare_theta(theta, False, self.geometry, self.color, 0, len(theta))

    def file(self) -> bytes:
        """The bytes."""
        positions, factors, words = self.codes()
        head = _HEAD.pack(self.width, self.height, len(positions))
        six = np.concatenate([factors, (words[:, :1] << 3) | words[:, 1:]], axis=1)
        bits = np.unpackbits(six[:, :, None], axis=2)[:, :, 2:]
        parts = (
            self.ends.astype("<f4"),
            self.books.astype("<f4"),
            positions.astype("<f2"),
            np.packbits(bits),
        )
        body = head + b"".join(p.tobytes() for p in parts)
        return body + zlib.crc32(body).to_bytes(4, "little")


def best_ends(values: Floats) -> tuple[float, float]:
    """Ends of 64 even levels with the least squared error, out of eleven ways to cut outliers off."""
    best, found = math.inf, (0.0, 0.0)
    for cut in np.linspace(0, 0.02, 11):
        low, high = np.quantile(values, [cut, 1 - cut])
        step = max(high - low, 1e-6) / (LEVELS - 1)
        rounded = low + np.clip(np.rint((values - low) / step), 0, LEVELS - 1) * step
        error = float(np.square(values - rounded).sum())
        if error < best:
            best, found = error, (float(low), float(high))
    return found


def numbers(
    positions: Floats,
    factors: Floats,
    words: Floats,
    ends: Floats,
    books: Floats,
    width: int,
    height: int,
) -> Floats:
    """theta [N, 5 + C] float32 that the codes stand for."""
    mu = (np.tanh(positions.astype(np.float64)) + 1) / 2 * [width, height]
    low, high = ends.T.astype(np.float64)
    chol = low + factors / (LEVELS - 1) * (high - low)
    color = books[0][words[:, 0]].astype(np.float64) + books[1][words[:, 1]]
    return np.ascontiguousarray(np.concatenate([mu, chol, color], axis=1), np.float32)


def read(data: bytes) -> Splats:
    """The Gaussians of a file; raises a GsiError for one that is none."""
    if len(data) < _HEAD.size:
        raise Truncated("the file ends within its head")
    width, height, n = _HEAD.unpack_from(data)
    fixed = _HEAD.size + 4 * (6 + 2 * WORDS * 3)
    if (
        not (0 < width * height <= 1 << 28 and 0 < n <= MOST_POINTS)
        or len(data) != fixed + 7 * n + 4
    ):
        raise Malformed("the file is not as long as its head says, or describes no picture")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ChecksumMismatch("the file is damaged")
    floats = np.frombuffer(data, "<f4", 6 + 2 * WORDS * 3, _HEAD.size)
    if not np.isfinite(floats).all():
        raise Malformed("ends or codebooks that are no numbers")
    ends, books = floats[:6].reshape(3, 2), floats[6:].reshape(2, WORDS, 3)
    positions = np.frombuffer(data, "<f2", 2 * n, fixed).reshape(n, 2)
    bits = np.unpackbits(np.frombuffer(data, np.uint8, 3 * n, fixed + 4 * n)).reshape(n, 4, 6)
    six = np.packbits(np.pad(bits, ((0, 0), (0, 0), (2, 0))), axis=2)[:, :, 0]
    words = np.stack([six[:, 3] >> 3, six[:, 3] & 7], axis=1)
    theta = numbers(positions, six[:, :3], words, ends, books, width, height)
    return Splats(theta[:, :2], theta[:, 2:5], theta[:, 5:], height, width)


def bits_back(points: int) -> float:
    """Bits that partial bits-back coding would return: log2 (N - K)!, the first K told as they are.

    K Gaussians give the bits that the order of the others is then written with: 56 K >= log2 (N - K)!.
    """

    def order(n: int) -> float:
        return math.lgamma(n + 1) / math.log(2)

    low, high = 0, points
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if 56 * middle >= order(points - middle) else (middle + 1, high)
    return order(points - low)
