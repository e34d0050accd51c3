"""Episodes over real HTTP: faults, kills, budgets, and one request for each turn."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from interleaf.errors import InvalidInput, StoreError
from interleaf_sotopia import engine, summary
from interleaf_sotopia.endpoint import Endpoint
from interleaf_sotopia.engine import Play, planned
from interleaf_sotopia.episode import Rules
from interleaf_sotopia.limits import EndpointDown
from interleaf_sotopia.records import transcript_digest
from interleaf_sotopia.sample import sample_tasks, write_sample
from interleaf_sotopia.speaking import Ask, Random, Replay, Reply, Scripted
from interleaf_sotopia.store import Store

RULES = Rules(max_turns=6)


def play(
    store: Store, speakers: Any, rules: Rules = RULES, repetitions: int = 1, **settings: Any
) -> dict[str, int]:
    """Plan the sample tasks and play them."""
    wanted = planned(sample_tasks(), speakers, rules, repetitions=repetitions)
    store.plan(wanted, {"rules": asdict(rules), "sampling": [dict(s.sampling) for s in speakers]})
    distinct = list({s.name: s for s in speakers}.values())
    found: dict[str, int] = asyncio.run(engine.play(store, distinct, Play(rules=rules, **settings)))
    return found


def endpoint(server: Any, **settings: Any) -> Endpoint:
    """A client of a test server that does not wait long."""
    return Endpoint(url=server.url, model="test", **settings)


def test_a_request_for_each_turn_and_no_more(serve: Any, tmp_path: Path) -> None:
    server = serve()
    with Store(tmp_path / "s.db", writing=True) as store:
        assert play(store, [endpoint(server)], repetitions=5) == {"done": 10}
        told = summary.audit(store)
    assert server.counts["requests"] == told["turns"] == told["requests"]
    assert (told["lost"], told["doubled"], told["unfinished"]) == (0, 0, 0)


def test_faults_change_nothing_but_the_number_of_requests(serve: Any, tmp_path: Path) -> None:
    digests = []
    for rate in (0.0, 0.3):
        server = serve(fault_rate=rate)
        with Store(tmp_path / f"{rate}.db", writing=True) as store:
            assert play(store, [endpoint(server)], repetitions=10) == {"done": 20}
            told = summary.audit(store)
            digests.append(transcript_digest(list(store.episodes())))
        assert (told["lost"], told["doubled"]) == (0, 0)
    assert digests[0] == digests[1]
    kinds = {k for k in server.counts if k.startswith("fault_")}
    assert len(kinds) >= 4 and server.counts["requests"] > told["turns"] == told["requests"] - sum(
        server.counts[k] for k in kinds if k != "fault_slow"
    )


COMMAND = [sys.executable, "-m", "interleaf_cli", "sotopia"]


def test_three_kills_lose_nothing_and_double_nothing(serve: Any, tmp_path: Path) -> None:
    server = serve(fault_rate=0.1, latency=0.02)
    files = write_sample(tmp_path)
    asked = [
        str(files / "scenarios.jsonl"),
        "--model",
        server.url,
        "--judge",
        server.url,
        "--repetitions",
        "24",
        "--max-turns",
        "6",
        "--concurrency",
        "4",
    ]
    store = str(tmp_path / "killed.db")
    command = [*COMMAND, "play", *asked, "--store", store]
    for _ in range(3):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _until_more_turns(Path(store), 25)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        command = [*COMMAND, "resume", store]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(
        [*COMMAND, "report", store, "--json"], capture_output=True, text=True, timeout=60
    )
    found = json.loads(told.stdout)
    assert (found["done"], found["lost"], found["doubled"], found["unfinished"]) == (48, 0, 0, 0)
    assert found["ratings"] == {"done": 48, "judge_failed": 0}
    with Store(tmp_path / "whole.db", writing=True) as undisturbed:
        play(undisturbed, [endpoint(serve())], repetitions=24)
        assert transcript_digest(list(undisturbed.episodes())) == found["digest"]


def _until_more_turns(store: Path, more: int) -> None:
    """Wait until the process has stored further turns."""
    begun, first = time.monotonic(), None
    while time.monotonic() - begun < 60:
        try:
            with Store(store) as opened:
                turns = opened.requests()
            first = turns if first is None else first
            if turns >= first + more:
                return
        except (InvalidInput, StoreError):
            pass
        time.sleep(0.05)
    raise AssertionError("nothing was played")


def test_what_always_fails_stops_the_run_at_once(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(key="right-key-123")
    monkeypatch.setenv("SOTOPIA_TEST_KEY", "wrong-key-456")
    with Store(tmp_path / "s.db", writing=True) as store:
        with pytest.raises(EndpointDown) as caught:
            play(store, [endpoint(server, key="SOTOPIA_TEST_KEY")], repetitions=10)
        assert server.counts["answered"] == 0 and len(store.unfinished()) >= 10
    assert "wrong-key-456" not in str(caught.value) and "[key]" in str(caught.value)
    for file in tmp_path.iterdir():
        assert b"wrong-key-456" not in file.read_bytes()
    monkeypatch.setenv("SOTOPIA_TEST_KEY", "right-key-123")
    with Store(tmp_path / "s.db", writing=True) as store:
        assert play(store, [endpoint(server, key="SOTOPIA_TEST_KEY")], repetitions=10)["done"] >= 10
        assert summary.audit(store)["lost"] == 0
    for file in tmp_path.iterdir():
        assert b"right-key-123" not in file.read_bytes()


def test_a_missing_key_is_told_by_the_variables_name(serve: Any, tmp_path: Path) -> None:
    with (
        Store(tmp_path / "s.db", writing=True) as store,
        pytest.raises(InvalidInput, match="NO_SUCH_KEY"),
    ):
        play(store, [endpoint(serve(), key="NO_SUCH_KEY")])


def test_an_endpoint_that_stays_broken_is_given_up(serve: Any, tmp_path: Path) -> None:
    server = serve(fault_rate=1.0, fault_times=10**6, faults=("500",))
    with Store(tmp_path / "s.db", writing=True) as store:
        with pytest.raises(EndpointDown, match="the same way"):
            play(store, [endpoint(server, attempts=2, patience=2)], repetitions=20, concurrency=1)
        assert server.counts["requests"] <= 2 * 4
        assert len(store.unfinished()) == 40


class Says(Scripted):
    """One reply for every request."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(name="says")
        object.__setattr__(self, "said", reply)

    __slots__ = ("said",)

    async def reply(self, ask: Ask) -> Reply:
        return self.said  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reply", "note", "requests"),
    [
        (Reply(""), "empty", 3),
        (Reply("I will not."), "unreadable", 3),
        (Reply('{"action_type": "speak", "argum', finish="length"), "length", 3),
        (Reply("", finish="refusal"), "refusal", 1),
        (Reply("", finish="content_filter"), "content_filter", 1),
    ],
)
def test_what_is_no_action_is_nothing_done_and_noted(
    reply: Reply, note: str, requests: int, tmp_path: Path
) -> None:
    with Store(tmp_path / "s.db", writing=True) as store:
        assert play(store, [Says(reply)]) == {"done": 2}
        for e in store.episodes():
            assert e.reason == "stale" and e.notes == {note: 3}
        assert store.requests() == 6 * requests


def test_a_budget_ends_an_episode(tmp_path: Path) -> None:
    costly = Says(Reply('{"action_type": "speak", "argument": "x"}', 60, 40))
    with Store(tmp_path / "s.db", writing=True) as store:
        assert play(store, [costly], budget_tokens=250) == {"over_budget": 2}
        assert all(len(e.turns) == 3 and "300 tokens of 250" in e.reason for e in store.episodes())
        assert summary.audit(store)["lost"] == 0


def test_the_same_plan_is_the_same_episodes(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writing=True) as store:
        play(store, [Scripted(), Random()])
        before = transcript_digest(list(store.episodes()))
        assert play(store, [Scripted(), Random()]) == {}
        assert transcript_digest(list(store.episodes())) == before
        play(store, [Scripted(), Random()], rules=replace(RULES, max_turns=5))
        assert len(list(store.episodes())) == 4


def test_both_orders_swap_who_speaks_first(tmp_path: Path) -> None:
    first, second = planned(sample_tasks()[:1], [Scripted(), Random()], RULES, both_orders=True)
    assert first.task.names == second.task.names[::-1] and first.models == second.models[::-1]
    assert first.task.scenario.goals == second.task.scenario.goals[::-1]


def test_a_recording_is_played_again(tmp_path: Path) -> None:
    with Store(tmp_path / "a.db", writing=True) as store:
        play(store, [Random()])
        recorded = {e.task.id: e.turns for e in store.episodes()}
    with Store(tmp_path / "b.db", writing=True) as store:
        play(store, [Replay(recorded=recorded)])
        assert {e.task.id: e.turns for e in store.episodes()} == recorded


def test_three_agents(tmp_path: Path) -> None:
    from interleaf_sotopia.world import Character, Scenario, Task

    people = tuple(Character(id=n, first_name=n) for n in ("Ann", "Anna", "Bo"))
    task = Task(
        id="t3",
        characters=people,
        scenario=Scenario(id="s3", scenario="A table.", goals=("a", "b", "c")),
    )
    for order in ("round-robin", "simultaneous", "random"):
        rules = Rules(max_turns=6, order=order)
        with Store(tmp_path / f"{order}.db", writing=True) as store:
            store.plan(planned([task], [Scripted()], rules), {"rules": asdict(rules)})
            assert asyncio.run(engine.play(store, [Scripted()], Play(rules=rules))) == {"done": 1}
            told = summary.audit(store)
            assert (told["lost"], told["doubled"]) == (0, 0)
            (e,) = store.episodes()
            assert {t.agent for t in e.turns} <= {0, 1, 2} and e.models == ("scripted",) * 3


def test_litellm_is_asked_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace as Some

    asked: list[dict[str, Any]] = []

    async def acompletion(**body: Any) -> Any:
        asked.append(body)
        message = Some(content='{"action_type": "leave", "argument": ""}', refusal=None)
        choices = [Some(message=message, finish_reason="stop")]
        return Some(choices=choices, usage=Some(prompt_tokens=7, completion_tokens=3))

    monkeypatch.setitem(sys.modules, "litellm", Some(acompletion=acompletion))
    monkeypatch.setenv("SOTOPIA_TEST_KEY", "a-key")
    speaker = Endpoint(model="x/y", library="litellm", key="SOTOPIA_TEST_KEY")
    ask = Ask(
        messages=[{"role": "user", "content": "?"}],
        schema={},
        seed=1,
        task=sample_tasks()[0],
        agent=0,
        number=0,
    )
    reply = asyncio.run(speaker.reply(ask))
    assert (reply.prompt_tokens, reply.completion_tokens) == (7, 3) and "leave" in reply.text
    assert asked[0]["model"] == "x/y" and asked[0]["api_key"] == "a-key" and asked[0]["seed"] == 1
