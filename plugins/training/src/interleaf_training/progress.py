"""How fast training is and how long it still takes."""

from __future__ import annotations

import time
from collections import deque

from interleaf.interfaces.component import Monitor


class Pace:
    """Tells a monitor the loss, samples a second over the last ~30 steps, and seconds left."""

    def __init__(self, monitor: Monitor, steps: int, batch: int) -> None:
        self.monitor, self.steps, self.batch = monitor, steps, batch
        self.marks: deque[tuple[float, int]] = deque([(time.perf_counter(), -1)], maxlen=32)

    def tell(self, done: int, **info: float) -> None:
        """``done`` steps are finished."""
        now = time.perf_counter()
        if self.marks[0][1] < 0:
            self.marks[0] = (self.marks[0][0], done - 1)
        self.marks.append((now, done))
        (began, first), took = self.marks[0], 0.0
        took = (now - began) / max(done - first, 1)
        rate = {"samples_per_s": self.batch / took, "seconds_left": took * (self.steps - done)}
        self.monitor.progress(done, self.steps, **info, **(rate if took else {}))
