"""Episodes played at the same time, each turn stored before the next is asked for.

Only the agent whose turn it is, is asked. The seed of a request is a function of the episode and the
turn, so that an episode goes on after a kill as it would have gone on without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any

from interleaf.interfaces import Context
from interleaf_sotopia import actions, prompts
from interleaf_sotopia.actions import NONE, Action
from interleaf_sotopia.episode import Rules, Turn, actors, ended
from interleaf_sotopia.journal import Journal, end_written, turn_written
from interleaf_sotopia.limits import CallFailed
from interleaf_sotopia.records import DONE, FAILED, OVER_BUDGET, PLANNED, Episode, digest
from interleaf_sotopia.speaking import Ask, Reply, Speaker
from interleaf_sotopia.store import Store
from interleaf_sotopia.world import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """``concurrency`` episodes at once, ``reasks`` tries for a reply that is no action. ``budget_tokens``
    and ``budget_money``: of one episode, 0 for any."""

    rules: Rules = field(default_factory=Rules)
    concurrency: int = 8
    reasks: int = 2
    budget_tokens: int = 0
    budget_money: float = 0.0


def planned(
    tasks: Sequence[Task], speakers: Sequence[Speaker], rules: Rules, seed: int = 0,
    repetitions: int = 1, both_orders: bool = False,
) -> Iterator[Episode]:  # fmt: skip
    """The episodes of a study. An episode's id is a digest of task, order, models, sampling, rules,
    seed and repetition: the same plan has the same ids."""
    for task in tasks:
        for order in (task, task.swapped()) if both_orders else (task,):
            who = _assigned(speakers, len(task.names), order is not task)
            for repetition in range(repetitions):
                yield _episode(order, who, rules, seed, repetition)


def _assigned(speakers: Sequence[Speaker], agents: int, swapped: bool) -> list[Speaker]:
    """A speaker for each agent; the last one plays all that are left over."""
    found = [speakers[min(i, len(speakers) - 1)] for i in range(agents)]
    return found[::-1] if swapped else found


def _episode(
    task: Task, who: Sequence[Speaker], rules: Rules, seed: int, repetition: int
) -> Episode:
    models = tuple(s.name for s in who)
    identity = [
        task.scenario.id, [c.id for c in task.characters], task.id, list(models),
        [dict(s.sampling) for s in who], [asdict(rules), seed, repetition],
    ]  # fmt: skip
    return Episode(
        id=digest(identity),
        task=task,
        models=models,
        status=PLANNED,
        seed=seed,
        repetition=repetition,
    )


def request_seed(episode: str, number: int, agent: int, attempt: int = 0) -> int:
    """31 bits from the place of a request."""
    key = f"{episode}.{number}.{agent}.{attempt}".encode()
    return int.from_bytes(blake2b(key, digest_size=4).digest(), "big") % 2**31


async def play(
    store: Store, speakers: Sequence[Speaker], settings: Play, ctx: Context | None = None,
    only: Sequence[str] | None = None,
) -> dict[str, int]:  # fmt: skip
    """Play all episodes of the store that are not finished; gives how many ended how.

    Raises what ends the whole run (an endpoint that is down, a store that cannot be written); all
    turns until then are stored. An episode whose request failed for the time being stays planned.
    """
    ctx = ctx or Context()
    waiting = list(only if only is not None else store.unfinished())
    total, counts = len(waiting), dict[str, int]()
    tasks = store.tasks()
    queue = iter(waiting)
    journal = Journal(store)

    async def work() -> None:
        for name in queue:
            status = await _Player(store, journal, speakers, settings, tasks).play(name)
            counts[status] = counts.get(status, 0) + 1
            ctx.monitor.progress(sum(counts.values()), total, failed=counts.get(FAILED, 0))

    workers = [asyncio.create_task(work()) for _ in range(min(settings.concurrency, total))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        journal.close()
        for speaker in speakers:
            await speaker.close()
    return counts


@dataclass
class _Player:
    """One episode."""

    store: Store
    journal: Journal
    speakers: Sequence[Speaker]
    settings: Play
    tasks: dict[str, Task]

    async def play(self, name: str) -> str:
        """To its end, from the first turn that is not stored."""
        episode = self.store.episode(name, self.tasks)
        task, turns = episode.task, list(episode.turns)
        self.tokens = list(episode.tokens)
        self.money = 0.0
        self.who = _who(self.speakers, episode)
        rules = replace(self.settings.rules, seed=request_seed(name, -1, -1))
        while not (reason := ended(turns, len(task.names), rules)):
            number, waiting = actors(turns, len(task.names), rules)
            if spent := self._over():
                return await self._end(name, OVER_BUDGET, spent)
            try:
                acting = [self._act(name, task, turns, number, agent, rules) for agent in waiting]
                found = await asyncio.gather(*acting, return_exceptions=True)
                for f in found:
                    if isinstance(f, BaseException):
                        raise f
            except CallFailed as error:
                return await self._end(name, FAILED, error.message) if error.lasting else PLANNED
            turns += sorted((f for f in found if isinstance(f, Turn)), key=lambda t: t.agent)
        return await self._end(name, DONE, reason)

    async def _end(self, name: str, status: str, reason: str) -> str:
        await self.journal.write(end_written(name, status, reason))
        return status

    def _over(self) -> str:
        s = self.settings
        if s.budget_tokens and sum(self.tokens) >= s.budget_tokens:
            return f"{sum(self.tokens)} tokens of {s.budget_tokens}"
        if s.budget_money and self.money >= s.budget_money:
            return f"{self.money:.4f} of {s.budget_money:.4f}"
        return ""

    async def _act(
        self, name: str, task: Task, turns: Sequence[Turn], number: int, agent: int, rules: Rules
    ) -> Turn:
        """Ask, read, ask again with what was wrong; after the last try the agent does nothing."""
        speaker = self.who[agent]
        try:
            prompt = prompts.ask(
                task, agent, turns, number, rules, speaker.style, speaker.characters
            )
        except ValueError as error:
            raise CallFailed(str(error), lasting=True) from None
        messages = [{"role": "user", "content": prompt.text}]
        others = [n for i, n in enumerate(task.names) if i != agent]
        schema = actions.schema(others if len(others) > 1 else (), rules.actions)
        action, note, spent, raw = Action(NONE), "", [0, 0, 0], ""
        for attempt in range(self.settings.reasks + 1):
            reply = await speaker.reply(Ask(
                messages=messages, schema=schema, seed=request_seed(name, number, agent, attempt),
                task=task, agent=agent, number=number, turns=turns,
            ))  # fmt: skip
            spent = [
                spent[0] + reply.prompt_tokens,
                spent[1] + reply.completion_tokens,
                spent[2] + reply.requests,
            ]
            raw = reply.text
            action, note, wrong = _read(reply, others, rules.actions)
            if not wrong:
                break
            messages = [
                *messages[:1],
                {"role": "assistant", "content": raw or "(nothing)"},
                {
                    "role": "user",
                    "content": f"That was no action: {wrong}. Answer with one JSON object.",
                },
            ]
        self.tokens = [self.tokens[0] + spent[0], self.tokens[1] + spent[1]]
        self.money += _cost(speaker, spent[0], spent[1])
        turn = Turn(number, agent, action)
        await self.journal.write(
            turn_written(name, turn, raw, (spent[0], spent[1]), prompt.dropped, note, spent[2])
        )
        return turn


def _who(speakers: Sequence[Speaker], episode: Episode) -> list[Speaker]:
    """The speaker of each agent, by the models' names in the plan."""
    known = {s.name: s for s in speakers}
    missing = [m for m in episode.models if m not in known]
    if missing:
        raise CallFailed(f"the plan wants the model '{missing[0]}', given: {', '.join(known)}")
    return [known[m] for m in episode.models]


def _read(reply: Reply, others: Sequence[str], kinds: Sequence[str]) -> tuple[Action, str, str]:
    """Action, note and what was wrong. Refusing and being cut off are noted, not hidden."""
    if reply.finish in ("refusal", "content_filter"):
        return Action(NONE), reply.finish, ""
    try:
        return actions.read_action(reply.text, others, kinds), "", ""
    except ValueError as error:
        note = (
            "empty"
            if not reply.text.strip()
            else "length"
            if reply.finish == "length"
            else "unreadable"
        )
        return Action(NONE), note, str(error)


def _cost(speaker: Speaker, prompt: int, completion: int) -> float:
    return (prompt * speaker.price[0] + completion * speaker.price[1]) / 1e6


def run(coroutine: Any) -> Any:
    """Run a coroutine to its end, on a thread of its own where a loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


Notice = Callable[[str], None]
