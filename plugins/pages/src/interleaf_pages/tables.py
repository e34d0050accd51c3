"""Tables as HTML, CSV and Markdown; reports as tables."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from interleaf.interfaces import Report
from interleaf.values import Table

ARROWS: Mapping[str, str] = {"up": "↑", "down": "↓", "none": ""}


def shown(cell: Any) -> str:
    """A cell for people: four significant digits, – for what is missing."""
    if cell is None:
        return "–"
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return str(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    if math.isinf(cell):
        return "∞" if cell > 0 else "−∞"
    return f"{cell:,.0f}" if 1e5 <= abs(cell) < 1e9 else f"{cell:.4g}"


def to_html(table: Table) -> str:
    """A `<table>`; numbers stand on the right."""
    heads = "".join(_head(name, column) for name, column in table.columns.items())
    rows = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in table.rows)
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    body = f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="scroll"><table>{caption}{body}</table></div>'


def _head(name: str, column: Sequence[Any]) -> str:
    number = any(isinstance(c, int | float) and not isinstance(c, bool) for c in column)
    kind = ' class="number"' if number else ""
    return f'<th scope="col"{kind}>{escape(str(name))}</th>'


def _cell(cell: Any) -> str:
    number = isinstance(cell, int | float) and not isinstance(cell, bool)
    exact = f' title="{escape(str(cell))}"' if isinstance(cell, float) else ""
    return (
        f'<td class="number"{exact}>{shown(cell)}</td>'
        if number
        else (f"<td>{escape(shown(cell))}</td>")
    )


def report_table(report: Report) -> Table:
    """A report's measures, one in a row; ↑ and ↓ say which way is better."""
    return Table.from_rows(
        [
            {
                "measure": f"{m.name} {ARROWS[m.direction]}".strip(),
                "group": m.group or "all",
                "value": m.value,
                "unit": m.unit,
                "n": m.n,
                "95 % interval": " to ".join(map(shown, m.interval)) if m.interval else "",
                "note": m.reason,
            }
            for m in report.measures
        ]
    )


def to_csv(table: Table) -> str:
    """RFC 4180; numbers in full, missing cells empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(row.values() for row in table.rows)
    return out.getvalue()


def to_markdown(table: Table) -> str:
    """A GitHub-flavoured table, with bars and line ends in cells escaped."""

    def line(cells: Any) -> str:
        return "| " + " | ".join(_markdown(c) for c in cells) + " |\n"

    rule = "|" + "---|" * len(table.columns) + "\n"
    body = "".join(line(map(shown, row.values())) for row in table.rows)
    return line(table.columns) + rule + body


def _markdown(cell: Any) -> str:
    text = str(cell).replace("\\", "\\\\").replace("|", "\\|")
    return escape(" ".join(text.split()), quote=False)
