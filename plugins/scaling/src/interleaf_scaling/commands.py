"""``interleaf scaling fit | predict | plan | compare | bootstrap | plot DATA.csv``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from interleaf.errors import InvalidInput
from interleaf_scaling.components import numbers, pairs, refused
from interleaf_scaling.intervals import draw, parameter_intervals, profile
from interleaf_scaling.lawbook import loss_law, loss_laws
from interleaf_scaling.planner import Need, alternatives, cheapest
from interleaf_scaling.planner import plan as best_plan
from interleaf_scaling.procedures import Chain, calibrate
from interleaf_scaling.reading import read_runs
from interleaf_scaling.report import fitted, interval, planned, predicted, targets
from interleaf_scaling.runs import Runs

Data = Annotated[Path, typer.Argument(help="CSV, Parquet, or a checkout of the paper's repository")]
Group = Annotated[str, typer.Option(help="the training set, where the table holds several")]
Procedure = Annotated[str, typer.Option(help="default, or paper")]
Law = Annotated[str, typer.Option(help="a loss law; by default the procedure chooses")]
ErrorLaw = Annotated[str, typer.Option(help="exp_decay, sigmoid or linear")]
Measure = Annotated[str, typer.Option("--loss", help="huber_log, mse_log, huber, mse or asym")]
Delta = Annotated[float, typer.Option(help="Huber threshold, in ln loss")]
Column = Annotated[list[str], typer.Option(help="FIELD=COLUMN: n d loss error group name weight")]
Scale = Annotated[list[str], typer.Option(help="FIELD=FACTOR, such as d=1e9 for billions")]
Below = Annotated[float, typer.Option("--max-flops", help="fit only runs up to this compute")]
Level = Annotated[float, typer.Option(help="of the intervals")]
Seed = Annotated[int, typer.Option(help="of the resampling")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def _read(data: Path, group: str, column: list[str], scale: list[str]) -> Runs:
    with refused():
        return read_runs(data, pairs(column, "column"), numbers(scale)).of_group(group)


def _chain(
    runs: Runs, procedure: str, law: str, error_law: str, loss: str, delta: float, seed: int = 0
) -> Chain:
    if procedure not in ("default", "paper"):
        raise InvalidInput(f"no procedure '{procedure}'", hint="default or paper")
    if loss not in ("", "huber_log", "mse_log", "huber", "mse", "asym"):
        raise InvalidInput(f"no loss '{loss}'", hint="huber_log, mse_log, huber, mse or asym")
    if not delta > 0:
        raise InvalidInput(f"a threshold of {delta:g} is not positive", hint="--delta 0.01")
    with refused():
        return calibrate(runs, procedure, law, error_law, loss, delta, seed)  # type: ignore[arg-type]


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise InvalidInput(f"a level of {level:g} is no part of 1", hint="--level 0.9")
    return level


def _print(found: Mapping[str, Any], as_json: bool, tell: Callable[[Any], None]) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False))
    else:
        tell(found)


def _kept(runs: Runs, most: float) -> Runs:
    """The runs up to a compute, or all; says how many are held out."""
    if not most:
        return runs
    kept, _ = runs.split(most)
    if not len(kept):
        raise InvalidInput(f"no run has at most {most:g} FLOPs", hint="raise --max-flops")
    return kept


def fit(
    data: Data,
    group: Group = "",
    procedure: Procedure = "default",
    law: Law = "",
    error_law: ErrorLaw = "exp_decay",
    loss: Measure = "",
    delta: Delta = 0.01,
    column: Column = [],  # noqa: B006
    scale: Scale = [],  # noqa: B006
    max_flops: Below = 0.0,
    level: Level = 0.9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit the laws; predict every run that was not fitted, and compare."""
    runs = _read(data, group, column, scale)
    chain = _chain(_kept(runs, max_flops), procedure, law, error_law, loss, delta, seed)
    found = {**fitted(chain), "targets": targets(chain, runs, _level(level))}
    _print(found, as_json, _tell_fit)


def predict(
    data: Data,
    params: Annotated[float, typer.Option(help="N, embeddings included")],
    tokens: Annotated[float, typer.Option(help="D")],
    group: Group = "",
    procedure: Procedure = "default",
    law: Law = "",
    error_law: ErrorLaw = "exp_decay",
    loss: Measure = "",
    delta: Delta = 0.01,
    column: Column = [],  # noqa: B006
    scale: Scale = [],  # noqa: B006
    max_flops: Below = 0.0,
    level: Level = 0.9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Predict loss and error of a model of N parameters trained on D tokens."""
    runs = _kept(_read(data, group, column, scale), max_flops)
    chain = _chain(runs, procedure, law, error_law, loss, delta, seed)
    with refused():
        found = chain.predict(params, tokens, _level(level))
    told = {**predicted(found), "form": chain.fit.law, "notes": list(chain.notes)}
    _print(told, as_json, _tell)


def plan(
    data: Data,
    flops: Annotated[float, typer.Option(help="the budget: training and inference together")] = 0.0,
    target_loss: Annotated[
        float, typer.Option(help="instead: the least FLOPs for this loss")
    ] = 0.0,
    inference_tokens: Annotated[float, typer.Option(help="tokens to be answered, 2 N each")] = 0.0,
    price: Annotated[float, typer.Option(help="of an inference FLOP, in training FLOPs")] = 1.0,
    max_tokens: Annotated[float, typer.Option(help="limit on D; 0: none")] = 0.0,
    max_multiplier: Annotated[float, typer.Option(help="limit on D / N; 0: none")] = 0.0,
    min_multiplier: Annotated[float, typer.Option(help="least D / N")] = 0.0,
    size: Annotated[list[float], typer.Option(help="allowed N, several times")] = [],  # noqa: B006
    group: Group = "",
    procedure: Procedure = "default",
    law: Law = "",
    error_law: ErrorLaw = "exp_decay",
    loss: Measure = "",
    delta: Delta = 0.01,
    column: Column = [],  # noqa: B006
    scale: Scale = [],  # noqa: B006
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The model of least loss for a budget, or of least cost for a loss."""
    if bool(flops) == bool(target_loss):
        raise InvalidInput("give a budget or a loss", hint="--flops 1e22, or --target-loss 2.5")
    chain = _chain(_read(data, group, column, scale), procedure, law, error_law, loss, delta, seed)
    with refused():
        need = Need(
            inference_tokens, price, max_tokens or np.inf, max_multiplier or np.inf, min_multiplier,
            tuple(size),
        )  # fmt: skip
        rule, found = loss_law(chain.fit.law), chain.fit.params
        best = (
            best_plan(rule, found, flops, need)
            if flops
            else cheapest(rule, found, target_loss, need)
        )
        told = planned(best, chain, alternatives(rule, found, best, need))
    _print({**told, "budget": "training + price x inference", "form": rule.name}, as_json, _tell)


def compare(
    data: Data,
    group: Group = "",
    law: Annotated[list[str], typer.Option(help="several times; by default all")] = [],  # noqa: B006
    loss: Measure = "huber_log",
    delta: Delta = 0.01,
    min_multiplier: Annotated[float, typer.Option(help="compare on rows with M from here")] = 20.0,
    column: Column = [],  # noqa: B006
    scale: Scale = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Compare laws: AICc, leave-one-out, and predicting the largest runs from smaller ones."""
    from interleaf_scaling.selection import compare as compared

    runs = _read(data, group, column, scale)
    runs = runs.where(runs.multiplier >= 0.99 * min_multiplier)
    if not len(runs):
        raise InvalidInput(f"no run has M >= {min_multiplier:g}", hint="lower --min-multiplier")
    with refused():
        rows = compared(runs, law or list(loss_laws()), loss, delta)  # type: ignore[arg-type]
    _print({"rows": len(runs), "laws": rows}, as_json, _tell_laws)


def bootstrap(
    data: Data,
    group: Group = "",
    law: Law = "",
    kind: Annotated[str, typer.Option(help="residual, pairs, cluster or jackknife")] = "residual",
    count: Annotated[int, typer.Option("-n", "--count", help="how many resamples")] = 1000,
    method: Annotated[str, typer.Option(help="percentile, bca or profile")] = "percentile",
    procedure: Procedure = "default",
    loss: Measure = "",
    delta: Delta = 0.01,
    column: Column = [],  # noqa: B006
    scale: Scale = [],  # noqa: B006
    level: Level = 0.9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Intervals of the loss law's parameters."""
    if kind not in ("residual", "pairs", "cluster", "jackknife") or count < 10:
        hint = "--kind residual | pairs | cluster | jackknife, --count 10 or more"
        raise InvalidInput(f"no bootstrap '{kind}' of {count}", hint=hint)
    if method not in ("percentile", "bca", "profile"):
        raise InvalidInput(f"no intervals by '{method}'", hint="percentile, bca or profile")
    runs = _read(data, group, column, scale)
    chain = _chain(runs, procedure, law, "exp_decay", loss, delta, seed)
    rule = loss_law(chain.fit.law)
    with refused():
        rows = runs.where([i for i, name in enumerate(runs.name) if name in set(chain.used)])
        if method == "profile":
            ends = {n: profile(rows, rule, chain.fit, n, _level(level)) for n in rule.params}
        else:
            draws = draw(rows, rule, chain.fit, kind, count, seed)  # type: ignore[arg-type]
            ends = parameter_intervals(rule, chain.fit, draws, _level(level), method)
    told = {
        "law": rule.name, "kind": "profile" if method == "profile" else kind, "rows": len(rows),
        "params": {name: interval(end) for name, end in ends.items()}, "level": level,
    }  # fmt: skip
    _print(told, as_json, _tell_intervals)


def plot(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="the SVG to write")],
    kind: Annotated[
        str, typer.Option(help="compute, error, contours, residuals or bootstrap")
    ] = "compute",
    group: Group = "",
    procedure: Procedure = "default",
    law: Law = "",
    error_law: ErrorLaw = "exp_decay",
    loss: Measure = "",
    delta: Delta = 0.01,
    column: Column = [],  # noqa: B006
    scale: Scale = [],  # noqa: B006
    max_flops: Below = 0.0,
    title: Annotated[str, typer.Option(help="above the plot")] = "",
) -> None:
    """Draw the fitted law with its runs."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_scaling.plots import draw as drawn

    runs = _read(data, group, column, scale)
    chain = _chain(_kept(runs, max_flops), procedure, law, error_law, loss, delta)
    with refused():
        svg = drawn(kind, chain, runs, title)
    write_atomic(out, svg)
    print(out)


def _tell_fit(found: Mapping[str, Any]) -> None:
    print(
        f"{found['law']}, {found['rows']} runs, rmse {100 * found['rmse_log_loss']:.2f} % of loss"
    )
    for name, value in found["params"].items():
        error = found["standard_errors"].get(name)
        print(f"  {name:6} {value:<12.6g}" + (f" ± {error:.2g}" if error else ""))
    rows = [t for t in found["targets"] if t["multiplier"] > 19.8]
    if rows:
        print(f"\n{'runs not fitted, M ≥ 20':34} loss  predicted  off       error  predicted  off")
    for t in rows:
        error = t.get("error")
        told = (
            f"   {error['actual']:.4f}  {error['predicted']:.4f}  {error['signed_error_percent']:+6.2f} %"
            if error
            else ""
        )
        print(
            f"  {t['run'][:30]:30} {t['loss']['actual']:7.4f}  {t['loss']['predicted']:7.4f} "
            f"{t['loss']['signed_error_percent']:+6.2f} %{told}"
        )
    _tell_words(found)


def _tell_words(found: Mapping[str, Any]) -> None:
    for word in found.get("warnings", ()):
        print(f"warning: {word}")
    for word in found.get("notes", ()):
        print(f"note: {word}")


def _tell(found: Mapping[str, Any]) -> None:
    """A prediction or a plan."""
    print(
        f"N = {found['n_params']:.4g} parameters, D = {found['tokens']:.4g} tokens "
        f"(M = {found['multiplier']:.3g}, training {found['flops']:.3g} FLOPs)"
    )
    for name in ("loss", "error"):
        if ends := found[name]:
            sure = f"  [{ends['low']:.4f}, {ends['high']:.4f}]" if ends["low"] is not None else ""
            print(f"  {name:6} {ends['value']:.4f}{sure}")
    if cost := found.get("cost"):
        print(f"  cost   {cost['training']:.3g} training + {cost['inference']:.3g} inference FLOPs")
    for other in found.get("alternatives", ()):
        print(
            f"  or N × {other['size_factor']:<4g} = {other['n_params']:.3g}: "
            f"D × {other['tokens_factor']:.2f}, "
            f"training {other['extra_training_percent']:+.0f} %, in all {other['extra_total_percent']:+.0f} %"
        )
    _tell_words(found)


def _tell_laws(found: Mapping[str, Any]) -> None:
    print(
        f"{'law':20} {'P':>2} {'rmse %':>7} {'AICc':>8} {'leave one out %':>16} {'largest runs %':>15}"
    )
    for row in found["laws"]:
        if "reason" in row:
            print(f"{row['law']:20} {row['reason']}")
            continue
        ahead = f"{100 * row['error']:.2f}" if row["error"] is not None else "too few"
        print(
            f"{row['law']:20} {row['parameters']:>2} {100 * row['rmse']:7.2f} {row['aicc']:8.1f} "
            f"{100 * row['leave_one_out']:16.2f} {ahead:>15}"
        )


def _tell_intervals(found: Mapping[str, Any]) -> None:
    print(
        f"{found['law']}, {found['rows']} runs, {100 * found['level']:.0f} % intervals ({found['kind']})"
    )
    for name, ends in found["params"].items():
        told = [f"{v:.5g}" if v is not None else "unbounded" for v in ends.values()]
        print(f"  {name:6} {told[0]:<10} [{told[1]}, {told[2]}]")
