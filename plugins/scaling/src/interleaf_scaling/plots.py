"""Plots of a fitted law as SVG, in the way the paper draws them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from interleaf_scaling.errorlaws import Floats
from interleaf_scaling.lawbook import error_law, loss_law
from interleaf_scaling.procedures import Chain
from interleaf_scaling.runs import BadRuns, Runs

INK, MUTED, RULE = "#333333", "#8a8a8a", "#d8d8d8"
STYLE: Any = {
    "font.size": 9, "axes.edgecolor": MUTED, "axes.labelcolor": INK, "xtick.color": MUTED,
    "ytick.color": MUTED, "axes.spines.top": False, "axes.spines.right": False,
    "svg.hashsalt": "interleaf", "svg.fonttype": "path", "axes.grid": True, "grid.color": RULE,
    "grid.linewidth": 0.5, "legend.frameon": False,
}  # fmt: skip


def draw(kind: str, chain: Chain, runs: Runs, title: str = "") -> bytes:
    """SVG of ``compute``, ``error``, ``contours``, ``residuals`` or ``bootstrap``.

    Equal inputs give equal bytes. Raises BadRuns for another kind, or without matplotlib.
    """
    if kind not in PLOTS:
        raise BadRuns(f"no plot '{kind}'", f"plots: {', '.join(PLOTS)}")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise BadRuns("plots need matplotlib", 'pip install "interleaf-scaling[plot]"') from None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        PLOTS[kind](figure, chain, runs)
        if title:
            figure.suptitle(title, fontsize=10, color=INK)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _colour(position: float) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](0.05 + 0.85 * position)


def _marks(axes: Any, x: Floats, y: Floats, seen: Any, colours: Any) -> None:
    """Fitted runs filled, others hollow."""
    for mask, face in ((seen, True), (~seen, False)):
        colour = [c for c, m in zip(colours, mask, strict=True) if m]
        axes.scatter(
            x[mask], y[mask], s=22, zorder=3, linewidths=1.1,
            facecolors=colour if face else "white", edgecolors=colour,
        )  # fmt: skip


def _seen(chain: Chain, runs: Runs) -> Any:
    return np.array([name in chain.used for name in runs.name])


def _compute(figure: Any, chain: Chain, runs: Runs) -> None:
    """Reducible loss against compute, a line for each token multiplier."""
    axes = figure.subplots()
    floor = chain.fit.params.get(loss_law(chain.fit.law).irreducible, 0.0)
    levels = _levels(runs.multiplier)
    place = np.array([int(np.argmin(np.abs(np.log(levels / m)))) for m in runs.multiplier])
    colours = [_colour(p / max(len(levels) - 1, 1)) for p in place]
    span = np.geomspace(runs.flops.min() / 2, runs.flops.max() * 3, 100)
    for i, m in enumerate(levels):
        n = np.sqrt(span / 6 / m)
        line = chain.loss(n, m * n) - floor
        axes.plot(span, line, lw=1, color=_colour(i / max(len(levels) - 1, 1)), label=f"M = {m:g}")
    above = runs.loss > floor
    _marks(
        axes, runs.flops[above], (runs.loss - floor)[above], _seen(chain, runs)[above],
        [c for c, a in zip(colours, above, strict=True) if a],
    )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlabel="compute C = 6 N D (FLOPs)",
        ylabel=f"loss − {floor:.3f}" if floor else "loss",
    )  # fmt: skip
    axes.legend(fontsize=7, ncols=2)
    below = int((~above).sum())
    _note(
        axes,
        "filled: fitted; hollow: not" + (f"; {below} runs below E are not shown" if below else ""),
    )


def _levels(multipliers: Floats, most: int = 8) -> Floats:
    """The multipliers that occur, to three digits; a geometric choice of them where they are many."""
    rounded = np.array(sorted({float(f"{m:.3g}") for m in multipliers}))
    if len(rounded) <= most:
        return rounded
    return np.array([float(f"{m:.2g}") for m in np.geomspace(rounded[0], rounded[-1], 6)])


def _error(figure: Any, chain: Chain, runs: Runs) -> None:
    """Downstream error against loss."""
    axes = figure.subplots()
    if chain.error_fit is None:
        raise BadRuns("no run has an error", "name the column: --column error=COLUMN")
    known = np.isfinite(runs.error)
    loss = np.linspace(0.97 * runs.loss[known].min(), 1.02 * runs.loss[known].max(), 200)
    law = error_law(chain.error_fit.law)
    axes.plot(loss, law.error(chain.error_fit.params, loss), color=INK, lw=1)
    sizes = np.log(runs.n[known])
    spread = np.ptp(sizes) or 1.0
    seen = np.array([name in chain.used_error for name in runs.name])[known]
    _marks(
        axes, runs.loss[known], runs.error[known], seen,
        [_colour((s - sizes.min()) / spread) for s in sizes],
    )  # fmt: skip
    axes.set(xlabel="validation loss", ylabel="mean downstream error")
    told = ", ".join(f"{k} = {v:.4g}" for k, v in chain.error_fit.params.items())
    _note(axes, f"{law.formula}: {told}; dark: small models")


def _contours(figure: Any, chain: Chain, runs: Runs) -> None:
    """Lines of equal loss over N and D, with the runs."""
    axes = figure.subplots()
    n = np.geomspace(runs.n.min() / 3, runs.n.max() * 5, 160)
    d = np.geomspace(runs.d.min() / 3, runs.d.max() * 5, 160)
    grid = chain.loss(*np.meshgrid(n, d))
    lines = axes.contour(n, d, grid, levels=14, cmap="viridis_r", linewidths=0.9)
    axes.clabel(lines, fontsize=7, fmt="%.2f")
    _marks(axes, runs.n, runs.d, _seen(chain, runs), [INK] * len(runs))
    axes.set(xscale="log", yscale="log", xlabel="parameters N", ylabel="tokens D")
    for m in (20, 640):
        axes.plot(n, m * n, lw=0.7, ls="--", color=MUTED, zorder=1)
        end = min(n[-1], d[-1] / m)
        axes.annotate(
            f"M = {m}", (end, m * end), (-4, -8), textcoords="offset points", fontsize=7, color=MUTED,
            ha="right",
        )  # fmt: skip
    axes.set(xlim=(n[0], n[-1]), ylim=(d[0], d[-1]))


def _residuals(figure: Any, chain: Chain, runs: Runs) -> None:
    """Relative error of the law against M, a colour for each size."""
    axes = figure.subplots()
    off = 100 * (chain.loss(runs.n, runs.d) / runs.loss - 1)
    sizes = sorted(set(runs.n.tolist()))
    for i, size in enumerate(sizes):
        mine = runs.n == size
        colour = _colour(i / max(len(sizes) - 1, 1))
        _marks(
            axes, runs.multiplier[mine], off[mine], _seen(chain, runs)[mine], [colour] * mine.sum()
        )
        if len(sizes) <= 10:
            axes.scatter([], [], color=colour, s=22, label=_size(size))
    axes.axhline(0, color=INK, lw=0.8)
    axes.set(xscale="log", xlabel="token multiplier M = D / N", ylabel="predicted − measured (%)")
    axes.legend(fontsize=7, title="N", title_fontsize=7)
    _note(axes, "filled: fitted; hollow: not")


def _size(n: float) -> str:
    return f"{n / 1e9:.2g}B" if n >= 1e9 else f"{n / 1e6:.3g}M"


def _bootstrap(figure: Any, chain: Chain, runs: Runs) -> None:
    """The parameters of every resampled fit, in pairs."""
    law = loss_law(chain.fit.law)
    rows = np.array([list(law.named(theta).values()) for theta in chain.draws.theta])
    count = len(law.params)
    grid = figure.subplots(count, count, squeeze=False)
    for i, down in enumerate(law.params):
        for j, across in enumerate(law.params):
            axes = grid[i][j]
            axes.grid(visible=False)
            axes.tick_params(labelsize=5)
            if j > i:
                axes.set_axis_off()
                continue
            if i == j:
                axes.hist(rows[:, j], bins=24, color=MUTED)
                axes.axvline(chain.fit.params[across], color=INK, lw=0.8)
                axes.set_yticks([])
            else:
                axes.scatter(
                    rows[:, j], rows[:, i], s=2, alpha=0.35, color=_colour(0.3), linewidths=0
                )
            if i == count - 1:
                axes.set_xlabel(across, fontsize=8)
            if j == 0 and i:
                axes.set_ylabel(down, fontsize=8)


def _note(axes: Any, text: str) -> None:
    axes.text(0.0, 1.01, text, transform=axes.transAxes, fontsize=7, color=MUTED, va="bottom")


PLOTS: dict[str, Callable[[Any, Chain, Runs], None]] = {
    "compute": _compute,
    "error": _error,
    "contours": _contours,
    "residuals": _residuals,
    "bootstrap": _bootstrap,
}
