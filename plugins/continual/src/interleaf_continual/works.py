"""Long texts cut into parts that share no work, and into documents of a readable size.

A language model tested on the end of a novel whose beginning it has read is tested on names it
knows. Parts are therefore cut where one work ends and the next begins: at a mark, or where nothing
marks it, at the break in a stretch of text across which the fewest names go on (a lexical cohesion
score, as in TextTiling, Hearst 1997, with capitalised words inside sentences standing for names).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

NAME = re.compile(r"(?<=[\w,;] )[^\W\d_a-zà-öø-ÿ]\w{2,}")
LOOK = 150_000  # bytes on each side that are compared
SPREAD = 0.075  # a cut may move by this part of the text
TRIED = 60  # breaks compared at most


def cut(text: bytes, at: float, mark: bytes = b"") -> int:
    """The place near the part ``at`` (0..1) of ``text`` where one work most likely ends.

    With a ``mark`` (a regular expression that begins a work) the nearest match; without one the
    break of least cohesion.
    """
    wanted = int(at * len(text))
    if mark:
        found = [m.start() for m in re.finditer(mark, text, re.MULTILINE) if m.start()]
        return min(found, key=lambda p: abs(p - wanted)) if found else len(text)
    low, high = int((at - SPREAD) * len(text)), int((at + SPREAD) * len(text))
    breaks = _breaks(text, max(low, 0), min(high, len(text)))
    return min(breaks, key=lambda p: cohesion(text, p)) if breaks else _line(text, wanted)


def _breaks(text: bytes, low: int, high: int) -> list[int]:
    """Ends of the longest runs of empty lines between ``low`` and ``high``, evenly thinned."""
    for empty in (4, 3, 2):
        run = re.compile(rb"\n[\n\r]{%d,}" % (empty - 1))
        found = [m.end() for m in run.finditer(text, low, high)]
        if found:
            return found[:: max(1, len(found) // TRIED)]
    return []


def _line(text: bytes, at: int) -> int:
    return text.find(b"\n", at) + 1 or at


def cohesion(text: bytes, at: int) -> float:
    """How many of the names before a place are found after it: 0 none, 1 all."""
    before, after = names(text[max(0, at - LOOK) : at]), names(text[at : at + LOOK])
    shared = sum(min(n, after[word]) for word, n in before.items())
    return shared / max(1, min(before.total(), after.total()))


def names(text: bytes) -> Counter[str]:
    """Capitalised words that do not begin a sentence, counted."""
    return Counter(NAME.findall(text.decode("utf-8", "ignore")))


def documents(text: bytes, least: int) -> Iterator[int]:
    """Where documents of at least ``least`` bytes begin, 0 first: at empty lines, else at line ends.

    The last one is at least half as long, unless it is the only one.
    """
    place = 0
    while place == 0 or len(text) - place >= least / 2:
        yield place
        place = _next_break(text, place + least, place + 2 * least)


def _next_break(text: bytes, at: int, most: int) -> int:
    for ending in (b"\n\n", b"\n"):
        place = text.find(ending, at, most)
        if place >= 0:
            return place + len(ending)
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at += 1  # not inside a character
    return at


def parts(
    works: Sequence[bytes], held: float, valid: float, mark: bytes = b""
) -> dict[str, list[bytes]]:
    """``train``, ``valid`` and ``held``, in this order through the text, and sharing no work.

    Several works are dealt out whole, one is cut; ``held`` and ``valid`` are parts of the whole.
    """
    if len(works) > 1:
        return _dealt(works, held, valid)
    text = works[0] if works else b""
    late = cut(text, 1 - held, mark) if held else len(text)
    early = cut(text, 1 - held - valid, mark) if valid else late
    early = min(early, late)
    return {"train": [text[:early]], "valid": [text[early:late]], "held": [text[late:]]}


def _dealt(works: Sequence[bytes], held: float, valid: float) -> dict[str, list[bytes]]:
    """Works from the end, until a part has its share."""
    total, left = sum(map(len, works)), list(works)
    found: dict[str, list[bytes]] = {}
    for name, share in (("held", held), ("valid", valid)):
        taken: list[bytes] = []
        while left and sum(map(len, taken)) < share * total and len(left) > 1:
            taken.insert(0, left.pop())
        found[name] = taken
    return {"train": left, **found}
