"""The negotiation as the framework's components: a policy, its two stages, what they gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Fitted, Model, ModelHandle
from interleaf.interfaces.report import Measure, Report
from interleaf.pipeline.collection import Collection
from interleaf.values import Item, Table
from interleaf_sotopia import filtering
from interleaf_sotopia.bargaining import learning, telling
from interleaf_sotopia.bargaining.blindspot import BiasedJudge, BlindJudge
from interleaf_sotopia.bargaining.config import (
    BargainerConfig,
    CloneConfig,
    Fitting,
    GainConfig,
    GamesConfig,
    PleaseConfig,
    ReinforceConfig,
)
from interleaf_sotopia.bargaining.game import deals, play
from interleaf_sotopia.bargaining.learning import Played, Seen
from interleaf_sotopia.bargaining.partners import partner
from interleaf_sotopia.bargaining.policy import LENGTH, Negotiator, Net, OwnMoves
from interleaf_sotopia.rating import clustered_interval
from interleaf_training import TorchModel, own_copy

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

SMALL = Fitting(steps=2, batch=8)


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Games that were cloned, as they were trained on: n×L tokens, owners and what counts."""

    tokens: Array
    owner: Array
    said: Array


class Bargainer(TorchModel):
    """The policy; ``fit`` clones random legal play, so that it knows the rules and nothing else."""

    Config = BargainerConfig

    def build(self) -> Net:
        """Untrained."""
        return Net(self.config.d_model, self.config.layers, self.config.heads)

    @property
    def net(self) -> Net:
        """The live network."""
        assert isinstance(self.module, Net)
        return self.module

    def objective(self) -> nn.Module:
        """Cross-entropy of the agent's own moves."""
        return OwnMoves(self.net)

    def fit(self, ctx: Context | None = None) -> Fitted:
        """A base model: random legal play, cloned."""
        ctx, c = ctx or Context(), self.config
        made = Bargainer(c)
        made.initialise(ctx.seed)
        data, _ = learning.expert_games(
            deals("training", c.tasks, ctx.rng), c.games, ctx.rng, "random"
        )
        return Fitted(made, learning.fitted(made.net, data, c.fitting, ctx.seed, ctx, "base"))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [small()], "calls": {"fit": [{}]}}


def small() -> BargainerConfig:
    """One that is trained in no time."""
    return BargainerConfig(d_model=8, layers=1, heads=2, tasks=4, games=2, fitting=SMALL)


def _bargainer(model: Any, ctx: Context, copy: bool = False) -> Bargainer:
    if copy:
        found: Any = own_copy(model, ctx.seed)
    else:
        found = model.load(ctx) if isinstance(model, ModelHandle) else model
    if not isinstance(found, Bargainer):
        raise InvalidInput(
            "only a sotopia.bargainer can learn to divide items", hint="needs: {model: BASE.model}"
        )
    return found


class CloneDeals(Model):
    """Behaviour cloning of a noisy expert, by the paper's filter."""

    Config = CloneConfig

    def fit(self, model: ModelHandle | Bargainer, ctx: Context | None = None) -> dict[str, Any]:
        """The trained copy, its log, and the games that were kept."""
        ctx, c = ctx or Context(), self.config
        trained = _bargainer(model, ctx, copy=True)
        views, rows = learning.expert_games(deals("training", c.tasks, ctx.rng), c.games, ctx.rng)
        place = {id(r): i for i, r in enumerate(rows)}
        kept = [place[id(r)] for r in filtering.cloning(rows, c.top_k, c.threshold)]
        data = views[np.array(kept, int)]
        log = learning.fitted(trained.net, data, c.fitting, ctx.seed, ctx, "clone")
        return {"model": trained, "log": log, "lesson": Lesson(data.tokens, data.owner, data.said)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [CloneConfig(tasks=3, games=3, fitting=SMALL)],
            "calls": {"fit": [{"model": Bargainer(small())}]},
        }


class ReinforceDeals(Model):
    """Self-reinforcement: rounds of its own games, filtered."""

    Config = ReinforceConfig

    def fit(
        self,
        model: ModelHandle | Bargainer,
        lesson: Lesson | None = None,
        ctx: Context | None = None,
    ) -> Fitted:
        """The trained copy, and a row of each round: games, kept, mean scores."""
        ctx = ctx or Context()
        trained = _bargainer(model, ctx, copy=True)
        rows = learning.reinforced(trained.net, seen(lesson, trained), self.config, ctx.seed, ctx)
        return Fitted(trained, Table.from_rows(rows))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        config = ReinforceConfig(
            rounds=1, tasks=3, self_games=2, partner_games=1, partners=("lin8-4",), fitting=SMALL
        )
        return {"configs": [config, replace(config, filter="paper")],
                "calls": {"fit": [{"model": Bargainer(small())}]}}  # fmt: skip


def seen(lesson: Lesson | None, model: Bargainer) -> Seen:
    """The games of a lesson; none where there is no lesson."""
    if lesson is None:
        empty: Array = np.zeros((0, LENGTH), np.int64)
        return Seen(empty, empty, empty.astype(np.bool_))
    return Seen(lesson.tokens, lesson.owner, lesson.said)


class PleaseJudge(Model):
    """Trains a policy against a judge in place of the points, and measures both along the way."""

    Config = PleaseConfig

    def apply(self, model: ModelHandle | Bargainer, ctx: Context | None = None) -> Table:
        """A row for each held-out task, order and checkpoint (``system``): ``judged`` and ``reference``."""
        ctx, c = ctx or Context(), self.config
        trained = _bargainer(model, ctx, copy=True)
        views, rows = learning.own_games(
            trained.net, deals("training", c.judge_tasks, ctx.rng), c.recipe, ctx.seed % 2**31
        )
        points = np.array([r.score for r in rows])
        judge: learning.Judge = (
            BlindJudge.learnt(views, points)
            if c.judge == "blind"
            else BiasedJudge(c.bias, c.noise, ctx.rng)
        )
        found: list[dict[str, Any]] = []

        def measure(label: str) -> None:
            tasks = deals(c.part, c.tasks, ctx.rng)
            for order in (0, 1):
                rng = np.random.default_rng([c.seed, order])
                own = Negotiator(trained.net, int(rng.integers(2**62)), 0.5)
                other = partner(c.partner, rng)
                games = play(tasks, other, own) if order else play(tasks, own, other)
                seen_rows = learning.rated(
                    games, (order,), np.arange(len(tasks)), c.partner, str(order)
                )
                scores = judge(learning.seen(games, order), seen_rows)
                found.extend(
                    {
                        "system": label,
                        "scenario": f"task {i}",
                        "judged": float(s),
                        "reference": r.score,
                    }
                    for i, (r, s) in enumerate(zip(seen_rows, scores, strict=True))
                )

        measure("cloned")
        none = seen(None, trained)
        learning.reinforced(
            trained.net, none, c.recipe, ctx.seed, ctx, judge, lambda n: measure(f"round {n + 1}")
        )
        return Table.from_rows(found)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        recipe = ReinforceConfig(
            rounds=1,
            tasks=2,
            self_games=2,
            partner_games=0,
            fitting=SMALL,
            filter="paper",
            replay=0.0,
        )
        configs = [
            PleaseConfig(judge=j, tasks=3, judge_tasks=3, recipe=recipe)
            for j in ("blind", "constant")
        ]
        return {"configs": configs, "calls": {"apply": [{"model": Bargainer(small())}]}}


class DealGames(Model):
    """A few held-out games of policies, to be read."""

    Config = GamesConfig

    def apply(self, models: Sequence[Any], ctx: Context | None = None) -> dict[str, Any]:
        """Episodes of each policy against each partner, the same tasks for all."""
        ctx, c = ctx or Context(), self.config
        found = {}
        for n, item in enumerate(models):
            value, label = (
                (item.value, item.label) if isinstance(item, Item) else (item, f"policy {n + 1}")
            )
            net = _bargainer(value, ctx).net
            for name in c.partners:
                rng = np.random.default_rng(c.seed)
                tasks = deals(c.part, c.tasks, rng)
                games = play(tasks, Negotiator(net, c.seed, c.temperature), partner(name, rng))
                for i in range(len(tasks)):
                    e = telling.episode(games, i, f"{label} {name} {i}", (label, name))
                    found[e.id] = e
        return {"episodes": Collection.of(found)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [GamesConfig(tasks=2)],
            "calls": {"apply": [{"models": [Bargainer(small())]}]},
        }


ARMS = ("base", "bc", "bc_sr", "control")


class DealGain(Evaluator):
    """What each stage gained on held-out tasks, against partners it never met among others."""

    Config = GainConfig

    def evaluate(
        self, base: Sequence[Any], cloned: Sequence[Any], reinforced: Sequence[Any],
        control: Sequence[Any] | None = None, ctx: Context | None = None,
    ) -> Report:  # fmt: skip
        """Differences in own and joint points, paired by task, with 95 % intervals over tasks.

        Pooled over seeds and the unseen partners, and for each (group ``seed=11/boulware``); once more
        with illegal moves drawn again (``resampled``). ``lowest_*``: the lowest bound of any interval.
        """
        ctx, c = ctx or Context(), self.config
        tasks = deals(c.part, c.tasks, np.random.default_rng(0))
        arms = {"base": base, "bc": cloned, "bc_sr": reinforced, "control": control or ()}
        played: dict[tuple[str, str, str, bool], Played] = {}
        runs = {arm: _by_seed(models) for arm, models in arms.items()}
        total = sum(len(r) for r in runs.values()) * len(c.partners)
        for arm, models in runs.items():
            for seed, model in models.items():
                net = _bargainer(model, ctx).net
                for name in c.partners:
                    for again in (
                        (False, True) if arm in ("bc", "bc_sr") and c.resample else (False,)
                    ):
                        played[arm, seed, name, again] = learning.measured(
                            net,
                            name,
                            tasks,
                            c.seed,
                            c.times,
                            c.temperature,
                            c.resample if again else 0,
                        )
                    ctx.monitor.progress(len({k[:3] for k in played}), total)
        return Report(tuple(self._measures(played, list(runs["bc"]))), (_arms_table(played),))

    def _measures(self, played: Mapping[Any, Played], seeds: Sequence[str]) -> list[Measure]:
        found = []
        for name, better, worse, again in (
            ("bc_minus_base", "bc", "base", False),
            ("bc_sr_minus_bc", "bc_sr", "bc", False),
            ("resampled.bc_sr_minus_bc", "bc_sr", "bc", True),
            ("bc_sr_minus_control", "bc_sr", "control", False),
            ("control_minus_bc", "control", "bc", False),
        ):
            for what in ("own", "joint"):
                label = name if what == "own" else f"joint.{name}"
                found += self._differences(label, what, played, (better, worse, again), seeds)
        for arm in ARMS:
            chosen = [p for (a, _, _, again), p in played.items() if a == arm and not again]
            if chosen:
                found += _shares("agreed", "up", arm, chosen) + _shares(
                    "illegal", "down", arm, chosen
                )
        return found

    def _differences(
        self,
        label: str,
        what: str,
        played: Mapping[Any, Played],
        arms: tuple[str, str, bool],
        seeds: Sequence[str],
    ) -> list[Measure]:
        c, (better, worse, again) = self.config, arms
        single = {
            (s, p): getattr(played[better, s, p, again], what) - getattr(played[worse, s, p, again], what)
            for s in seeds for p in c.partners
            if (better, s, p, again) in played and (worse, s, p, again) in played
        }  # fmt: skip
        if not single:
            return [
                Measure(
                    name=label,
                    value=None,
                    reason="an arm of this comparison is missing",
                    direction="up",
                )
            ]
        pooled = [d for (_, p), d in single.items() if p in c.unseen] or list(single.values())
        found = [_measure(label, np.mean(pooled, 0), "", len(pooled))]
        found += [_measure(label, d, f"{s}/{p}" if s else p, 1) for (s, p), d in single.items()]
        bounds = [
            m.interval[0]
            for m in found[1:]
            if m.interval and m.group.rsplit("/", 1)[-1] in c.unseen
        ]
        if bounds:
            found.append(
                Measure(name=f"lowest.{label}", value=min(bounds), direction="up", n=len(bounds))
            )
        return found

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        policies = [Bargainer(small()) for _ in range(3)]
        for n, p in enumerate(policies):
            p.initialise(n)
        names = ("base", "cloned", "reinforced")
        inputs = {n: [p] for n, p in zip(names, policies, strict=True)}
        return {
            "configs": [GainConfig(tasks=4, times=1, part="tuning")],
            "calls": {"evaluate": [inputs]},
        }


def _shares(
    what: str, direction: Literal["up", "down"], arm: str, played: Sequence[Played]
) -> list[Measure]:
    """A share over all seeds and partners, and where it is worst."""
    each = [float(getattr(p, what).mean()) for p in played]
    worst = max(each) if direction == "down" else min(each)
    return [
        Measure(name=f"{what}.{arm}", value=float(np.mean(each)), direction=direction, n=len(each)),
        Measure(name=f"worst.{what}.{arm}", value=worst, direction=direction, n=len(each)),
    ]


def _by_seed(models: Sequence[Any]) -> dict[str, Any]:
    """Models by where they came from: ``seed=11``."""
    found = {}
    for n, m in enumerate(models):
        coords = dict(m.coords) if isinstance(m, Item) else {}
        name = ",".join(f"{k}={v}" for k, v in sorted(coords.items())) or (
            str(n) if len(models) > 1 else ""
        )
        found[name] = m.value if isinstance(m, Item) else m
    return found


def _measure(name: str, differences: Array, group: str, pooled: int) -> Measure:
    interval = clustered_interval(differences, list(range(len(differences))), 0, 5000)
    return Measure(name=name, value=float(differences.mean()), interval=interval, group=group, direction="up",
                   n=len(differences), unit="points", settings={"pooled": pooled})  # fmt: skip


def _arms_table(played: Mapping[Any, Played]) -> Table:
    return Table.from_rows(
        [{"arm": a, "seed": s, "partner": p, "own": float(x.own.mean()), "joint": float(x.joint.mean()),
          "agreed": float(x.agreed.mean()), "illegal": float(x.illegal.mean())}
         for (a, s, p, again), x in played.items() if not again],
        "mean points of each policy against each partner",
    )  # fmt: skip
