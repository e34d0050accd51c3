"""The plugin's parts as Dataset, Model, Evaluator, Renderer and Schedule."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import (
    Context,
    Dataset,
    Domain,
    Evaluator,
    Evidence,
    Fitted,
    Measure,
    Model,
    ModelHandle,
    Renderer,
    Report,
    Schedule,
)
from interleaf.interfaces.component import NoConfig
from interleaf.values import Artifact, Item, Table
from interleaf_scaling import plots
from interleaf_scaling.config import (
    LadderConfig,
    LawConfig,
    MeasuredConfig,
    PlanConfig,
    PlotConfig,
    RunsConfig,
)
from interleaf_scaling.lawbook import loss_law
from interleaf_scaling.planner import Need, alternatives, plan
from interleaf_scaling.procedures import Chain, calibrate
from interleaf_scaling.reading import read_runs
from interleaf_scaling.report import fitted, planned, targets
from interleaf_scaling.runs import KNOWN, BadRuns, Runs, read_columns


@contextmanager
def refused() -> Iterator[None]:
    """Wrong rows, laws and budgets as the framework's InvalidInput."""
    try:
        yield
    except BadRuns as error:
        raise InvalidInput(error.message, hint=error.hint) from error


def pairs(words: tuple[str, ...] | list[str], what: str) -> dict[str, str]:
    """``field=value`` words; InvalidInput for anything else."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name in KNOWN and value):
            raise InvalidInput(
                f"'{word}' is no {what}", hint=f"field=VALUE, fields: {', '.join(KNOWN)}"
            )
        found[name] = value
    return found


def numbers(words: tuple[str, ...] | list[str]) -> dict[str, float]:
    """``field=factor`` words as numbers."""
    found = {}
    for name, value in pairs(words, "scale").items():
        try:
            found[name] = float(value)
        except ValueError:
            raise InvalidInput(f"'{value}' is no factor", hint=f"such as {name}=1e9") from None
    return found


def as_table(runs: Runs) -> Table:
    """The rows as a table with the columns that are recognised again."""
    columns: dict[str, list[Any]] = {
        "run": list(runs.name),
        "train_set": list(runs.group),
        "n_params": runs.n.tolist(),
        "tokens": runs.d.tolist(),
        "loss": runs.loss.tolist(),
        "error": [v if np.isfinite(v) else None for v in runs.error.tolist()],
        "weight": runs.weight.tolist(),
    }
    return Table(columns)


def as_runs(table: Table) -> Runs:
    """The rows of a table of any plugin; one training set."""
    with refused():
        return read_columns(table.columns, source="the table", first_row=1).of_group("")


class RunTable(Dataset):
    """Trained models from a file: one table for each training set, named by it."""

    Config = RunsConfig

    def _groups(self) -> dict[str, Runs]:
        c = self.config
        with refused():
            runs = read_runs(c.path, pairs(c.columns, "column"), numbers(c.scales))
            chosen = [runs.of_group(c.group)] if c.group else []
            if not chosen:
                chosen = [runs.of_group(g) for g in dict.fromkeys(runs.group)]
        return {(r.group[0] or "runs"): r for r in chosen}

    def __len__(self) -> int:
        return len(self._groups())

    def __iter__(self) -> Iterator[Table]:
        return (as_table(runs) for runs in self._groups().values())

    def ids(self) -> Iterator[str]:
        """The training sets."""
        return iter(self._groups())

    def fingerprint(self) -> str:
        """Of names and numbers, not of the file they stand in."""
        told = [[r.digest, *r.name, *r.group] for r in self._groups().values()]
        return blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        file = str(Path(__file__).with_name("example.csv"))
        return {"configs": [RunsConfig(path=file), RunsConfig(path=file, group="A")]}


class Measured(Model):
    """Runs from what a pipeline measured of them: a row for each place of a fan-out."""

    Config = MeasuredConfig

    def apply(self, reports: Sequence[Item]) -> Table:
        """A table that ``scaling.law`` reads. Reports with equal coordinates are of one run and must hold,
        together, ``n_params``, ``tokens`` and the configured ``loss`` once each; InvalidInput names
        the run that lacks one.
        """
        c: MeasuredConfig = self.config
        wanted = {"n_params": "n_params", "tokens": "tokens", "loss": c.loss}
        wanted |= {"error": c.error} if c.error else {}
        runs: dict[str, dict[str, float]] = {}
        for item in reports:
            name = ", ".join(f"{k}={v}" for k, v in sorted(item.coords.items())) or c.name
            found = runs.setdefault(name, {})
            for column, measure in wanted.items():
                for value in _values(item.value, measure):
                    if column in found:
                        raise InvalidInput(f"the run '{name}' has two measures '{measure}'")
                    found[column] = value
        for name, row in runs.items():
            lacks = next((m for column, m in wanted.items() if column not in row), None)
            if lacks is not None:
                raise InvalidInput(
                    f"no report of the run '{name}' holds a measure '{lacks}'",
                    hint="needs: {reports: [size, loss]} with training.size and an evaluator of loss",
                )
        columns = {k: [row[k] for row in runs.values()] for k in wanted}
        return Table({"run": list(runs), **columns})

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        items = []
        for n in (1e6, 2e6):
            at = {"n": n}
            size = (Measure(name="n_params", value=n), Measure(name="tokens", value=20 * n))
            loss = (Measure(name="loss", value=3.0, group="held"),)
            items += [Item(Report(size), "size", "", at), Item(Report(loss), "loss", "", at)]
        return {
            "configs": [MeasuredConfig(loss="loss/held")],
            "calls": {"apply": [{"reports": items}]},
        }


def _values(report: Report, measure: str) -> list[float]:
    """Of a measure over all, or of one group as ``name/group``."""
    name, _, group = measure.partition("/")
    return [
        m.value
        for m in report.measures
        if (m.name, m.group) == (name, group) and m.value is not None
    ]


class ScalingLaw(Model):
    """Loss and error of a model of N parameters trained on D tokens, learnt from smaller ones."""

    Config = LawConfig

    def __init__(self, config: LawConfig | None = None) -> None:
        super().__init__(config)
        self.runs: Runs | None = None
        self._chain: Chain | None = None

    def fit(self, runs: Table, ctx: Context | None = None) -> Fitted:
        """The fitted law, and every run that was not fitted with its prediction.

        ``runs`` has columns for N, D, loss and, if measured, error; InvalidInput for rows that are
        wrong or too few. The measurements themselves are what is saved: the fit takes milliseconds.
        """
        model = type(self)(self.config)
        model.runs = as_runs(runs)
        return Fitted(
            model, Table.from_rows(rows_of(targets(model.chain, model.runs, self.config.level)))
        )

    @property
    def chain(self) -> Chain:
        """Both laws; InvalidInput for a model that has seen no runs."""
        if self.runs is None:
            raise InvalidInput("this law has not been fitted", hint="make a step with call: fit")
        if self._chain is None:
            c = self.config
            with refused():
                self._chain = calibrate(
                    self.runs, c.procedure, c.law, c.error_law, c.loss, c.delta, draws=c.draws
                )
        return self._chain

    def apply(self, models: Table) -> Table:
        """Predictions for a table with columns ``n_params`` and ``tokens``, interval ends included."""
        missing = {"n_params", "tokens"} - set(models.columns)
        if missing:
            raise InvalidInput(
                f"the table of models has no column '{min(missing)}'", hint="n_params and tokens"
            )
        rows = []
        for number, row in enumerate(models.rows, 1):
            try:
                n, d = float(row["n_params"]), float(row["tokens"])
            except (TypeError, ValueError):
                raise InvalidInput(f"row {number} holds no numbers", hint="correct it") from None
            with refused():
                found = self.chain.predict(n, d, self.config.level)
            told: dict[str, Any] = {"n_params": n, "tokens": d}
            for name, value in (("loss", found.loss), ("error", found.error)):
                told[name] = value and value.value
                told[f"{name}_low"] = value and value.low
                told[f"{name}_high"] = value and value.high
            rows.append({**told, "warnings": "; ".join(found.warnings)})
        return Table.from_rows(rows)

    def save(self, folder: Path) -> None:
        """The runs as ``runs.json``, and the fitted law for readers as ``law.json``."""
        if self.runs is None:
            raise InvalidInput("this law has not been fitted", hint="make a step with call: fit")
        table = as_table(self.runs)
        (folder / "runs.json").write_text(json.dumps(dict(table.columns)), encoding="utf-8")
        (folder / "law.json").write_text(json.dumps(fitted(self.chain), indent=1), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """What :meth:`save` wrote; CorruptData when a part is missing, changed or too many."""
        names = {f.name for f in folder.iterdir()}
        if names != {"runs.json", "law.json"}:
            raise CorruptData(
                f"{folder} holds {sorted(names)}", hint="expected runs.json, law.json"
            )
        try:
            columns = json.loads((folder / "runs.json").read_bytes())
            known = json.loads((folder / "law.json").read_bytes())["data"]
            runs = as_runs(Table(columns))
        except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
            raise CorruptData(f"{folder} is no fitted law: {error}", hint="fit again") from None
        self.runs, self._chain = runs, None
        with refused():
            if known != self.chain.fit.data:
                raise CorruptData(f"{folder}: law.json is of other runs", hint="fit again")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        table = example_table()
        models = Table({"n_params": [1.4e9, 7e9], "tokens": [2.8e10, 1.4e11]})
        configs = [
            LawConfig(draws=50),
            LawConfig(law="chinchilla", loss="mse_log", draws=40, level=0.8),
        ]
        fitting = {"fit": [{"runs": table}]}
        return {"configs": configs, "calls": {**fitting, "apply": [{"models": models}]}}


def example_table(noise: float = 0.004) -> Table:
    """Runs of a made-up law, with a little noise: for trying things out."""
    rng = np.random.default_rng(8)
    law = {"a": 150.0, "b": 300.0, "eta": -0.27, "E": 1.8}
    n, m = (g.ravel() for g in np.meshgrid([1e7, 5e7, 2e8, 5e8], [10, 20, 80, 320]))
    loss = loss_law("overtrained").loss(law, n, m * n) * np.exp(rng.normal(0, noise, n.size))
    error = 0.86 - 2.2 * np.exp(-0.71 * loss)
    names = [f"{a:.0e}-{b:g}" for a, b in zip(n, m, strict=True)]
    columns = {"run": names, "n_params": n.tolist(), "tokens": (m * n).tolist()}
    return Table({**columns, "loss": loss.tolist(), "error": error.tolist()})


def rows_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Targets as flat rows."""
    rows = []
    for target in found:
        row = {k: target[k] for k in ("run", "n_params", "tokens", "multiplier")}
        for name in ("loss", "error"):
            for key in ("actual", "predicted", "low", "high", "relative_error_percent"):
                row[f"{name} {key.removesuffix('_percent')}"] = target.get(name, {}).get(key)
        rows.append(row)
    return rows


def live(law: ModelHandle | ScalingLaw, ctx: Context | None = None) -> ScalingLaw:
    """The law itself, from a step or given directly; InvalidInput for another model."""
    found = law.load(ctx) if isinstance(law, ModelHandle) else law
    if not isinstance(found, ScalingLaw):
        raise InvalidInput(f"{type(found).__name__} is no scaling law", hint="use scaling.law")
    return found


class HoldoutError(Evaluator):
    """How far predictions are from runs that were not fitted."""

    def evaluate(self, law: ModelHandle | ScalingLaw, runs: Table) -> Report:
        """Relative errors in percent: the mean over runs with M >= 20, and each run as a group.

        Groups are runs with more parameters than any that was fitted, whose errors the paper
        reports, with the loss measured and predicted (``interval`` for laws of level 0.95), and whether
        the measured one lies inside; the evidence says so in words. ``coverage`` is the part of
        measurements inside their intervals. A measure without such a run is None, with the reason.
        """
        model = live(law)
        found = targets(model.chain, as_runs(runs), model.config.level)
        trained = [t for t in found if t["multiplier"] > 19.8]
        measures = []
        for name in ("loss", "error"):
            known = [t[name] for t in trained if name in t]
            mean = float(np.mean([t["relative_error_percent"] for t in known])) if known else None
            reason = (
                ""
                if known
                else f"no run with M >= 20 and a measured {name} was left out of the fit"
            )
            measures.append(
                Measure(
                    name=f"{name}_relative_error", value=mean, reason=reason, unit="%",
                    direction="down", n=max(len(known), 1),
                )
            )  # fmt: skip
            measures += [
                Measure(
                    name=f"{name}_relative_error", value=t[name]["relative_error_percent"], unit="%",
                    direction="down", group=t["run"],
                )
                for t in found
                if t["extrapolated"] and name in t
            ]  # fmt: skip
        far = [t for t in found if t["extrapolated"]]
        measures += [m for t in far for m in _losses(t, model.config.level)]
        inside = [t["loss"]["inside"] for t in trained if t["loss"]["inside"] is not None]
        measures.append(
            Measure(
                name="coverage", value=float(np.mean(inside)) if inside else None,
                reason="" if inside else "no run with an interval was left out of the fit",
            )
        )  # fmt: skip
        return Report(tuple(measures), evidence=tuple(_told(t, model.config.level) for t in far))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        table = example_table()
        law = ScalingLaw(LawConfig(draws=40)).fit(first_rows(table, 12)).model
        return {"configs": [NoConfig()], "calls": {"evaluate": [{"law": law, "runs": table}]}}


def _losses(target: Mapping[str, Any], level: float) -> list[Measure]:
    """What a larger run measured and was predicted to measure."""
    found, run = target["loss"], target["run"]
    known = found["low"] is not None and found["high"] is not None
    ends = (found["low"], found["high"]) if known and abs(level - 0.95) < 1e-9 else None
    how = {"level": level, "low": found["low"], "high": found["high"]}
    inside = None if found["inside"] is None else float(found["inside"])
    none = "" if known else "the fit gives no interval"
    return [
        Measure(name="loss_measured", value=found["actual"], unit="nats", group=run),
        Measure(
            name="loss_predicted", value=found["predicted"], unit="nats", group=run, interval=ends,
            settings=how,
        ),
        Measure(name="inside", value=inside, reason=none, group=run, settings={"level": level}),
    ]  # fmt: skip


def _told(target: Mapping[str, Any], level: float) -> Evidence:
    """The same in words."""
    found = target["loss"]
    size = f"N = {target['n_params']:,.0f}, M = {target['multiplier']:.1f} tokens a parameter"
    said = f"{target['run']} ({size}): measured {found['actual']:.4f}, predicted {found['predicted']:.4f}"
    if found["low"] is None or found["high"] is None:
        return Evidence(f"{said}; the fit gives no interval", "scaling.holdout")
    where = "inside" if found["inside"] else "OUTSIDE"
    ends = f"{100 * level:g} % interval {found['low']:.4f} to {found['high']:.4f}"
    return Evidence(f"{said}; the measured loss lies {where} the {ends}", "scaling.holdout")


def first_rows(table: Table, count: int) -> Table:
    """The first rows of a table."""
    return Table({name: list(column)[:count] for name, column in table.columns.items()})


class ScalingPlot(Renderer):
    """One plot of a fitted law with its runs."""

    Config = PlotConfig
    media_type = "image/svg+xml"

    def render(self, law: ModelHandle | ScalingLaw, runs: Table) -> Artifact:
        """SVG; fitted runs are filled, others hollow."""
        with refused():
            chain = live(law).chain
            svg = plots.draw(self.config.kind, chain, as_runs(runs), self.config.title)
        return Artifact(svg, self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        table = example_table()
        law = ScalingLaw(LawConfig(draws=40)).fit(first_rows(table, 12)).model
        configs = [PlotConfig(kind=k, title="<a>") for k in ("compute", "bootstrap")]
        return {"configs": configs, "calls": {"render": [{"law": law, "runs": table}]}}


class Planner(Model):
    """What to train for a budget."""

    Config = PlanConfig

    def apply(self, law: ModelHandle | ScalingLaw) -> Table:
        """The best model first, then models of other sizes with the same loss."""
        c, chain = self.config, live(law).chain
        need = Need(
            c.inference_tokens, c.price, c.most_tokens or np.inf, c.most_multiplier or np.inf
        )
        with refused():
            rule = loss_law(chain.fit.law)
            best = plan(rule, chain.fit.params, c.flops, need)
            told = planned(best, chain, alternatives(rule, chain.fit.params, best, need))
        first = {
            "model": "best",
            "n_params": best.n, "tokens": best.d, "loss": best.loss,
            "error": told["error"] and told["error"]["value"], "training FLOPs": best.training,
            "inference FLOPs": best.inference, "extra FLOPs (%)": 0.0,
        }  # fmt: skip
        others = [
            {**first, "model": f"N × {a['size_factor']:g}, same loss",
             "n_params": a["n_params"], "tokens": a["tokens"],
             "training FLOPs": 6 * a["n_params"] * a["tokens"],
             "inference FLOPs": 2 * a["n_params"] * c.inference_tokens * c.price,
             "extra FLOPs (%)": a["extra_total_percent"]}
            for a in told["alternatives"]
        ]  # fmt: skip
        return Table.from_rows([first, *others], "; ".join(told["warnings"]))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        law = ScalingLaw(LawConfig(draws=40)).fit(example_table()).model
        configs = [PlanConfig(flops=1e21), PlanConfig(flops=1e21, inference_tokens=1e12, price=0.5)]
        return {"configs": configs, "calls": {"apply": [{"law": law}]}}


class Ladder(Schedule):
    """FLOPs of each of some training runs that together cost a budget."""

    Config = LadderConfig

    @property
    def domain(self) -> Domain:
        """Runs, counted from 0; between two whole numbers the curve through both."""
        return Domain(0, self.config.runs, "run")

    @property
    def budget(self) -> float:
        """What all runs cost together."""
        return float(self.config.flops)

    def values(self, xs: np.ndarray[Any, Any]) -> Mapping[str, np.ndarray[Any, Any]]:
        """``flops = budget * factor^x / sum_k factor^k``."""
        c = self.config
        whole = np.sum(float(c.factor) ** np.arange(c.runs))
        return {"flops": c.flops * float(c.factor) ** xs / whole}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [LadderConfig(), LadderConfig(flops=3.0, runs=1, factor=1.0)]}
