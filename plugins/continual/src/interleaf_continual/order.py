"""Which sample comes when, as a pure function of its number: no generator, no state, O(1) anywhere.

Replay (arXiv 2403.08763, section 4.2) mixes sources by weights. Two questions are answered here for
sample i of a run of any length: from which source is it (``Mixture``), and which of that source's
windows is it (``Permutation``). Both are arithmetic on i, so that a run resumed on other machines,
or read by several workers, sees exactly the samples of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Unsigned = np.ndarray[Any, np.dtype[np.uint64]]
ROUNDS = 6  # of the Feistel network; even, so that the halves end as wide as they began
EXACT = 44  # bits of a weight: n·w is exact for blocks of BLOCK samples in 63 bits
BLOCK = 1 << 18


class Permutation:
    """A keyed order of ``size`` things, another one in every epoch, without a table.

    A Feistel network on the next power of two, applied again to what falls outside (cycle walking).
    Place p is thing ``p mod size`` of epoch ``p div size``: each thing once before any comes again.
    """

    def __init__(self, size: int, key: str) -> None:
        if not 1 <= size <= 1 << 62:
            raise ValueError(f"an order of {size} things")
        self.size = size
        bits = max(2, (size - 1).bit_length())
        self._widths = bits - bits // 2, bits // 2
        digest = blake2b(key.encode(), digest_size=8 * ROUNDS).digest()
        self._keys = np.frombuffer(digest, dtype="<u8").astype(np.uint64)

    def __getitem__(self, places: Ints) -> Ints:
        """Things at ``places``, any whole numbers from 0."""
        epoch, rank = np.divmod(np.asarray(places, dtype=np.int64), np.int64(self.size))
        salt = _stirred(epoch.astype(np.uint64))
        found = self._network(rank.astype(np.uint64), salt)
        outside = np.flatnonzero(found >= self.size)
        while outside.size:
            walked = self._network(found[outside], salt[outside])
            found[outside] = walked
            outside = outside[walked >= self.size]
        return found.astype(np.int64)

    def _network(self, x: Unsigned, salt: Unsigned) -> Unsigned:
        wide, narrow = self._widths
        left, right = x >> np.uint64(narrow), x & _mask(narrow)
        for key in self._keys:
            # left has `wide` bits, right `narrow`; after the swap it is the other way round
            left, right = right, left ^ (_stirred(right + key + salt) & _mask(wide))
            wide, narrow = narrow, wide
        return (left << np.uint64(narrow)) | right


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _stirred(x: Unsigned) -> Unsigned:
    """The finaliser of SplitMix64: every bit of x moves every bit of the result."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Unsigned = x ^ (x >> np.uint64(31))
    return mixed


Counts = Callable[
    [int, int], Ints
]  # (first, stop) → how many of samples 0..n−1 go left, n inclusive


def diffused(share: Fraction) -> Counts:
    """``round(n · share)``: what error diffusion gives, never more than 1/2 off."""
    p = round(share * (1 << EXACT))

    def counts(first: int, stop: int) -> Ints:
        found = np.empty(stop - first + 1, dtype=np.int64)
        for begin in range(0, len(found), BLOCK):
            n = first + begin
            whole, rest = divmod(n * p + (1 << (EXACT - 1)), 1 << EXACT)
            steps = np.arange(min(BLOCK, len(found) - begin), dtype=np.int64)
            found[begin : begin + BLOCK] = whole + ((rest + steps * p) >> EXACT)
        return found

    return counts


@dataclass(frozen=True)
class Leaf:
    """One source."""

    source: int
    weight: Fraction


@dataclass(frozen=True)
class Fork:
    """Samples go left or right, by ``counts``."""

    left: Leaf | Fork
    right: Leaf | Fork
    counts: Counts

    @property
    def weight(self) -> Fraction:
        """Of all sources below."""
        return self.left.weight + self.right.weight


Node = Leaf | Fork


class Mixture:
    """Sources interleaved by weights, each as evenly as whole samples allow.

    A binary tree of error diffusions: each fork sends its n-th sample left when ``round(n · share)``
    rises. After any number of samples every source's count is within ``error`` of n times its weight:
    1/2 for two sources, 1 for up to four, and what the property says for more.
    """

    def __init__(self, root: Node) -> None:
        self.root = root

    @classmethod
    def of(cls, weights: Sequence[Fraction]) -> Mixture:
        """Of weights above 0; they are made to sum to 1."""
        total = sum(weights, Fraction(0))
        leaves = [Leaf(k, Fraction(w) / total) for k, w in enumerate(weights)]
        return cls(best_tree(leaves))

    @property
    def error(self) -> float:
        """The largest distance of a source's count from n times its weight, for any n."""
        return float(_worst(self.root))

    def choose(
        self, first: int, stop: int
    ) -> tuple[np.ndarray[Any, Any], dict[int, tuple[int, int]]]:
        """The source of samples ``first`` to ``stop − 1``, and for each source which of its own
        samples these are, as (first, stop)."""
        spans: dict[int, tuple[int, int]] = {}
        return _walk(self.root, first, stop, spans), spans


def _walk(
    node: Node, first: int, stop: int, spans: dict[int, tuple[int, int]]
) -> np.ndarray[Any, Any]:
    if isinstance(node, Leaf):
        spans[node.source] = (first, stop)
        return np.full(stop - first, node.source, dtype=np.int16)
    counts = node.counts(first, stop)
    low, high = int(counts[0]), int(counts[-1])
    goes_left = np.diff(counts).astype(bool)
    out = np.empty(stop - first, dtype=np.int16)
    out[goes_left] = _walk(node.left, low, high, spans)
    out[~goes_left] = _walk(node.right, first - low, stop - high, spans)
    return out


def fork(left: Node, right: Node) -> Fork:
    """A fork by the constant weights of both sides."""
    return Fork(left, right, diffused(left.weight / (left.weight + right.weight)))


def _worst(node: Node, above: Fraction = Fraction(0), root: bool = True) -> Fraction:
    """A leaf's error: half a sample from its own fork, and its share of that of each fork above."""
    if isinstance(node, Leaf):
        return Fraction(0) if root else (1 + node.weight * above) / 2
    inner = above if root else above + 1 / node.weight
    return max(_worst(n, inner, False) for n in (node.left, node.right))


def best_tree(leaves: Sequence[Leaf]) -> Node:
    """The tree of least error among Huffman's and those that split the lightest sources off first."""
    ordered = sorted(leaves, key=lambda leaf: leaf.weight)
    trees = []
    for light in range(len(ordered)):
        tree = _huffman(ordered[light:])
        for leaf in reversed(ordered[:light]):
            tree = fork(leaf, tree)
        trees.append(tree)
        if light > 1:
            trees.append(fork(_huffman(ordered[:light]), _huffman(ordered[light:])))
    return min(trees, key=_worst)


def _huffman(nodes: Sequence[Node]) -> Node:
    heap = [(n.weight, k, n) for k, n in enumerate(nodes)]
    heapify(heap)
    for k in range(len(nodes), 2 * len(nodes) - 1):
        (_, _, a), (_, _, b) = heappop(heap), heappop(heap)
        made = fork(a, b)
        heappush(heap, (made.weight, k, made))
    return heap[0][2]
