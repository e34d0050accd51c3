"""From the ids of a running sequence to text that may be shown: whole characters, nothing behind a stop."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Words:
    """Text of ids as they come.

    ``spell`` gives the bytes of an id. Bytes that begin a character wait for its end; text that may begin
    a stop waits until it does or does not.
    """

    spell: Callable[[int], bytes]
    stops: Sequence[str] = ()
    stopped: bool = False
    tokens: int = 0  # how many ids were read: up to the one that completed a stop
    _held: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def feed(self, ids: Sequence[int]) -> str:
        """The text that these ids release."""
        shown = ""
        for found in ids:
            if self.stopped:
                break
            self.tokens += 1
            shown += self._release(self._decoder.decode(self.spell(found)))
        return shown

    def finish(self) -> str:
        """What was held back, when nothing more comes."""
        if self.stopped:
            return ""
        shown = self._release(self._decoder.decode(b"", final=True))
        held, self._held = ("" if self.stopped else self._held), ""
        return shown + held

    def _release(self, text: str) -> str:
        self._held += text
        places = [at for stop in self.stops if (at := self._held.find(stop)) >= 0]
        if places:
            self.stopped = True
            shown, self._held = self._held[: min(places)], ""
            return shown
        keep = max((_overlap(self._held, stop) for stop in self.stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` begin ``stop``."""
    return next(
        (n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0
    )
