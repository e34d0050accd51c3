"""Columns of a table as an SVG."""

import io
from collections.abc import Sequence
from typing import Any

from interleaf.errors import InvalidInput, did_you_mean
from interleaf.values import Table
from interleaf_pages.config import PlotConfig
from interleaf_pages.tables import shown

INK, GRID = "#20242a", "#c8ccd2"  # what dark pages repaint
COLORS = ("#1f6fb2", "#d1495b", "#3a8f5c", "#c2851b", "#7b5ea7", "#2a9d9d", "#8a6d5b", "#5b6b7f")
DASHES, MARKS = ("-", "--", ":"), ("o", "s", "^")
BESIDE = 6  # lines whose legend still fits among them
DARK = (
    "<style>@media (prefers-color-scheme: dark){"
    f'[style*="fill: {INK}"]{{fill:#dfe3e8!important}}'
    f'[style*="stroke: {INK}"]{{stroke:#dfe3e8!important}}'
    f'[style*="stroke: {GRID}"]{{stroke:#454b54!important}}'
    "}</style>"
)


def draw(table: Table, config: PlotConfig) -> bytes:
    """SVG bytes, equal for equal input; rows without numbers in both columns are left out."""
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    lines = _lines(table, config)
    style: Any = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "svg.hashsalt": "interleaf",
        # more lines than colours differ by dashes and marks
        "axes.prop_cycle": (cycler(linestyle=DASHES) + cycler(marker=MARKS)) * cycler(color=COLORS),
    }
    painted = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    style |= dict.fromkeys(painted, INK)
    with mpl.rc_context(style):
        many = bool(config.by) and len(lines) > BESIDE
        figure = Figure(figsize=(8.4 if many else 6.4, 3.8), layout="constrained")
        axes = figure.add_subplot()
        for name, xs, ys in lines:
            axes.plot(xs, ys, markersize=4, label=_plain(name))
        axes.set_xscale("log" if config.log_x else "linear")
        axes.set_yscale("log" if config.log_y else "linear")
        xs = sorted({x for _, xs, _ in lines for x in xs})
        if config.log_x and len(xs) <= 8:
            axes.set_xticks(xs, [shown(x) for x in xs])
            axes.xaxis.set_minor_locator(NullLocator())
        elif config.log_x:
            axes.xaxis.set_major_formatter(_plain_log())
            axes.xaxis.set_minor_formatter(_plain_log())
        axes.set_xlabel(_plain(config.x))
        axes.set_ylabel(_plain(config.y))
        axes.set_title(_plain(config.title))
        axes.grid(color=GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if many:
            figure.legend(title=_plain(config.by), frameon=False, loc="outside right upper")
        elif config.by:
            axes.legend(title=_plain(config.by), frameon=False)
        out = io.BytesIO()
        figure.savefig(
            out, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = out.getvalue().decode()
    return text.replace("<defs>", DARK + "<defs>", 1).encode()


def _plain_log() -> Any:
    """Labels where matplotlib puts them on a logarithmic axis, all of them as 300, not as a power."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    return Plain()


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # no mathtext: a label is what it says


def _lines(table: Table, config: PlotConfig) -> list[tuple[str, list[float], list[float]]]:
    """Name, x and y of every line, by rising x."""
    for name in filter(None, (config.x, config.y, config.by)):
        if name not in table.columns:
            raise InvalidInput(
                f"the table has no column '{name}'",
                hint=did_you_mean(name, map(str, table.columns)),
            )
    groups: dict[str, list[tuple[float, float]]] = {}
    for row in table.rows:
        x, y = row[config.x], row[config.y]
        if _drawable(x, config.log_x) and _drawable(y, config.log_y):
            groups.setdefault(str(row[config.by]) if config.by else "", []).append((x, y))
    if not groups:
        raise InvalidInput(
            f"no row has numbers in both '{config.x}' and '{config.y}'",
            hint="on a logarithmic axis they must be above 0",
        )
    return [(name, *_columns(sorted(points))) for name, points in groups.items()]


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _drawable(value: Any, logarithmic: bool) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < float("inf") and (value > 0 or not logarithmic)
