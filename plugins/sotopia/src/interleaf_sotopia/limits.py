"""Not asking too much: rates, waiting before another try, giving up on what fails the same way."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from interleaf.errors import InterleafError

RETRIED = frozenset((408, 409, 429))
HOPELESS = frozenset((401, 403, 404))


class CallFailed(InterleafError):
    """One request failed for good; ``lasting``: the same request would fail again."""

    def __init__(self, message: str, *, lasting: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.lasting = lasting


class EndpointDown(InterleafError):
    """The same failure again and again: nothing further is asked; what was stored stays."""


@dataclass
class Bucket:
    """At most ``per_minute`` units a minute (0: any number), ``per_minute / 60`` of them at once."""

    per_minute: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = asyncio.sleep
    level: float = field(init=False)
    at: float = field(init=False)

    def __post_init__(self) -> None:
        self.level, self.at = self._room, self.clock()

    @property
    def _room(self) -> float:
        return max(1.0, self.per_minute / 60)

    async def take(self, units: float = 1.0) -> None:
        """Wait until there is room; a request larger than the bucket waits for all of it, and goes
        into debt, which later ones wait for."""
        if not self.per_minute:
            return
        self._fill()
        self.level -= units
        if self.level < 0:
            found = self.sleep(-self.level * 60 / self.per_minute)
            if asyncio.iscoroutine(found):
                await found

    def give_back(self, units: float) -> None:
        """What was taken and not used (or, negative, used beyond it)."""
        if self.per_minute:
            self._fill()
            self.level = min(self._room, self.level + units)

    def _fill(self) -> None:
        now = self.clock()
        self.level = min(self._room, self.level + max(0.0, now - self.at) * self.per_minute / 60)
        self.at = now


@dataclass
class Breaker:
    """Opens after ``most`` requests in a row that failed for good in the same way."""

    most: int = 3
    last: str = ""
    count: int = 0

    def check(self) -> None:
        """EndpointDown when it is open."""
        if self.count >= self.most:
            raise EndpointDown(
                f"{self.count} requests in a row failed the same way: {self.last}",
                hint="correct it, then: interleaf sotopia resume STORE",
            )

    def succeeded(self) -> None:
        """Close it."""
        self.last, self.count = "", 0

    def failed(self, signature: str, hopeless: bool = False) -> None:
        """Count a failure; a hopeless one opens it at once."""
        self.count = self.count + 1 if signature == self.last else 1
        self.last = signature
        if hopeless:
            self.count = max(self.count, self.most)


def backoff(attempt: int, draw: random.Random, base: float = 0.5, most: float = 30.0) -> float:
    """Seconds before try ``attempt`` + 1: exponential with full jitter."""
    return draw.uniform(0.0, min(most, base * 2.0**attempt))


def retry_after(value: str | None, most: float = 300.0) -> float | None:
    """Seconds of a Retry-After header, a number or a date; None for what is neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(most, max(0.0, seconds)) if seconds == seconds else None


def retryable(status: int) -> bool:
    """Whether a request with this status may succeed when made again."""
    return status in RETRIED or status >= 500
