"""``interleaf sotopia play | resume | judge | report | serve-test`` and the files in and out."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context
from interleaf_sotopia.actions import KINDS

StorePath = Annotated[Path, typer.Argument(help="the SQLite file of a study")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
MODEL = "http://HOST:PORT/v1#NAME, litellm:NAME, gemma.decoder[:FOLDER], scripted, random, human, replay:FILE"
Concurrency = Annotated[int, typer.Option(help="requests under way at once", min=1)]


class Lines:
    """Progress as one line that is written over, on stderr."""

    told = 0.0

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """How many of how many."""
        if time.monotonic() - self.told < 0.5 and done != total:
            return
        self.told = time.monotonic()
        words = "  ".join(f"{k} {v}" for k, v in info.items() if v)
        end = "\n" if done == total else "\r"
        print(f"\x1b[K{done:g}/{total or 0:g}  {words}", end=end, file=sys.stderr, flush=True)

    def notice(self, message: str) -> None:
        """A line of its own."""
        print(message, file=sys.stderr)


def play(
    scenarios: Annotated[
        Path,
        typer.Argument(help="SOTOPIA's scenarios; its other files are found beside it"),
    ],
    model: Annotated[str, typer.Option(help=MODEL)],
    partner: Annotated[
        str, typer.Option(help="plays the second agent; by default the model itself")
    ] = "",
    judge: Annotated[str, typer.Option(help="rates the finished episodes; as --model")] = "",
    store: Annotated[Path, typer.Option(help="the study's SQLite file; made if need be")] = Path(
        "sotopia.db"
    ),
    characters: Annotated[Path | None, typer.Option()] = None,
    combos: Annotated[
        Path | None, typer.Option(help="which characters play which scenario")
    ] = None,
    limit: Annotated[int, typer.Option(help="of the tasks; 0: all")] = 0,
    hard: Annotated[bool, typer.Option(help="the hard scenarios alone")] = False,
    both_orders: Annotated[
        bool, typer.Option(help="each task with either agent speaking first")
    ] = False,
    repetitions: Annotated[int, typer.Option(min=1)] = 1,
    seed: int = 0,
    max_turns: Annotated[int, typer.Option(min=1)] = 20,
    order: Annotated[str, typer.Option(help="round-robin, simultaneous or random")] = "round-robin",
    actions: Annotated[str, typer.Option(help="what agents may do, with commas")] = ",".join(KINDS),
    concurrency: Concurrency = 8,
    key: Annotated[str, typer.Option(help="environment variable with the models' key")] = "",
    judge_key: Annotated[
        str, typer.Option(help="environment variable with the judge's key; by default --key")
    ] = "",
    temperature: Annotated[float, typer.Option(help="of the agents; judges have 0")] = 0.7,
    max_tokens: Annotated[int, typer.Option(help="of an action")] = 256,
    format: Annotated[
        str, typer.Option(help="schema, object or text: how the endpoint is held to JSON")
    ] = "schema",
    style: Annotated[
        str, typer.Option(help="full, or brief for models with little context")
    ] = "full",
    context: Annotated[
        int, typer.Option(help="tokens the models read; 0: any. The oldest turns are left out")
    ] = 0,
    requests_per_minute: Annotated[float, typer.Option(help="of one endpoint; 0: any")] = 0,
    tokens_per_minute: Annotated[float, typer.Option(help="of one endpoint; 0: any")] = 0,
    price: Annotated[
        tuple[float, float], typer.Option(help="of a million prompt and completion tokens")
    ] = (0.0, 0.0),
    judge_price: Annotated[tuple[float, float], typer.Option(help="the same of the judge")] = (
        0.0,
        0.0,
    ),
    budget_tokens: Annotated[int, typer.Option(help="of an episode; 0: any")] = 0,
    budget_money: Annotated[float, typer.Option(help="of an episode; 0: any")] = 0.0,
    samples: Annotated[int, typer.Option(help="ratings of each episode", min=1)] = 1,
    swap: Annotated[bool, typer.Option(help="rate with the agents in either order")] = False,
) -> None:
    """Play every task and rate the episodes; every turn is stored before the next is asked for."""
    from interleaf_sotopia.episode import ORDERS, Rules
    from interleaf_sotopia.prompts import STYLES
    from interleaf_sotopia.reading import beside, read_tasks

    _one_of("order", order, ORDERS)
    _one_of("style", style, STYLES)
    allowed = tuple(a.strip() for a in actions.split(","))
    for a in allowed:
        _one_of("actions", a, KINDS)
    _one_of("format", format, ("schema", "object", "text"))
    people = characters or beside(scenarios, "characters")
    if people is None:
        raise InvalidInput(
            f"who plays {scenarios}?", hint="--characters FILE, or characters.jsonl beside it"
        )
    pairs = combos or beside(scenarios, "combos")
    tasks = read_tasks(scenarios, people, pairs, beside(scenarios, "relationships"), Lines().notice)
    tasks = [t for t in tasks if t.scenario.hard or not hard][: limit or None]
    if not tasks:
        raise InvalidInput(f"{scenarios} has no {'hard ' if hard else ''}tasks to play")
    common = {
        "key": key, "format": format, "concurrency": concurrency,
        "requests_per_minute": requests_per_minute, "tokens_per_minute": tokens_per_minute,
    }  # fmt: skip
    asked: dict[str, Any] = {
        "model": model,
        "partner": partner,
        "judge": judge,
        "concurrency": concurrency,
        "rules": asdict(Rules(max_turns=max_turns, order=order, actions=allowed)),
        "options": {
            **common,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "style": style,
            "context": context,
            "price": price,
        },
        "judge_options": {
            **common,
            "key": judge_key or key,
            "temperature": 0.0,
            "max_tokens": 2048,
            "price": judge_price,
        },
        "prices": {"model": price, "judge": judge_price},
        "budget_tokens": budget_tokens,
        "budget_money": budget_money,
        "samples": samples,
        "swap": swap,
    }
    from interleaf_sotopia.engine import planned
    from interleaf_sotopia.store import Store, rules_of

    agents = _agents(asked)
    with Store(store, writing=True) as opened:
        sampling = [dict(a.sampling) for a in agents]
        wanted = planned(tasks, agents, rules_of(asked["rules"]), seed, repetitions, both_orders)
        new = opened.plan(wanted, {**asked, "sampling": sampling})
        Lines().notice(f"{len(tasks)} tasks, {new} new episodes in {store}")
        _go_on(opened, asked, agents)


def resume(
    store: StorePath,
    model: Annotated[str, typer.Option(help="another address of the model")] = "",
    partner: Annotated[str, typer.Option(help="another address of the partner")] = "",
    judge: Annotated[str, typer.Option(help="another judge")] = "",
    concurrency: Annotated[int, typer.Option(help="0: as before")] = 0,
    failed: Annotated[bool, typer.Option("--failed", help="episodes that failed, too")] = False,
) -> None:
    """Go on with what `play` began: the next turn of each unfinished episode."""
    from interleaf_sotopia.store import Store

    with Store(store, writing=True) as opened:
        asked = opened.settings()
        given = {"model": model, "partner": partner, "judge": judge, "concurrency": concurrency}
        asked |= {k: v for k, v in given.items() if v}
        opened.note_run(asked)
        if failed:
            opened.execute(
                [("UPDATE episodes SET status='planned', reason='' WHERE status='failed'", ())]
            )
        _go_on(opened, asked, _agents(asked))


def judge(
    store: StorePath,
    judge: Annotated[list[str], typer.Option("--judge", help=f"{MODEL}; several are a panel")],
    key: Annotated[str, typer.Option(help="environment variable with the key")] = "",
    samples: Annotated[int, typer.Option(min=1)] = 1,
    swap: Annotated[bool, typer.Option(help="with the agents in either order")] = False,
    dimensions: Annotated[str, typer.Option(help="sotopia or goal")] = "sotopia",
    format: Annotated[str, typer.Option(help="schema, object or text")] = "schema",
    most_failed: Annotated[
        float, typer.Option(help="share of failed ratings that is an error")
    ] = 0.05,
    concurrency: Concurrency = 8,
) -> None:
    """Rate what has no rating yet; failures are no scores, and too many of them an error."""
    from interleaf_sotopia.store import Store

    options = {
        "key": key,
        "format": format,
        "temperature": 0.0,
        "max_tokens": 2048,
        "concurrency": concurrency,
    }
    with Store(store, writing=True) as opened:
        _judged(opened, judge, options, samples, swap, concurrency, dimensions, most_failed)


def report(
    store: StorePath,
    json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="an HTML page to write")] = None,
    title: str = "Social episodes",
) -> None:
    """What was planned, played, lost, doubled, spent and rated; as JSON, as a page with all transcripts."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_sotopia import summary
    from interleaf_sotopia.store import Store

    with Store(store) as opened:
        told = summary.summary(opened)
        if out is not None:
            write_atomic(out, summary.html(opened, title).encode())
    if json:
        print(summary.as_json(told))
        return
    for name in (
        "planned",
        "done",
        "failed",
        "over_budget",
        "unfinished",
        "lost",
        "doubled",
        "turns",
        "requests",
    ):
        print(f"{name:12} {told[name]}")
    for name, m in told["scores"].items():
        if m["value"] is not None and name.partition("/")[0] in ("goal", "overall"):
            print(
                f"{name:30} {m['value']:.2f}"
                + (f"  [{m['interval'][0]:.2f}, {m['interval'][1]:.2f}]" if m["interval"] else "")
            )
    if out is not None:
        print(out)


def serve_test(
    port: Annotated[int, typer.Option(help="0: any free one")] = 8800,
    latency: Annotated[float, typer.Option(help="seconds an answer takes")] = 0.0,
    fault_rate: Annotated[
        float, typer.Option(help="share of requests that fail at first", min=0, max=1)
    ] = 0.0,
    turns: Annotated[int, typer.Option(help="after which its agents begin to leave")] = 4,
    key: Annotated[
        str, typer.Option(help="environment variable with the key clients must send")
    ] = "",
) -> None:
    """A chat endpoint on this machine that answers foretellably, with faults to order; GET /stats counts."""
    from interleaf.params import reveal
    from interleaf_sotopia.serving import TestServer

    async def serve() -> None:
        server = TestServer(
            port=port,
            latency=latency,
            fault_rate=fault_rate,
            turns=turns,
            key=reveal(key) if key else "",
        )
        await server.start()
        print(f"test at {server.url} (end with Ctrl-C)", flush=True)
        await server.forever()

    try:
        asyncio.run(serve())
    except OSError as error:
        raise InvalidInput(f"port {port}: {error.strerror}", hint="another --port, or 0") from None


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidInput(f"--{name} is '{value}'", hint=f"expected {', '.join(known)}")


def _agents(asked: dict[str, Any]) -> list[Any]:
    from interleaf_sotopia.addresses import speaker

    options = {**asked["options"], "price": tuple(asked["options"]["price"])}
    first = speaker(asked["model"], options)
    if not asked["partner"] or asked["partner"] == asked["model"]:
        return [first]
    return [first, speaker(asked["partner"], options)]


def _go_on(opened: Any, asked: dict[str, Any], agents: list[Any]) -> None:
    from interleaf_sotopia import engine
    from interleaf_sotopia.addresses import distinct
    from interleaf_sotopia.store import rules_of

    settings = engine.Play(
        rules=rules_of(asked["rules"]), concurrency=asked["concurrency"],
        budget_tokens=asked["budget_tokens"], budget_money=asked["budget_money"],
    )  # fmt: skip
    counts = asyncio.run(engine.play(opened, distinct(agents), settings, Context(monitor=Lines())))
    left = len(opened.unfinished())
    print(", ".join(f"{n} {k}" for k, n in sorted(counts.items())) or "nothing left to play")
    if left:
        raise InterleafError(
            f"{left} episodes are not finished", hint=f"interleaf sotopia resume {opened.path}"
        )
    if asked["judge"]:
        options = {**asked["judge_options"], "price": tuple(asked["judge_options"]["price"])}
        _judged(
            opened, [asked["judge"]], options, asked["samples"], asked["swap"], asked["concurrency"]
        )


def _judged(
    opened: Any, judges: list[str], options: dict[str, Any], samples: int, swap: bool, concurrency: int,
    dimensions: str = "sotopia", most_failed: float = 0.05,
) -> None:  # fmt: skip
    from interleaf_sotopia import judging, scores
    from interleaf_sotopia.addresses import distinct, speaker

    _one_of("dimensions", dimensions, tuple(scores.SETS))
    settings = judging.Judging(
        dimensions=dimensions, samples=samples, swap=swap, concurrency=concurrency
    )
    panel = distinct([speaker(j, options) for j in judges])
    counts = asyncio.run(judging.judge(opened, panel, settings, Context(monitor=Lines())))
    print(f"{counts['done']} ratings, {counts['judge_failed']} failed")
    judging.check_rate(opened.judgements(), most_failed)
