"""An assessment for readers: one list of blocks, written as Markdown or as one HTML file.

Equal input gives equal bytes. Text of the assessment is shown as text, whatever it holds.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from interleaf_openrisk.completeness import STEPS, independent, scores
from interleaf_openrisk.gate import Decision, decide, values
from interleaf_openrisk.mapping import Mapped
from interleaf_openrisk.measured import headline
from interleaf_openrisk.reading import Read
from interleaf_openrisk.schema import Defense, Vector

LIMITS = (
    "It does not weigh benefits against risks.",
    "It leaves out what is lost by not releasing.",
    "It cannot see unknown unknowns.",
    "It does not coordinate the actors involved.",
)
BEGIN, END = b"<!-- interleaf openrisk: begin -->", b"<!-- interleaf openrisk: end -->"
MARKS = {"full": "● full", "partial": "◐ partial", "absent": "○ absent"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~&$]|^[#+-])")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color:#1c1c22;background:#fff}h1{font-size:1.6rem}h2{margin-top:2.2rem;border-bottom:1px "
    "solid #ccc}table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.35rem "
    ".6rem;border-bottom:1px solid #ddd;vertical-align:top}"
    ".day{white-space:nowrap}caption{text-align:left;color:#555;padding:.3rem 0}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#17171c}h2{border-color:#444}th,td{border-"
    "color:#333}caption{color:#aaa}}"
)


@dataclass(frozen=True)
class Block:
    """A heading (``level``), a list, a table (first row its head), or a paragraph."""

    kind: str
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def blocks(read: Read, today: date, mapped: tuple[Mapped, ...] = ()) -> list[Block]:
    """Everything a reader of the assessment needs, the limits first."""
    a = read.assessment
    decision = decide(read, today)
    found = [
        Block("heading", f"Marginal risk of {a.model.name} {a.model.version}", 1),
        Block("paragraph", f"Decided for {today.isoformat()}: {decision.outcome}."),
        *_reasons(decision),
        Block("paragraph", "What this assessment cannot do, and nothing here shows that the model is safe:"),
        Block("list", rows=tuple((limit,) for limit in LIMITS)),
        Block("heading", "Release", 2),
        Block(
            "table",
            rows=(
                ("", ""),
                ("licence", a.model.license),
                ("modality", a.model.modality),
                ("release", f"{a.model.release.kind}, {a.model.release.date.isoformat()}"),
                ("weights, code, data, checkpoints", ", ".join(
                    (a.assets.weights, a.assets.code, a.assets.data, a.assets.checkpoints))),
            ),
        ),
        Block("heading", "Who is responsible for what", 2),
        Block(
            "table",
            rows=(("practice", "carried out by", "evidence"), *(
                (p.practice, p.implemented_by, ", ".join(p.evidence)) for p in a.responsibility_split)),
        ),
    ]  # fmt: skip
    properties = [
        (name.replace("_", " "), "yes" if p.applies else "no", p.note)
        for name, p in a.properties.items()
    ]
    found += [
        Block("heading", "What openness means here", 2),
        _listed("", ("property of open models", "applies", "note"), properties),
    ]
    if a.benefits:
        benefits = [(b.id, b.claim, ", ".join(b.evidence), b.caveat) for b in a.benefits]
        head = ("benefit", "claim", "evidence", "caveat")
        found += [Block("heading", "Benefits", 2), _listed("", head, benefits)]
    for vector in a.vectors:
        found += _vector(read, vector, today)
    if mapped:
        entries = [(m.vector.replace("_", " "), m.framework, m.id, m.title) for m in mapped]
        head = ("vector", "framework", "id", "title")
        found += [Block("heading", "In other catalogues", 2), _listed("", head, entries)]
    count, own = independent(a, read.missing)
    pieces = [("id", "kind", "where", "accessed", "independent", "summary")]
    for name, e in a.evidence.items():
        where = (e.uri or e.path or "") + (" (not there)" if name in read.missing else "")
        own_work = "yes" if e.independent else "no"
        pieces.append((name, e.kind, where, e.accessed.isoformat(), own_work, e.summary))
    return [
        *found,
        Block("heading", "Evidence", 2),
        Block("table", f"{count} in all, {own} independent", rows=tuple(pieces)),
        *_of_the_run(read),
    ]


def _of_the_run(read: Read) -> list[Block]:
    """What a pipeline measured, and the files of the model it made."""
    blocks = []
    if read.reports:
        rows = [
            (label, f"{m.name}/{m.group}" if m.group else m.name,
             "not known: " + m.reason if m.value is None else f"{m.value:.5g}",
             " to ".join(f"{end:.5g}" for end in m.interval) if m.interval else "", str(m.n))
            for label, m in headline(read.reports)
        ]  # fmt: skip
        head = ("step", "measure", "value", "95 % interval", "n")
        blocks += [Block("heading", "Measured in this run", 2), _listed("", head, rows)]
        blocks += [
            Block("list", rows=tuple((e.claim,) for e in i.value.evidence))
            for i in read.reports
            if i.value.evidence
        ]
        verdicts = [(i.label, i.value.verdict) for i in read.reports if i.value.verdict]
        blocks += [
            Block("paragraph", f"{label}: {v.outcome}. {' '.join(v.reasons)}")
            for label, v in verdicts
        ]
    if read.made:
        files = [(w.path, w.sha256) for w in read.made]
        blocks += [
            Block("heading", "Weights of this run", 2),
            _listed("", ("file", "sha256"), files),
        ]
    return blocks


def _reasons(decision: Decision) -> list[Block]:
    if not decision.reasons:
        return []
    return [Block("list", rows=tuple((reason,) for reason in decision.reasons))]


def _vector(read: Read, vector: Vector, today: date) -> list[Block]:
    heading = Block("heading", vector.id.replace("_", " "), 2)
    if vector.applicability == "not_applicable":
        return [heading, Block("paragraph", f"Not applicable: {vector.reason}")]
    score = scores(read.assessment, read.missing)[vector.id]
    known = values(read, vector, today)
    steps = [("step", "level", "wanted, or why the reviewer changed it")]
    reasons = {o.step: o.reason for o in vector.overrides}
    for i, (step, level, wanted) in enumerate(
        zip(STEPS, score.levels, score.wanted, strict=True), 1
    ):
        changed = "raised" if i in score.raised else "lowered" if i in score.lowered else ""
        by = f" ({changed} by the reviewer)" if changed else ""
        steps.append((step.replace("_", " "), MARKS[level] + by, reasons[i] if by else wanted))
    low, high = known["uplift.lower95"], known["uplift.upper95"]
    told = "not known: the open model was not measured against both references"
    if isinstance(low, float) and isinstance(high, float):
        told = f"at least {low:+.3f} and at most {high:+.3f} over both references (95 %)"
    judged = vector.judgement
    found = [
        heading,
        Block("paragraph", vector.threat.description),
        Block("table", rows=tuple(steps)),
    ]
    found += _without_open_models(vector)
    found.append(Block("paragraph", f"Measured uplift: {told}."))
    found.append(Block("paragraph", vector.marginal.statement))
    if vector.defense_response:
        responses = [
            (r.name, r.owner, r.cost, _number(r.lead_time_days), r.measured_effect or "")
            for r in vector.defense_response
        ]
        whom = ("defence that could adapt", "who", "cost", "days", "measured by")
        found.append(_listed("How defences could adapt", whom, responses))
    if vector.assumptions:
        assumptions = [
            (
                x.text,
                x.sensitivity,
                x.would_change_if,
                x.review_by.isoformat() if x.review_by else "",
            )
            for x in vector.assumptions
        ]
        head = ("assumption", "sensitivity", "would change if", "review by")
        found.append(_listed("What the conclusion rests on", head, assumptions))
    if judged:
        text = f"Judged {judged.level} by {judged.reviewer} on {judged.date.isoformat()}: {judged.rationale}"
        found.append(Block("paragraph", f"{text} (conflicts of interest: {judged.conflicts})"))
    return [b for b in found if b.text or b.rows]


def _without_open_models(vector: Vector) -> list[Block]:
    """Existing risk and existing defences: steps 2 and 3."""
    risk = vector.existing_risk
    found = [Block("paragraph", risk.statement)]
    if risk.figures:
        figures = [
            (_number(f.value), f.unit, _ends(f.low, f.high), f.period, f.source)
            for f in risk.figures
        ]
        head = ("figure", "unit", "low to high", "period", "source")
        found.append(_listed("The harm without open models", head, figures))
    if vector.existing_defenses:
        defenses = [(d.name, d.kind, *_efficacy(d), d.gap) for d in vector.existing_defenses]
        head = ("defence", "kind", "efficacy", "source", "gap")
        found.append(_listed("Defences without open models", head, defenses))
    return found


def _efficacy(defense: Defense) -> tuple[str, str]:
    e = defense.efficacy
    return (f"{e.estimate:g} ({_ends(e.low, e.high)})", e.source) if e else ("not measured", "")


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None and high is None else f"{_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.10g}"


def _listed(text: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Block:
    return Block("table", text, rows=(head, *rows))


def plain(text: str) -> str:
    """One line; characters that steer the direction or hide text are shown as their names."""
    return "".join(
        f"‹{unicodedata.name(c, hex(ord(c))).lower()}›"
        if unicodedata.category(c) in ("Cf", "Cc", "Co", "Cs") and c not in "\n\t\r"
        else " "
        if c in "\n\t\r"
        else c
        for c in text
    ).strip()


def to_markdown(found: list[Block]) -> str:
    """GitHub-flavoured Markdown; every mark of the text is escaped."""
    parts = []
    for block in found:
        text = _escaped(block.text)
        if block.kind == "heading":
            parts.append(f"{'#' * block.level} {text}")
        elif block.kind == "list":
            parts.append("\n".join(f"- {_escaped(row[0])}" for row in block.rows))
        elif block.kind == "table":
            head, *rows = [[_escaped(cell) for cell in row] for row in block.rows]
            lines = [head, ["---"] * len(head), *rows]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            parts.append(f"{text}\n\n{table}" if text else table)
        else:
            parts.append(text)
    return "\n\n".join(parts) + "\n"


def into_card(card: bytes, found: list[Block]) -> bytes:
    """A model card with the assessment as its one marked section; all other bytes stay as they are.

    The section is put at the end of a card that has none. Raises ValueError for a card with half a
    section or several.
    """
    marks = [card.count(BEGIN), card.count(END)]
    if marks not in ([0, 0], [1, 1]) or (marks[0] and card.index(BEGIN) > card.index(END)):
        raise ValueError(f"{marks[0]} beginnings and {marks[1]} ends of the section")
    lower = [Block(b.kind, b.text, b.level + 1 if b.level else 0, b.rows) for b in found]
    section = BEGIN + b"\n" + to_markdown(lower).encode() + END
    if not marks[0]:
        gap = b"" if not card else b"\n" if card.endswith(b"\n") else b"\n\n"
        return card + gap + section + b"\n"
    before, _, rest = card.partition(BEGIN)
    return before + section + rest.partition(END)[2]


def _escaped(text: str) -> str:
    return _NUMBERED.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", plain(text)))


def to_html(found: list[Block]) -> str:
    """One file without scripts or remote parts; headings, table heads and captions are marked as such."""
    body = []
    for block in found:
        text = html.escape(plain(block.text))
        if block.kind == "heading":
            body.append(f"<h{block.level}>{text}</h{block.level}>")
        elif block.kind == "list":
            items = "".join(f"<li>{html.escape(plain(row[0]))}</li>" for row in block.rows)
            body.append(f"<ul>{items}</ul>")
        elif block.kind == "table":
            body.append(_table(block, text))
        else:
            body.append(f"<p>{text}</p>")
    title = html.escape(plain(found[0].text))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _cell(text: str) -> str:
    return f'<td class="day">{text}</td>' if _DAY.fullmatch(text) else f"<td>{text}</td>"


def _table(block: Block, caption: str) -> str:
    head, *rows = [[html.escape(plain(cell)) for cell in row] for row in block.rows]
    top = f"<caption>{caption}</caption>" if caption else ""
    if any(head):
        top += "<thead><tr>" + "".join(f'<th scope="col">{c}</th>' for c in head) + "</tr></thead>"
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(map(_cell, row[1:])) + "</tr>"
        for row in rows
    )
    return f"<table>{top}<tbody>{lines}</tbody></table>"
