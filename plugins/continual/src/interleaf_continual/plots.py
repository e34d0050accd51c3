"""Pictures of schedules, of losses over steps, and of what replay saves and costs; as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput, PluginMissing

INK, MUTED, RULE = "#333333", "#8a8a8a", "#d8d8d8"
COLOURS = ("#1f6fb2", "#d1495b", "#3a8f5c", "#c2851b", "#7b5ea7", "#2a9d9d", "#8a6d5b", "#5b6b7f")
STYLE: Any = {
    "font.size": 9, "axes.edgecolor": MUTED, "axes.labelcolor": INK, "xtick.color": MUTED,
    "ytick.color": MUTED, "axes.spines.top": False, "axes.spines.right": False,
    "svg.hashsalt": "interleaf", "svg.fonttype": "path", "axes.grid": True, "grid.color": RULE,
    "grid.linewidth": 0.5, "legend.frameon": False, "axes.titlesize": 9, "text.color": INK,
}  # fmt: skip


@contextmanager
def drawing(width: float, height: float) -> Any:
    """A figure in our style, and what to write it with."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise PluginMissing(
            "plots need matplotlib", hint='pip install "interleaf-continual[plot]"'
        ) from None
    with matplotlib.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def written(figure: Any, title: str) -> bytes:
    """The SVG; equal for equal figures."""
    if title:
        figure.suptitle(plain(title), fontsize=10)
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def plain(text: str) -> str:
    """A label is what it says: no mathematics in it."""
    return text.replace("$", r"\$")


def schedules(rows: Mapping[str, Any], steps: int, title: str = "") -> bytes:
    """A small picture for each schedule, all with the same axis of rates."""
    if not rows:
        raise InvalidInput("there are no schedules to draw", hint="needs: {schedules: [a, b]}")
    across = min(4, len(rows))
    down = -(-len(rows) // across)
    with drawing(2.3 * across, 1.7 * down + 0.3) as figure:
        grid = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axes, (name, schedule) in zip(grid, rows.items(), strict=False):
            domain = schedule.domain
            xs = np.linspace(domain.start, domain.stop or domain.start + steps, 601)
            for k, (of, ys) in enumerate(schedule.table(xs).items()):
                axes.plot(xs, ys, color=COLOURS[k % len(COLOURS)], lw=1.4, label=plain(of))
            axes.set_title(plain(name) + ("" if domain.stop else " →"))
            axes.set_xlim(xs[0], xs[-1])
            axes.set_ylim(bottom=0)
        for axes in grid[len(rows) :]:
            axes.set_visible(False)
        figure.supxlabel("step", fontsize=9)
        figure.supylabel("learning rate", fontsize=9)
        return written(figure, title)


Line = tuple[str, Sequence[float], np.ndarray[Any, Any]]  # name, steps, values seed × step


def curves(panels: Mapping[str, Sequence[Line]], title: str = "") -> bytes:
    """Losses over steps, a panel for each domain, a line for each lane; bands span the seeds."""
    if not any(panels.values()):
        raise InvalidInput(
            "no log has a held-out loss over steps", hint="with: {validate_every: 50}"
        )
    with drawing(4.2 * len(panels), 3.4) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (domain, lines) in zip(grid, panels.items(), strict=True):
            for k, (name, steps, values) in enumerate(lines):
                colour = COLOURS[k % len(COLOURS)]
                axes.plot(steps, values.mean(0), color=colour, lw=1.4, label=plain(name))
                if len(values) > 1:
                    axes.fill_between(
                        steps, values.min(0), values.max(0), color=colour, alpha=0.18, lw=0
                    )
            axes.set_title(plain(domain))
            axes.set_xlabel("step")
        grid[0].set_ylabel("held-out loss, nats per token")
        grid[-1].legend(fontsize=8)
        return written(figure, title)


def tradeoff(lanes: Sequence[Mapping[str, Any]], unit: str, title: str = "") -> bytes:
    """What is forgotten and what is learnt in each lane, with intervals."""
    if not lanes:
        raise InvalidInput("there are no reports to draw", hint="needs: {reports: loss}")
    with drawing(7.2, 0.42 * len(lanes) + 1.3) as figure:
        grid = figure.subplots(1, 2, sharey=True)
        for axes, name in zip(grid, ("forgetting", "adaptation"), strict=True):
            for k, lane in enumerate(lanes):
                value, ends = lane[name]
                if value is None:
                    continue
                if ends:
                    axes.plot(ends, (k, k), color=COLOURS[0], lw=2, alpha=0.5)
                axes.plot([value], [k], "o", color=COLOURS[0], ms=5)
                axes.annotate(f"{value:.2f}", (value, k), (0, 6), textcoords="offset points",
                              ha="center", fontsize=8)  # fmt: skip
            axes.set_xlabel(
                f"{name}, {unit} ({'lower' if name == 'forgetting' else 'higher'} is better)"
            )
            axes.margins(x=0.12)
        grid[0].set_yticks(range(len(lanes)), [plain(lane["name"]) for lane in lanes])
        grid[0].set_ylim(len(lanes) - 0.5, -0.7)
        return written(figure, title)
