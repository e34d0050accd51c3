"""A page put together: header, original, items, in the order given."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from itertools import count
from typing import Any

from interleaf.interfaces import Dataset, ModelHandle, Report
from interleaf.values import Artifact, Audio, Clip, Frames, Image, Item, Table
from interleaf_pages.config import PageConfig
from interleaf_pages.moving import animation, player, sound
from interleaf_pages.pictures import Eight, data_uri, eight_bits, error_map
from interleaf_pages.tables import report_table, to_html

POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
MOST_PICTURES = 200  # of one dataset


def compose(config: PageConfig, items: Sequence[Item], reference: Any = None) -> str:
    """The whole HTML text; equal for equal input."""
    page = _Page(config)
    page.read_originals(reference)
    sections = [page.section(step, group) for step, group in _by_step(items)]
    style = files("interleaf_pages").joinpath("page.css").read_text(encoding="utf-8")
    title = escape(config.title)
    note = f"<p>{escape(config.note)}</p>" if config.note else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}{page.backgrounds}</style></head>\n"
        f"<body><header><h1>{title}</h1>{note}</header>\n<main>{page.originals_section()}"
        f"{''.join(sections)}</main></body></html>\n"
    )


def _by_step(items: Sequence[Item]) -> list[tuple[str, list[Item]]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(f"{item.step}.{item.port}", []).append(item)
    return [(group[0].step, group) for group in groups.values()]


@dataclass
class _Original:
    number: int
    pixels: Eight
    uri: str


@dataclass
class _Page:
    config: PageConfig
    originals: dict[str, _Original] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def read_originals(self, reference: Any) -> None:
        """Pictures to compare with, by id; one without an id fits every picture of its size."""
        for name, value in _members(reference):
            if isinstance(value, Image):
                pixels = eight_bits(value)
                uri = data_uri(pixels, self.config.max_side)
                self.originals[name] = _Original(len(self.originals), pixels, uri)

    @property
    def backgrounds(self) -> str:
        """CSS that holds each original once, for all the places that show it."""
        return "".join(
            f".o{o.number}{{background-image:url({o.uri})}}" for o in self.originals.values()
        )

    def originals_section(self) -> str:
        """The originals, first of all."""
        shown = "".join(
            f'<figure class="picture"><div class="o{o.number} original" role="img" '
            f'aria-label="the original" style="{_box(o.pixels)}"></div>'
            f"<figcaption>{escape(name or 'original')}{self._size(o.pixels)}</figcaption></figure>"
            for name, o in self.originals.items()
        )
        return (
            f'<section><h2>Original</h2><div class="gallery">{shown}</div></section>\n'
            if shown
            else ""
        )

    def section(self, step: str, items: Sequence[Item]) -> str:
        """All that one step gave."""
        inner = "".join(
            self.value(item, name, v) for item in items for name, v in _members(item.value)
        )
        heading = f"<h2>{escape(step)}</h2>" if step else ""
        return f'<section>{heading}<div class="gallery">{inner}</div></section>\n'

    def value(self, item: Item, name: str, value: Any) -> str:
        """One value, by its type."""
        label = " · ".join([*(f"{k} {v}" for k, v in item.coords.items()), *filter(None, [name])])
        match value:
            case Image():
                return self.picture(eight_bits(value), name, label)
            case Frames() if len(value) > 1:
                return self.moving(value, label)
            case Frames() if len(value):
                return self.picture(eight_bits(Image(value.pixels[0])), name, label)
            case Clip():
                heard = sound(value.audio) if value.audio and len(value.audio.samples) else ""
                return self.value(item, name, value.frames) + heard
            case Audio():
                return _block(label, sound(value))
            case Table():
                return _block(label, to_html(value))
            case Report():
                return _block(label, _report(value))
            case Artifact() if value.media_type.startswith("image/"):
                data = base64.b64encode(value.data).decode()
                kind = escape(value.media_type)
                return _block(label, f'<img class="plot" alt="{escape(label or item.step)}" '
                                     f'src="data:{kind};base64,{data}">')  # fmt: skip
            case Artifact() if value.media_type.startswith(("video/", "audio/")):
                return _block(label, player(value))
            case Artifact() if value.media_type.startswith("text/"):
                return _block(label, f"<pre>{escape(value.data.decode(errors='replace'))}</pre>")
            case str():
                return _block(label, f"<pre>{escape(value)}</pre>")
            case ModelHandle():
                return _block(
                    label, f"<p>{escape(value.component)} <code>{escape(value.digest)}</code></p>"
                )
            case bool() | int() | float():
                return _block(label, f"<p>{value}</p>")
        return _block(
            label, f'<p class="none">A {escape(type(value).__name__)} has no view on a page.</p>'
        )

    def moving(self, frames: Frames, label: str) -> str:
        """A clip that plays."""
        height, width = frames.pixels.shape[1:3]
        told = f"{width}×{height}, {len(frames)} frames at {float(frames.fps):g} a second"
        caption = f'<figcaption>{escape(label)} <span class="size">{told}</span></figcaption>'
        image = animation(frames, self.config.max_side, label)
        return f'<figure class="picture">{image}{caption}</figure>'

    def picture(self, pixels: Eight, name: str, label: str) -> str:
        """A picture; beside its original a switch between the two, and a map of the error."""
        caption = f"<figcaption>{escape(label)}{self._size(pixels)}</figcaption>"
        image = f'<img alt="{escape(label)}" src="{data_uri(pixels, self.config.max_side)}">'
        original = self.originals.get(name) or self.originals.get("")
        if original is None or original.pixels.shape != pixels.shape:
            return f'<figure class="picture">{image}{caption}</figure>'
        number = next(self.numbers)
        errors = error_map(pixels, original.pixels, self.config.gain)
        switch = "".join(
            f'<label><input type="radio" name="v{number}" class="{kind}"'
            f"{' checked' if kind == 'fit' else ''}>{text}</label>"
            for kind, text in (("fit", "result"), ("org", "original"))
        )
        return (
            f'<figure class="pair"><div class="switch">{switch}</div><div class="two">'
            f'<div class="flip">{image}<div class="o{original.number} original" role="img" '
            f'aria-label="the original"></div></div>'
            f'<div><img alt="error map" src="{data_uri(errors, self.config.max_side)}">'
            f'<p class="under">|error| × {self.config.gain:g}</p></div></div>{caption}</figure>'
        )

    def _size(self, pixels: Eight) -> str:
        height, width = pixels.shape[:2]
        smaller = ", shown smaller" if max(height, width) > self.config.max_side else ""
        return f' <span class="size">{width}×{height}{smaller}</span>'


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Id and value of everything in a value: many in a dataset, one otherwise, none in None."""
    if value is None:
        return
    if isinstance(value, Image | Frames | Clip | str) or not isinstance(value, Dataset | Mapping):
        yield "", value
        return
    for number, (name, member) in enumerate(value.items()):
        if number == MOST_PICTURES:
            yield "…", f"and more: the first {MOST_PICTURES} are shown"
            return
        yield str(name), member


def _block(label: str, inner: str) -> str:
    heading = f"<h3>{escape(label)}</h3>" if label else ""
    return f'<div class="block">{heading}{inner}</div>'


def _report(report: Report) -> str:
    verdict = ""
    if report.verdict:
        reasons = "".join(f"<li>{escape(r)}</li>" for r in report.verdict.reasons)
        outcome = escape(report.verdict.outcome)
        verdict = f'<p class="verdict {outcome}">{outcome}</p><ul>{reasons}</ul>'
    tables = "".join(map(to_html, report.tables))
    evidence = "".join(
        f"<li>{escape(e.claim)} <cite>{escape(e.source)} {escape(e.locator)}</cite></li>"
        for e in report.evidence
    )
    return (
        verdict
        + to_html(report_table(report))
        + tables
        + (f"<ul>{evidence}</ul>" if evidence else "")
    )


def _box(pixels: Eight) -> str:
    height, width = pixels.shape[:2]
    return f"aspect-ratio:{width}/{height};width:{max(width, 64)}px"
