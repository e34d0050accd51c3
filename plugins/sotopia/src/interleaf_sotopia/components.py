"""Scenarios, agents, play, judge and what is learnt from, as the framework's components."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Model, ModelHandle
from interleaf.interfaces.report import Report
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import addresses, engine, filtering, judging, leaks, learnt, rating, scores
from interleaf_sotopia.actions import KINDS
from interleaf_sotopia.config import (
    AgentConfig,
    EpisodesConfig,
    JudgeConfig,
    PairsConfig,
    PlayConfig,
    ScenariosConfig,
)
from interleaf_sotopia.episode import Rules
from interleaf_sotopia.exchange import read_episodes
from interleaf_sotopia.reading import read_all, read_tasks
from interleaf_sotopia.records import DONE, Episode, digest, episode_row, task_row
from interleaf_sotopia.sample import sample_episodes, sample_tasks, write_sample
from interleaf_sotopia.speaking import Ask, Speaker
from interleaf_sotopia.store import Store
from interleaf_sotopia.world import Task


class Rows(Dataset):
    """Items read once, with ids."""

    @cached_property
    def rows(self) -> list[Any]:
        """The items."""
        raise NotImplementedError

    def plain(self, item: Any) -> Any:
        """An item as JSON."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def ids(self) -> Iterator[str]:
        """The items' own."""
        return (item.id for item in self.rows)

    def fingerprint(self) -> str:
        """Of all items."""
        return digest([self.plain(item) for item in self.rows])


class Scenarios(Rows):
    """Tasks: a scenario and who plays it."""

    Config = ScenariosConfig

    @cached_property
    def rows(self) -> list[Task]:
        """Read from SOTOPIA's files."""
        c = self.config
        combos, pairs = (Path(p) if p else None for p in (c.combos, c.relationships))
        found = read_tasks(Path(c.scenarios), Path(c.characters), combos, pairs)
        tasks = [t for t in found if t.scenario.hard or not c.hard]
        if not tasks:
            raise InvalidInput(f"{c.scenarios} has no {'hard ' if c.hard else ''}tasks")
        return tasks[: c.limit or None]

    def plain(self, item: Task) -> Any:
        """With all that belongs to it."""
        return task_row(item)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = write_sample(Path(tempfile.mkdtemp()))
        files: dict[str, Any] = {
            n: str(folder / f"{n}.jsonl") for n in ("scenarios", "characters", "combos")
        }
        return {"configs": [ScenariosConfig(**files), ScenariosConfig(**files, limit=1)]}


class Episodes(Rows):
    """Episodes of a file."""

    Config = EpisodesConfig

    @cached_property
    def rows(self) -> list[Episode]:
        """Read once."""
        return read_episodes(Path(self.config.path))

    def plain(self, item: Episode) -> Any:
        """All of it."""
        return episode_row(item)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = write_sample(Path(tempfile.mkdtemp()))
        return {"configs": [EpisodesConfig(path=str(folder / "episodes.jsonl"))]}


class Agent(Model):
    """Whoever stands behind an address, as a model that answers."""

    Config = AgentConfig

    def speaker(self) -> Speaker:
        """A new one, with connections of its own."""
        c = self.config
        names = ("key", "temperature", "max_tokens", "format", "style", "context", "price", "concurrency",
                 "requests_per_minute", "tokens_per_minute")  # fmt: skip
        return addresses.speaker(c.address, {n: getattr(c, n) for n in names})

    def reply(
        self,
        conversations: Sequence[Any],
        schema: Mapping[str, Any] | None = None,
        ctx: Context | None = None,
    ) -> list[dict[str, Any]]:
        """A reply to each conversation: ``role``, ``content``, ``finish`` and ``usage``."""
        ctx = ctx or Context()
        checked = [_messages(turns) for turns in conversations]

        async def all_of_them() -> list[Any]:
            import asyncio

            who, task = self.speaker(), sample_tasks()[0]
            try:
                return await asyncio.gather(*(
                    who.reply(Ask(messages=m, schema=schema or {"type": "object"}, seed=ctx.seed % 2**31 + n,
                                  task=task, agent=0, number=0, name="reply"))
                    for n, m in enumerate(checked)
                ))  # fmt: skip
            finally:
                await who.close()

        return [
            {"role": "model", "content": r.text, "finish": r.finish,
             "usage": {"prompt_tokens": r.prompt_tokens, "completion_tokens": r.completion_tokens}}
            for r in engine.run(all_of_them())
        ]  # fmt: skip

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        asked = [[{"role": "user", "content": "Hello?"}]]
        return {
            "configs": [AgentConfig(), AgentConfig(address="random")],
            "calls": {"reply": [{"conversations": asked}, {"conversations": []}]},
        }


def _messages(turns: Any) -> list[dict[str, str]]:
    if not isinstance(turns, Sequence) or isinstance(turns, str):
        raise InvalidInput(
            "a conversation is a list of turns", hint='[{"role": "user", "content": …}]'
        )
    found = []
    for turn in turns:
        if not isinstance(turn, Mapping) or not isinstance(turn.get("content"), str):
            raise InvalidInput(
                "a turn has a role and a content", hint='{"role": "user", "content": …}'
            )
        role = str(turn.get("role"))
        found.append({"role": "assistant" if role == "model" else role, "content": turn["content"]})
    return found


def speaker_of(model: ModelHandle | Model, name: str, ctx: Context, **options: Any) -> Speaker:
    """A model as an agent: an ``Agent`` by its own address, any other by its capability Chat."""
    live = model.load(ctx) if isinstance(model, ModelHandle) else model
    if isinstance(live, Agent):
        return live.speaker()
    if not callable(getattr(live, "reply", None)):
        raise InvalidInput(f"the model '{name}' cannot answer: it has no capability Chat")
    return addresses.chatter(live, name, options)


@contextmanager
def working_store(ctx: Context) -> Iterator[Store]:
    """A store that outlives a killed attempt of the step, where the runner gives such a place."""
    if ctx.resume is not None:
        with Store(ctx.resume / "episodes.db", writing=True) as store:
            yield store
        return
    with (
        tempfile.TemporaryDirectory(dir=ctx.scratch) as folder,
        Store(Path(folder) / "episodes.db", writing=True) as store,
    ):
        yield store


class Play(Model):
    """Plays tasks with one model or two."""

    Config = PlayConfig

    def apply(
        self, tasks: Dataset, model: ModelHandle | Model, partner: ModelHandle | Model | None = None,
        ctx: Context | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Episodes, those that did not come to an end among them; a killed call goes on where it was."""
        ctx, c = ctx or Context(), self.config
        options = {"max_tokens": c.max_tokens, "temperature": c.temperature, "style": c.style,
                   "context": c.context, "per_token": c.per_token}  # fmt: skip
        who = [speaker_of(model, "model", ctx, **options)]
        if partner is not None:
            who.append(speaker_of(partner, "partner", ctx, **options))
        unknown = [a for a in c.actions if a not in KINDS]
        if unknown or not c.actions:
            raise InvalidInput(
                f"no action '{', '.join(unknown)}'", hint=f"actions among {', '.join(KINDS)}"
            )
        rules = Rules(
            max_turns=c.max_turns, max_stale=c.max_stale, order=c.order, actions=tuple(c.actions)
        )
        settings = engine.Play(
            rules=rules, concurrency=c.concurrency, reasks=c.reasks, budget_tokens=c.budget_tokens,
            budget_money=c.budget_money,
        )  # fmt: skip
        with working_store(ctx) as store:
            wanted = engine.planned(
                _tasks(tasks), who, rules, ctx.seed % 2**31, c.repetitions, c.both_orders
            )
            store.plan(
                wanted, {"rules": asdict(rules), "sampling": [dict(s.sampling) for s in who]}
            )
            engine.run(engine.play(store, addresses.distinct(who), settings, ctx))
            found = {e.id: e for e in store.episodes()}
        return {"episodes": Collection.of(found)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        tasks = Collection.of({t.id: t for t in sample_tasks()})
        scripted, odd = Agent(AgentConfig()), Agent(AgentConfig(address="random"))
        calls = [
            {"tasks": tasks, "model": scripted},
            {"tasks": tasks, "model": scripted, "partner": odd},
        ]
        return {
            "configs": [
                PlayConfig(max_turns=6),
                PlayConfig(both_orders=True, order="simultaneous", max_turns=4),
            ],
            "calls": {"apply": calls},
        }


def _tasks(data: Dataset) -> list[Task]:
    found = list(data)
    bad = next((t for t in found if not isinstance(t, Task)), None)
    if bad is not None:
        raise InvalidInput(
            f"the tasks hold a {type(bad).__name__}",
            hint="needs: {tasks: a sotopia.scenarios step}",
        )
    return found


def episodes_of(data: Dataset) -> list[Episode]:
    """The episodes of a dataset; InvalidInput for items that are none."""
    found = list(data)
    bad = next((e for e in found if not isinstance(e, Episode)), None)
    if bad is not None:
        raise InvalidInput(
            f"the episodes hold a {type(bad).__name__}",
            hint="needs: {episodes: a sotopia.play step}",
        )
    return found


class Judge(Evaluator):
    """Rates finished episodes with one model or a panel; without any, by the points of the game."""

    Config = JudgeConfig

    def evaluate(
        self, episodes: Dataset, judge: Sequence[Any] | None = None, ctx: Context | None = None
    ) -> Report:
        """Means by model with intervals, and every agent's scores in every episode."""
        ctx, c = ctx or Context(), self.config
        found = [e for e in episodes_of(episodes) if e.status == DONE]
        which = scores.dimensions(c.dimensions)
        if not judge:
            goal = scores.dimensions("goal")
            return rating.report(found, {e.id: _by_points(e) for e in found if e.points}, goal)
        panel = [
            speaker_of(
                getattr(j, "value", j),
                f"judge-{n + 1}",
                ctx,
                max_tokens=c.max_tokens,
                temperature=0.0,
            )
            for n, j in enumerate(judge)
        ]
        settings = judging.Judging(
            dimensions=c.dimensions,
            samples=c.samples,
            swap=c.swap,
            reasks=c.reasks,
            concurrency=c.concurrency,
        )
        with working_store(ctx) as store:
            store.add_episodes(found)
            engine.run(judging.judge(store, panel, settings, ctx))
            rows = store.judgements()
        judging.check_rate(rows, c.most_failed)
        return rating.report(found, rating.together(rows, which), which)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        data = Collection.of({e.id: e for e in sample_episodes()})
        return {
            "configs": [JudgeConfig(), JudgeConfig(dimensions="goal")],
            "calls": {"evaluate": [{"episodes": data}]},
        }


def _by_points(e: Episode) -> rating.Rated:
    return rating.Rated([{"goal": p, scores.OVERALL: p} for p in e.points], 1)


class Pairs(Dataset):
    """What is learnt from rated episodes: prompt and action of every turn of the agents that are kept."""

    Config = PairsConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._rows: list[Any] | None = None

    def open(self, episodes: Dataset, ratings: Report, evaluation: Dataset | None = None) -> Pairs:
        """Filter by ``ratings``; with ``evaluation`` tasks, refuse what would leak them."""
        found = episodes_of(episodes)
        if evaluation is not None:
            leaks.refuse([e.task for e in found], _tasks(evaluation))
        opened = Pairs(self.config)
        opened._rows = self.kept(found, ratings)
        return opened

    def kept(self, found: Sequence[Episode], ratings: Report) -> list[Any]:
        """The conversations that the filter keeps; InvalidInput when there are none."""
        rows = list(self._kept(found, ratings))
        if not rows:
            raise InvalidInput(
                f"the filter '{self.config.filter}' keeps no turn of {len(found)} episodes",
                hint="more episodes for each task, a larger top_k or top_frac, or filter: all",
            )
        return rows

    def _kept(self, found: Sequence[Episode], ratings: Report) -> Iterator[Any]:
        c = self.config
        rows = learnt.rated_agents(found, ratings, c.measure, c.model)
        by = {e.id: e for e in found}
        match c.filter:
            case "bc":
                rows = filtering.cloning(rows, c.top_k, c.threshold, c.balance)
            case "sr":
                rows = filtering.self_play(rows, c.top_frac)
            case "advantage":
                rows = filtering.advantage(rows, c.top_frac)
        for r in rows:
            rules = Rules(max_turns=c.max_turns)
            yield from learnt.turns(by[r.episode], r.role, rules, c.style, c.characters)

    @property
    def rows(self) -> list[Any]:
        """The conversations; InvalidInput before ``open``."""
        if self._rows is None:
            raise InvalidInput(
                "this filter was given no episodes", hint="needs: {episodes: …, ratings: …}"
            )
        return self._rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def fingerprint(self) -> str:
        """Of all conversations."""
        return digest(json.loads(json.dumps(self.rows)))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        found = sample_episodes()
        report = rating.report(
            found, {e.id: _by_points(e) for e in found}, scores.dimensions("goal")
        )
        data = Collection.of({e.id: e for e in found})
        return {
            "configs": [
                PairsConfig(),
                PairsConfig(filter="sr", style="brief"),
                PairsConfig(filter="all"),
            ],
            "calls": {"open": [{"episodes": data, "ratings": report}]},
        }


def conversations(file: Path) -> Dataset:
    """JSON lines ``{"messages": [{"role", "content"}, …]}``, each ending with the model's turn."""

    def turns(row: Mapping[str, Any]) -> list[dict[str, str]]:
        found = [{"role": str(t["role"]), "content": str(t["content"])} for t in row["messages"]]
        if not found or found[-1]["role"] not in ("model", "assistant"):
            raise ValueError("a conversation to learn from ends with the model's turn")
        return found

    return Collection.of(read_all(file, turns))
