"""Replay: exact shares, exact coverage, exact resumption, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import CorruptData, InvalidInput
from interleaf_continual.config import PhaseConfig, PiecewiseConfig, ReplayConfig, TextConfig
from interleaf_continual.reading import map_tokens, write_tokens
from interleaf_continual.replay import ReplayMix, Windows
from interleaf_continual.schedules import Piecewise
from interleaf_continual.sources import Corpus, Text


class Row(Corpus):
    """Tokens that tell where they are from: ``offset``, ``offset + 1``, …"""

    def __init__(self, size, offset=0, starts=(0,), tokenizer="t"):
        super().__init__()
        self._ids = np.arange(offset, offset + size, dtype=np.uint32)
        self._starts, self._kind = np.array(starts), tokenizer

    ids_of_tokens = property(lambda self: self._ids)
    starts = property(lambda self: self._starts)
    tokenizer = property(lambda self: self._kind)


def mix(new=1000, old=400, **config):
    olds = [Row(n, 10**6 * (k + 1)) for k, n in enumerate(old if isinstance(old, list) else [old])]
    return ReplayMix(ReplayConfig(window=10, **config)).open(new=Row(new), old=olds)


@settings(max_examples=30)
@given(
    st.floats(0.001, 0.9), st.integers(1, 64), st.integers(1, 8), st.integers(1, 5),
    st.sampled_from(["equal_compute", "additive", "per_batch"]), st.integers(0, 2000),
)  # fmt: skip
def test_any_division_among_workers_reads_the_same_samples(
    fraction, batch, world, micro, mode, first
):
    """Step, rank and worker are arithmetic on the sample's number."""
    data = mix(fraction=fraction, batch=batch, mode=mode)
    whole = data.batch(first, first + batch)
    edges = np.linspace(0, batch, world + 1).astype(int)
    pieces = [
        data.batch(first + a, first + min(a + micro, e))
        for s, e in pairwise(edges)
        for a in range(s, e, micro)
    ]
    assert np.array_equal(np.concatenate(pieces), whole)


def test_every_new_window_comes_once_before_any_twice():
    data = mix(new=1001, old=201, fraction=0.25)
    rows = data.batch(0, len(data))
    fresh, old = rows[rows[:, 0] < 10**6], rows[rows[:, 0] >= 10**6]
    assert sorted(fresh[:, 0]) == list(range(0, 1000, 10))
    begins, counts = np.unique(old[:, 0], return_counts=True)
    assert len(begins) == 20 and set(counts) <= {len(old) // 20, -(-len(old) // 20)}
    assert (np.diff(rows, axis=1) == 1).all()


@pytest.mark.parametrize(
    ("mode", "share"), [("equal_compute", 0.3), ("additive", 0.3 / 1.3), ("per_batch", 0.25)]
)
def test_modes(mode, share):
    data = mix(fraction=0.3, mode=mode, batch=8)
    old = data.batch(0, 4000)[:, 0] >= 10**6
    assert abs(old.sum() - 4000 * share) <= 1
    if mode == "per_batch":
        assert set(old.reshape(-1, 8).sum(1)) == {2}


def test_several_old_sources_by_size_or_by_share():
    data = mix(old=[300, 900], fraction=0.4)
    rows = data.batch(0, 10_000)[:, 0] // 10**6
    counts = np.bincount(rows)
    sizes = [len(Row(n).ids_of_tokens) - 1 for n in (300, 900)]
    share = [-(-s // 10) for s in sizes]
    expected = [6000, *(4000 * s / sum(share) for s in share)]
    assert np.abs(counts - expected).max() <= 1
    data = mix(old=[300, 900], fraction=0.4, shares=(0.75, 0.25))
    assert np.abs(np.bincount(data.batch(0, 10_000)[:, 0] // 10**6) - [6000, 3000, 1000]).max() <= 1


def test_replay_of_exactly_what_a_stage_consumed():
    first = ReplayMix(ReplayConfig(window=10, seed=1)).open(new=Row(10_001))
    seen = set(first.batch(0, 70)[:, 0])
    second = ReplayMix(ReplayConfig(window=10, seed=2, fraction=0.5, consumed=70)).open(
        new=Row(2001, 10**6), old=[first]
    )
    rows = second.batch(0, 280)[:, 0]
    old = rows[rows < 10**6]
    assert len(old) == 140 and set(old) == seen  # each of the 70 twice, none of the other 930
    assert old.tolist()[:70] != first.batch(0, 70)[:, 0].tolist()
    third = ReplayMix(ReplayConfig(window=10, seed=3, fraction=0.2, consumed=280)).open(
        new=Row(2001, 2 * 10**6), old=[second]
    )
    again = third.batch(0, 1000)[:, 0]
    assert set(again[again < 10**6]) <= seen


def test_a_fraction_that_changes():
    fading = Piecewise(PiecewiseConfig(start=0.5, phases=(PhaseConfig(length=100, to=0.1),)))
    data = mix(changing=fading, batch=16)
    old = data.batch(0, 1600)[:, 0] >= 10**6
    wanted = np.cumsum(np.repeat(fading.table(range(100))["value"], 16))
    assert np.abs(np.cumsum(old) - wanted).max() <= 1
    assert np.array_equal(data.batch(777, 790), data.batch(0, 1600)[777:790])
    assert mix(changing=fading, batch=16).fingerprint() != mix(fraction=0.5).fingerprint()


def test_far_out_and_small():
    data = mix(fraction=0.05)
    assert data.batch(10**12, 10**12 + 3).shape == (3, 11)
    state = data.at(10**12, "two")
    assert len(json.dumps(state)) < 1024
    assert state["cursors"]["old0"] == round(10**12 * Fraction(1, 20))
    many = mix(old=[100] * 9, fraction=0.5)
    assert len(json.dumps(many.at(10**12))) < 1024


def test_documents_are_not_crossed_and_no_token_is_lost():
    rows = Row(100, starts=(0, 33, 41, 80))
    crossing = Windows(rows, 10, False, "overlap")
    assert sorted({*crossing.rows(np.arange(crossing.size)).ravel()}) == list(range(100))
    inside = Windows(rows, 10, True, "overlap")
    found = inside.rows(np.arange(inside.size))
    for a, b in ((0, 33), (41, 80), (80, 100)):
        mine = found[(found[:, 0] >= a) & (found[:, 0] < b)]
        assert mine.max() == b - 1 and mine.min() == a
    assert not ((found >= 33) & (found < 41)).any()  # too short for a window
    dropped = Windows(rows, 10, True, "drop")
    assert dropped.size == 3 + 3 + 1 and dropped.unused == 2 + 7 + 8 + 9


def test_what_cannot_be_mixed_is_named():
    def refuse(match, make):
        with pytest.raises(InvalidInput, match=match):
            make().batch(0, 1)

    refuse("'old0' is empty", lambda: mix(old=0, fraction=0.1))
    refuse("do not fit into the source 'new' of 7", lambda: mix(new=7))
    refuse("no old data is given", lambda: mix(old=[], fraction=0.1))
    refuse(
        "new by 't', old0 by 'u'",
        lambda: ReplayMix(ReplayConfig(window=3, fraction=0.5)).open(
            new=Row(50), old=[Row(50, tokenizer="u")]
        ),
    )
    refuse("one above 0", lambda: mix(old=[50, 50], fraction=0.1, shares=(1.0, 0.0)))
    first = ReplayMix(ReplayConfig(window=5)).open(new=Row(50))
    refuse("windows of 5", lambda: ReplayMix(ReplayConfig(window=6, fraction=0.5)).open(
        new=Row(50), old=[first]))  # fmt: skip


def test_a_saved_position_is_of_one_mixture():
    data = mix(fraction=0.25)
    state = data.at(123)
    mix(fraction=0.25).resume(state)
    for other in (mix(fraction=0.26), mix(new=1001, fraction=0.25), mix(fraction=0.25, seed=1)):
        with pytest.raises(InvalidInput, match="another mixture"):
            other.resume(state)
    with pytest.raises(InvalidInput, match="cursors"):
        data.resume({**state, "position": 124, "cursors": state["cursors"]})


def test_token_files_are_held_to_their_header(tmp_path):
    write_tokens(tmp_path, [np.arange(50, dtype=np.uint16), np.arange(9, dtype=np.uint16)], "x")
    found = map_tokens(tmp_path)
    assert found.ids[55] == 5 and found.starts.tolist() == [0, 50] and found.tokenizer == "x"
    data = bytearray((tmp_path / "tokens.bin").read_bytes())
    data[7] ^= 1
    (tmp_path / "tokens.bin").write_bytes(data)
    with pytest.raises(CorruptData, match="other bytes"):
        map_tokens(tmp_path)
    assert len(map_tokens(tmp_path, verify=False).ids) == 59
    (tmp_path / "tokens.bin").write_bytes(data[:-1])
    with pytest.raises(CorruptData, match="has 117 bytes, its header says 118"):
        map_tokens(tmp_path, verify=False)
    (tmp_path / "header.json").write_text("{")
    with pytest.raises(CorruptData, match="no header"):
        map_tokens(tmp_path)


def test_texts_that_are_none_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"fine\nnot \xff so\n")
    with pytest.raises(InvalidInput, match=r"line 2: byte 0xff is not UTF-8"):
        len(Text(TextConfig(path=str(tmp_path / "a.txt"))))
    (tmp_path / "b.txt.xz").write_bytes(b"no archive")
    with pytest.raises(CorruptData, match="cannot be read"):
        len(Text(TextConfig(path=str(tmp_path / "b.txt.xz"))))


def test_files_of_a_folder_are_works(tmp_path):
    for k in range(10):
        (tmp_path / f"{k}.txt").write_text(f"Work {k}\n" + f"line of {k}\n\n" * 100)
    whole = TextConfig(path=str(tmp_path), document=256)
    parts = {p: Text(replace(whole, part=p)) for p in ("train", "valid", "held")}
    seen = {p: {bytes(d.ids).split(b"of ")[1][:1] for d in t} for p, t in parts.items()}
    assert seen == {"train": set(b"01234567".decode()) and {b"%d" % k for k in range(8)},
                    "valid": {b"8"}, "held": {b"9"}}  # fmt: skip
    total = sum(len(t.ids_of_tokens) for t in parts.values())
    assert total == len(Text(whole).ids_of_tokens)
