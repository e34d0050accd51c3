"""One self-contained HTML page: transcripts, tables, intervals as pictures. All text is escaped; a
transcript is shown, never read as mark-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from interleaf.interfaces.report import Measure, Report
from interleaf.values import Table
from interleaf_sotopia.actions import ACT, LEAVE, NON_VERBAL, SPEAK
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.markup import ENVIRONMENT, visible
from interleaf_sotopia.records import Episode
from interleaf_sotopia.world import agent

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = files("interleaf_sotopia").joinpath("page.css").read_text(encoding="utf-8")


def document(title: str, sections: Iterable[str], note: str = "", script: str = "") -> str:
    """The whole page. ``script``: of ours, for a page that is filled in."""
    policy = POLICY + ("; script-src 'unsafe-inline'" if script else "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><header><h1>{escape(title)}</h1>"
        f"{f'<p class=soft>{escape(note)}</p>' if note else ''}</header>\n<main>{''.join(sections)}</main>"
        f"{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def section(title: str, *inner: str) -> str:
    """A heading and what stands under it."""
    return f"<section><h2>{escape(title)}</h2>{''.join(inner)}</section>\n"


def paragraph(text: str, kind: str = "") -> str:
    """Text; ``kind``: note, flag, or ok flag."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>'


def table(found: Table, caption: str = "") -> str:
    """A table; a missing cell is a dash."""
    head = "".join(f"<th>{escape(str(c))}</th>" for c in found.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(v)}</td>" for v in row.values()) + "</tr>"
        for row in found.rows
    )
    text = escape(caption or found.caption)
    told = f'<p class="soft">{text}</p>' if text else ""
    return f'{told}<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, float):
        return escape(str(value))
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def measures(report: Report, most: int = 80) -> str:
    """The measures of a report as a table."""
    rows = [
        {"measure": m.name + (f" / {m.group}" if m.group else ""), "value": m.value,
         "95 % interval": _interval(m), "n": m.n, "": m.reason}
        for m in report.measures[:most]
    ]  # fmt: skip
    left = len(report.measures) - len(rows)
    return table(Table.from_rows(rows)) + (
        paragraph(f"and {left} more", "soft") if left > 0 else ""
    )


def _interval(m: Measure) -> str | None:
    return f"{m.interval[0]:.2f} to {m.interval[1]:.2f}" if m.interval else None


def forest(
    rows: Sequence[tuple[str, float, float, float]], caption: str = "", unit: str = ""
) -> str:
    """Values with their intervals, one a line, and where zero is."""
    if not rows:
        return ""
    low, high = min(0.0, *(r[2] for r in rows)), max(0.0, *(r[3] for r in rows))
    span, left, right = (high - low) or 1.0, 250, 640

    def x(v: float) -> float:
        return left + (v - low) / span * (right - left)

    height = 26 * len(rows) + 30
    marks = [
        f'<line x1="{x(0):.1f}" y1="4" x2="{x(0):.1f}" y2="{height - 24}" stroke="var(--soft)" '
        f'stroke-dasharray="3 3"/>'
    ]
    for n, (label, value, a, b) in enumerate(rows):
        y = 18 + 26 * n
        colour = "var(--a)" if a > 0 else "var(--b)" if b < 0 else "var(--soft)"
        marks.append(
            f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(label[:38])}</text>'
            f'<line x1="{x(a):.1f}" y1="{y}" x2="{x(b):.1f}" y2="{y}" stroke="{colour}" stroke-width="2.5"/>'
            f'<circle cx="{x(value):.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
            f'<text x="{right + 12}" y="{y + 4}">{value:+.2f} [{a:+.2f}, {b:+.2f}]</text>'
        )
    marks += [
        f'<text class="soft" x="{x(v):.1f}" y="{height - 6}" text-anchor="middle">{v:g}{escape(unit)}</text>'
        for v in sorted({0.0, round(low, 2), round(high, 2)})
        if v == 0 or abs(x(v) - x(0)) > 45
    ]
    return _figure(820, height, marks, caption)


def lines(
    series: Mapping[str, Sequence[float | None]], ticks: Sequence[str], caption: str = ""
) -> str:
    """Values over checkpoints, a line for each name; the gap between judged and true is shaded
    where exactly two are drawn."""
    values = [v for s in series.values() for v in s if v is not None]
    if not values or len(ticks) < 2:
        return ""
    low, high = min(values), max(values)
    span, left, right, top, bottom = (high - low) or 1.0, 60, 620, 20, 240
    xs = [left + i * (right - left) / (len(ticks) - 1) for i in range(len(ticks))]

    def y(v: float) -> float:
        return bottom - (v - low) / span * (bottom - top)

    marks, colours, taken = [], ("var(--a)", "var(--b)", "var(--soft)", "#3d9a5b"), list[float]()
    drawn = [
        [(x, y(v)) for x, v in zip(xs, s, strict=True) if v is not None] for s in series.values()
    ]
    if len(drawn) == 2 and all(len(d) == len(ticks) for d in drawn):
        ring = " ".join(f"{a:.1f},{b:.1f}" for a, b in [*drawn[0], *drawn[1][::-1]])
        marks.append(f'<polygon points="{ring}" fill="var(--b)" opacity="0.13"/>')
    for n, (name, points) in enumerate(zip(series, drawn, strict=True)):
        colour = colours[n % len(colours)]
        marks.append(
            f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}" fill="none" '
            f'stroke="{colour}" stroke-width="2.5"/>'
        )
        marks += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in points]
        if points:
            place = points[-1][1]
            while any(abs(place - t) < 15 for t in taken):
                place += 15
            taken.append(place)
            marks.append(
                f'<text x="{right + 12}" y="{place + 4:.1f}" style="fill:{colour}">{escape(name)}</text>'
            )
    marks += [
        f'<text class="soft" x="{x:.1f}" y="{bottom + 24}" text-anchor="middle">{escape(t)}</text>'
        for x, t in zip(xs, ticks, strict=True)
    ]
    marks += [
        f'<text class="soft" x="{left - 14}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.2f}</text>'
        for v in sorted({low, high})
    ]
    return _figure(820, bottom + 40, marks, caption)


def _figure(width: float, height: float, marks: Iterable[str], caption: str) -> str:
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{escape(caption)}">{"".join(marks)}</svg>{told}</figure>'
    )


def transcript(e: Episode, scores: Sequence[Mapping[str, float]] = (), shown: bool = False) -> str:
    """One conversation, to be opened: situation, private goals, turns, how it ended, scores."""
    s = e.task.scenario
    goals = "".join(
        f"<li><b>{escape(n)}</b> ({escape(m)}): {escape(visible(s.goals[i], ENVIRONMENT, agent(i)))}</li>"
        for i, (n, m) in enumerate(zip(e.task.names, e.models, strict=True))
    )
    turns = "".join(_turn(t, e.task.names) for t in e.turns)
    ending = f"{e.status}: {e.reason}" if e.reason else e.status
    points = f" · points {', '.join(f'{p:g}' for p in e.points)}" if e.points else ""
    rows = [{"agent": n, **row} for n, row in zip(e.task.names, scores, strict=False)]
    judged = table(Table.from_rows(rows)) if rows else ""
    title = " and ".join(e.task.names)
    return (
        f"<details{' open' if shown else ''}><summary>{escape(s.codename or s.id)} · {escape(title)} · "
        f"{len(e.turns)} "
        f"turns{escape(points)}</summary><div><p>{escape(visible(s.scenario, ENVIRONMENT))}</p>"
        f'<ul>{goals}</ul>{turns}<p class="soft">{escape(ending)}{escape(points)}</p>{judged}</div></details>'
    )


def _turn(t: Turn, names: Sequence[str]) -> str:
    a = t.action
    words = {SPEAK: a.argument, ACT: a.argument, NON_VERBAL: a.argument, LEAVE: "leaves"}.get(
        a.kind, "does nothing"
    )
    private = f" to {', '.join(a.to)} alone" if a.to else ""
    side = "ab"[t.agent % 2]
    kind = "" if a.kind == SPEAK else " act"
    return (
        f'<div class="turn {side}{kind}"><div><div class="who">{t.number + 1} · '
        f"{escape(names[t.agent])}{escape(private)}"
        f'</div><div class="said" dir="auto">{escape(words)}</div></div></div>'
    )
