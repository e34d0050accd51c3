"""Samples as a function of their number: shares, coverage, exactness far out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf_continual.order import Mixture, Permutation

weights = st.one_of(st.floats(1e-4, 1), st.sampled_from([0.05, 0.25, 0.5, 1e-4]))


@given(st.lists(weights, min_size=2, max_size=4), st.integers(0, 10**12))
def test_every_prefix_holds_its_shares_to_one_sample(parts, far):
    mixture = Mixture.of([Fraction(w) for w in parts])
    assert mixture.error <= 1
    share = np.array(parts) / sum(parts)
    chosen, spans = mixture.choose(0, 3000)
    counts = np.cumsum(chosen[:, None] == np.arange(len(parts)), axis=0)
    n = np.arange(1, 3001)[:, None]
    assert np.abs(counts - n * share).max() <= 1 + 1e-6
    assert {k: int(c) for k, c in enumerate(counts[-1])} == {k: s[1] for k, s in spans.items()}
    _, there = mixture.choose(far, far + 1)
    assert sum(s[0] for s in there.values()) == far
    for k, w in enumerate(parts):
        assert abs(there[k][0] - Fraction(w) / sum(map(Fraction, parts)) * far) <= 2


@settings(max_examples=40)
@given(st.lists(weights, min_size=5, max_size=9))
def test_more_sources_stay_within_what_is_told(parts):
    mixture = Mixture.of([Fraction(w) for w in parts])
    chosen, _ = mixture.choose(0, 4000)
    counts = np.cumsum(chosen[:, None] == np.arange(len(parts)), axis=0)
    off = np.abs(counts - np.arange(1, 4001)[:, None] * np.array(parts) / sum(parts)).max()
    assert off <= mixture.error + 1e-6 < 1.7


@given(st.lists(weights, min_size=1, max_size=5), st.integers(0, 10**12), st.data())
def test_parts_read_apart_are_the_whole(parts, first, data):
    mixture = Mixture.of([Fraction(w) for w in parts])
    stop = first + data.draw(st.integers(1, 500))
    middle = data.draw(st.integers(first, stop))
    whole, spans = mixture.choose(first, stop)
    left, before = mixture.choose(first, middle)
    right, after = mixture.choose(middle, stop)
    assert np.array_equal(np.concatenate([left, right]), whole)
    for k, (a, b) in spans.items():
        assert before[k][0] == a and before[k][1] == after[k][0] and after[k][1] == b


@given(st.integers(1, 3000), st.text(max_size=5), st.integers(0, 4))
def test_each_thing_comes_once_an_epoch(size, key, epoch):
    order = Permutation(size, key)
    found = order[np.arange(epoch * size, (epoch + 1) * size)]
    assert np.array_equal(np.sort(found), np.arange(size))


@given(st.integers(2, 10**12), st.lists(st.integers(0, 10**14), min_size=1, max_size=50))
def test_places_in_an_order_too_long_to_hold(size, places):
    order = Permutation(size, "k")
    together = order[np.array(places)]
    assert ((together >= 0) & (together < size)).all()
    assert [int(order[np.array([p])][0]) for p in places] == together.tolist()


def test_orders_look_random():
    order = Permutation(4096, "seed")
    found = order[np.arange(4096)]
    assert abs(np.corrcoef(found, np.arange(4096))[0, 1]) < 0.05
    second = order[np.arange(4096, 8192)]
    assert 0 <= (found == second).sum() < 12  # epochs share no order: about one place agrees
    other = Permutation(4096, "other")[np.arange(4096)]
    assert abs(np.corrcoef(found, other)[0, 1]) < 0.05
    steps = np.diff(found) % 4096
    assert len(np.unique(steps)) > 2000  # no fixed stride
