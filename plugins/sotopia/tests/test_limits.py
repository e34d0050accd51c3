"""Rates, waits, and giving up."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf_sotopia.endpoint import check_url
from interleaf_sotopia.limits import Breaker, Bucket, EndpointDown, backoff, retry_after, retryable


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        assert seconds >= 0
        self.now += seconds


@given(st.lists(st.floats(1, 400), min_size=5, max_size=40), st.floats(60, 6000))
def test_a_rate_is_kept(units: list[float], per_minute: float) -> None:
    clock = Clock()
    bucket = Bucket(per_minute, clock, clock.sleep)

    async def take() -> None:
        for u in units:
            await bucket.take(u)

    asyncio.run(take())
    assert sum(units) <= per_minute / 60 * (clock.now - 100) + max(1.0, per_minute / 60) + 1e-6


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    clock = Clock()
    bucket = Bucket(60, clock, clock.sleep)
    asyncio.run(bucket.take(1))
    clock.now -= 1000
    before = clock.now
    asyncio.run(bucket.take(1))
    assert 0 <= clock.now - before <= 1.0 + 1e-9


def test_no_limit_waits_for_nothing() -> None:
    asyncio.run(Bucket(0).take(10**9))


@given(st.integers(0, 30), st.integers())
def test_waits_are_bounded(attempt: int, seed: int) -> None:
    assert 0 <= backoff(attempt, random.Random(seed)) <= 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2", 2.0), ("0.05", 0.05), ("-3", 0.0), ("1e9", 300.0), ("nan", None), ("soon", None), (None, None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after(text: Any, seconds: Any) -> None:
    assert retry_after(text) == seconds


def test_what_is_tried_again() -> None:
    assert [s for s in (200, 400, 401, 403, 404, 408, 409, 422, 429, 500, 503) if retryable(s)] == [
        408,
        409,
        429,
        500,
        503,
    ]


def test_the_breaker_opens_for_the_same_failure_alone() -> None:
    breaker = Breaker(3)
    for said in ("a", "b", "a", "a"):
        breaker.failed(said)
        breaker.check()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed("a")
        breaker.check()
    breaker.failed("a")
    with pytest.raises(EndpointDown):
        breaker.check()


@pytest.mark.parametrize(
    "url", ["", "localhost:80", "ftp://x/v1", "http://", "https://user:secret@host/v1"]
)
def test_addresses(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)
