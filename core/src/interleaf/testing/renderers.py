"""Checks of renderers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from interleaf.errors import InterleafError
from interleaf.interfaces import Renderer
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import Skip, Subject
from interleaf.values import Artifact, Item, Table

MAGIC = {
    "image/png": (0, b"\x89PNG\r\n"), "image/jpeg": (0, b"\xff\xd8\xff"), "image/gif": (0, b"GIF8"),
    "image/webp": (8, b"WEBP"), "audio/wav": (8, b"WAVE"), "video/mp4": (4, b"ftyp"),
    "application/pdf": (0, b"%PDF"),
}  # fmt: skip
HOSTILE = "<script>steal()</script><img src=x onerror=steal()>\"'&"


def rendered(subject: Subject) -> Iterator[Artifact]:
    """Every example as bytes; Skip for renderers that give values."""
    for config, name, inputs in subject.cases():
        for value in subject.call(subject.make(config), name, inputs).values():
            if not isinstance(value, Artifact):
                raise Skip("gives no bytes")
            yield value


@check(Renderer)
def media_type_is_true(subject: Subject, tries: int) -> None:
    """The bytes begin as files of their media type do."""
    for artifact in rendered(subject):
        kind, data = artifact.media_type, artifact.data
        if kind in MAGIC:
            place, mark = MAGIC[kind]
            ensure(data[place : place + len(mark)] == mark, f"the bytes are not {kind}")
        elif kind == "application/json":
            json.loads(data)
        elif kind == "text/html":
            ensure(data.lstrip()[:9].lower() in (b"<!doctype", b"<html>"), "the bytes are not HTML")
        elif kind == "image/svg+xml":
            ensure(b"<svg" in data[:4096], "the bytes are not SVG")
        elif kind.startswith("text/"):
            data.decode("utf-8")
        else:
            ensure("/" in kind, f"'{kind}' is no media type")


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note scripts and handlers that come from the hostile text."""
        if tag == "script" or any(name.startswith("on") for name, _ in attrs):
            self.bad.append(tag)


@check(Renderer)
def hostile_text_stays_text(subject: Subject, tries: int) -> None:
    """In HTML and SVG, text that looks like markup is shown, not run."""
    used = False
    for config, name, inputs in subject.cases():
        hostile = {key: spoilt(value) for key, value in inputs.items()}
        used |= repr(hostile) != repr(dict(inputs))
        plain, spoiled = (
            list(subject.call(subject.make(config), name, given).values())
            for given in (inputs, hostile)
        )
        for before, value in zip(plain, spoiled, strict=True):
            if isinstance(value, Artifact) and value.media_type in ("text/html", "image/svg+xml"):
                own, found = (_Tags(v.data.decode()).bad for v in (before, value))
                ensure(
                    found == own, f"text became markup: {found[len(own) :]}"
                )  # a page may run its own
            else:
                raise Skip("gives neither HTML nor SVG")
    if not used:
        raise Skip("is given no text")


def spoilt(value: Any) -> Any:
    """A value whose texts are hostile."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, list | tuple):
        return [spoilt(v) for v in value]
    if isinstance(value, Item):
        return Item(spoilt(value.value), HOSTILE, value.port, dict.fromkeys(value.coords, HOSTILE))
    if isinstance(value, Table):
        return Table(
            {k: [spoilt(c) for c in column] for k, column in value.columns.items()}, HOSTILE
        )
    return value


@check(Renderer)
def nothing_is_no_crash(subject: Subject, tries: int) -> None:
    """Empty ``*`` ports and absent optional ones give something, or one InterleafError."""
    call = subject.spec.calls["render"]
    loose = {n for n, p in call.ports.items() if p.many or p.optional}
    if not loose:
        raise Skip("needs all its inputs")
    for config, name, inputs in subject.cases():
        less = {k: v for k, v in inputs.items() if k not in loose}
        less |= {n: [] for n, p in call.ports.items() if p.many}
        try:
            subject.call(subject.make(config), name, less)
        except InterleafError:
            continue
