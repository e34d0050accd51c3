"""The SQLite store of a study: scenarios, characters, tasks, runs, episodes, turns, judgements.

Every turn and every judgement is one transaction, committed before the next request is made: a kill at
any moment loses at most the requests in flight. One process at a time plays into a store, held by a
lock of the operating system; reading is always possible.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interleaf.errors import CorruptData, InvalidInput, StoreError
from interleaf_sotopia.actions import KINDS, Action
from interleaf_sotopia.episode import Rules, Turn
from interleaf_sotopia.journal import JUDGEMENT, TURN, Write, turn_values
from interleaf_sotopia.reading import character, scenario
from interleaf_sotopia.records import (
    PLANNED,
    Episode,
    character_row,
    scenario_row,
)
from interleaf_sotopia.world import Task

# Each entry brings a store of the version before it up to date.
MIGRATIONS = (
    """
    CREATE TABLE scenarios (id TEXT PRIMARY KEY, record TEXT NOT NULL);
    CREATE TABLE characters (id TEXT PRIMARY KEY, record TEXT NOT NULL);
    CREATE TABLE tasks (id TEXT PRIMARY KEY, scenario TEXT NOT NULL REFERENCES scenarios,
      characters TEXT NOT NULL, background TEXT NOT NULL);
    CREATE TABLE runs (id INTEGER PRIMARY KEY, settings TEXT NOT NULL, planned INTEGER NOT NULL);
    CREATE TABLE episodes (id TEXT PRIMARY KEY, task TEXT NOT NULL REFERENCES tasks, models TEXT NOT NULL,
      settings TEXT NOT NULL, seed INTEGER NOT NULL, repetition INTEGER NOT NULL,
      status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', points TEXT NOT NULL DEFAULT '[]');
    CREATE TABLE turns (episode TEXT NOT NULL REFERENCES episodes, number INTEGER NOT NULL,
      agent INTEGER NOT NULL, kind TEXT NOT NULL, argument TEXT NOT NULL, told_to TEXT NOT NULL,
      raw TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
      PRIMARY KEY (episode, number, agent));
    CREATE TABLE judgements (episode TEXT NOT NULL REFERENCES episodes, judge TEXT NOT NULL,
      sample INTEGER NOT NULL, swapped INTEGER NOT NULL, status TEXT NOT NULL, scores TEXT NOT NULL,
      reasons TEXT NOT NULL, raw TEXT NOT NULL, error TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL, PRIMARY KEY (episode, judge, sample, swapped));
    """,
    """
    ALTER TABLE turns ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE turns ADD COLUMN note TEXT NOT NULL DEFAULT '';
    ALTER TABLE turns ADD COLUMN requests INTEGER NOT NULL DEFAULT 1;
    """,
)  # fmt: skip
APPLICATION = 0x50_69_53_6F


class Store:
    """A study in one file. ``writing``: take the lock, create it if need be."""

    def __init__(self, path: Path | str, writing: bool = False) -> None:
        self.path = Path(path)
        if not writing and not self.path.is_file():
            raise InvalidInput(
                f"there is no store {path}", hint="interleaf sotopia play … --store FILE"
            )
        self._lock = _lock(self.path) if writing else None
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA foreign_keys=ON")
            if writing:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
            self._migrate(writing)

    def close(self) -> None:
        """Let go of the file and of the lock."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def _migrate(self, writing: bool) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        ours = self._db.execute("PRAGMA application_id").fetchone()[0]
        empty = not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if not empty and ours != APPLICATION:
            raise CorruptData(f"{self.path} is a database of something else")
        if version > len(MIGRATIONS):
            raise InvalidInput(
                f"{self.path} was written by a newer version ({version}, we know {len(MIGRATIONS)})",
                hint="upgrade interleaf-sotopia",
            )
        if version < len(MIGRATIONS) and not writing:
            raise InvalidInput(f"{self.path} is of version {version}, we read {len(MIGRATIONS)}",
                               hint=f"interleaf sotopia resume {self.path}")  # fmt: skip
        for number in range(version, len(MIGRATIONS)):
            self._db.executescript(
                f"BEGIN IMMEDIATE;{MIGRATIONS[number]}PRAGMA application_id={APPLICATION};"
                f"PRAGMA user_version={number + 1};COMMIT;"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            said = str(error)
            if "not a database" in said or "malformed" in said:
                raise CorruptData(f"{self.path} is no SQLite database: {said}") from None
            hint = "free space and run it again: what was stored is whole" if "full" in said else ""
            raise StoreError(
                f"{self.path}: {said}", hint=hint or "is another program using it?"
            ) from None
        except OSError as error:
            raise StoreError(f"{self.path}: {error}") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is written together or not at all."""
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def execute(self, statements: Iterable[Write]) -> None:
        """Write in one transaction."""
        with self.transaction() as db:
            for query, values in statements:
                db.execute(query, values)

    def _rows(self, query: str, values: Iterable[Any] = ()) -> list[Any]:
        with self._explained():
            return self._db.execute(query, tuple(values)).fetchall()

    def plan(self, episodes: Iterable[Episode], settings: Mapping[str, Any]) -> int:
        """Note down episodes to be played, once; gives how many of them are new.

        ``settings``: ``rules`` and ``sampling`` are kept with each episode, all of it with the run.
        """
        wanted, kept = (
            list(episodes),
            {k: settings[k] for k in ("rules", "sampling") if k in settings},
        )
        new = 0
        with self.transaction() as db:
            for e in wanted:
                _insert_task(db, e.task)
                new += _insert_episode(db, e, kept)
            db.execute(
                "INSERT INTO runs (settings, planned) VALUES (?, ?)",
                (json.dumps(dict(settings)), new),
            )
        return new

    def add_episodes(self, episodes: Iterable[Episode]) -> int:
        """Finished episodes from elsewhere; gives how many were new."""
        new = 0
        with self.transaction() as db:
            for e in episodes:
                _insert_task(db, e.task)
                if _insert_episode(db, e, {"imported": True}):
                    new += 1
                    for t in e.turns:
                        db.execute(TURN, turn_values(e.id, t, "", (0, 0), 0, "", 0))
            db.execute("INSERT INTO runs (settings, planned) VALUES ('{}', ?)", (new,))
        return new

    def judgements(self) -> list[dict[str, Any]]:
        """All judgements, in order."""
        names = JUDGEMENT
        found = self._rows(f"SELECT {','.join(names)} FROM judgements ORDER BY 1, 2, 3, 4")
        return [
            {
                n: json.loads(v) if n in ("scores", "reasons") else v
                for n, v in zip(names, row, strict=True)
            }
            for row in found
        ]

    def settings(self) -> dict[str, Any]:
        """What the last run was asked; InvalidInput if nothing was ever planned."""
        found = self.last_settings()
        if not found:
            raise InvalidInput(
                f"nothing was planned in {self.path}", hint="interleaf sotopia play …"
            )
        return found

    def last_settings(self) -> dict[str, Any]:
        """What the last run was asked; empty for a store that was only imported into."""
        found = self._rows(
            "SELECT settings FROM runs WHERE settings != '{}' ORDER BY id DESC LIMIT 1"
        )
        settings: dict[str, Any] = json.loads(found[0][0]) if found else {}
        return settings

    def note_run(self, settings: Mapping[str, Any]) -> None:
        """Remember what is asked from now on."""
        self.execute(
            [("INSERT INTO runs (settings, planned) VALUES (?, 0)", (json.dumps(dict(settings)),))]
        )

    def planned(self) -> int:
        """How many episodes the runs planned, each counted once."""
        return int(self._rows("SELECT coalesce(sum(planned), 0) FROM runs")[0][0])

    def rules(self, episode: str) -> Rules | None:
        """The rules an episode was planned with; None for one from elsewhere."""
        found = self._asked(episode).get("rules")
        return rules_of(found) if found else None

    def sampling(self, episode: str) -> Any:
        """The agents' sampling an episode was planned with."""
        return self._asked(episode).get("sampling")

    def _asked(self, episode: str) -> dict[str, Any]:
        rows = self._rows("SELECT settings FROM episodes WHERE id=?", [episode])
        found: dict[str, Any] = json.loads(rows[0][0])
        return found

    def doubled_turns(self) -> int:
        """Turns in a place that another turn has."""
        query = (
            "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) n FROM turns GROUP BY "
            "episode, number, agent)"
        )
        return int(self._rows(query)[0][0])

    def tasks(self) -> dict[str, Task]:
        """All tasks by id."""
        people = {
            i: character(json.loads(r)) for i, r in self._rows("SELECT id, record FROM characters")
        }
        scenes = {
            i: scenario(json.loads(r)) for i, r in self._rows("SELECT id, record FROM scenarios")
        }
        return {
            i: Task(id=i, scenario=scenes[s], background=b,
                    characters=tuple(people[c] for c in json.loads(who)))
            for i, s, who, b in self._rows("SELECT id, scenario, characters, background FROM tasks")
        }  # fmt: skip

    def episodes(self, status: str = "") -> Iterator[Episode]:
        """Episodes with their turns, one at a time, in the order of their ids."""
        tasks = self.tasks()
        where = "WHERE status = ?" if status else ""
        found = self._rows(
            f"SELECT id, task, models, seed, repetition, status, reason, points FROM episodes "
            f"{where} ORDER BY id",
            [status] if status else [],
        )
        yield from (self._episode(row, tasks) for row in found)

    def episode(self, name: str, tasks: Mapping[str, Task] | None = None) -> Episode:
        """One episode with its turns."""
        found = self._rows(
            "SELECT id, task, models, seed, repetition, status, reason, points FROM episodes WHERE id=?",
            [name],
        )
        if not found:
            raise InvalidInput(f"no episode {name} in {self.path}")
        return self._episode(found[0], self.tasks() if tasks is None else tasks)

    def _episode(self, row: Any, tasks: Mapping[str, Task]) -> Episode:
        i, task, models, seed, repetition, state, reason, points = row
        turns, tokens, notes = self._turns(i)
        return Episode(
            id=i, task=tasks[task], models=tuple(json.loads(models)), turns=tuple(turns), status=state,
            reason=reason, seed=seed, repetition=repetition, tokens=tokens, notes=notes,
            points=tuple(json.loads(points)),
        )  # fmt: skip

    def unfinished(self) -> list[str]:
        """Ids of the episodes still to be played on."""
        return [
            i
            for (i,) in self._rows(
                "SELECT id FROM episodes WHERE status=? ORDER BY rowid", [PLANNED]
            )
        ]

    def counts(self) -> dict[str, int]:
        """Episodes by status."""
        return dict(self._rows("SELECT status, count(*) FROM episodes GROUP BY 1 ORDER BY 1"))

    def requests(self) -> int:
        """Requests made for the stored turns, re-asked ones counted again."""
        return int(self._rows("SELECT coalesce(sum(requests), 0) FROM turns")[0][0])

    def _turns(self, episode: str) -> tuple[list[Turn], tuple[int, int], dict[str, int]]:
        turns, notes, prompt, completion = [], dict[str, int](), 0, 0
        query = (
            "SELECT number, agent, kind, argument, told_to, prompt_tokens, completion_tokens, dropped, note "
            "FROM turns WHERE episode=? ORDER BY number, agent"
        )
        for number, who, kind, argument, to, p, c, dropped, note in self._rows(query, [episode]):
            turns.append(Turn(number, who, Action(kind, argument, tuple(json.loads(to)))))
            prompt, completion = prompt + p, completion + c
            for name in (*note.split(), *(["truncated"] if dropped else [])):
                notes[name] = notes.get(name, 0) + 1
        return turns, (prompt, completion), notes


def rules_of(row: Mapping[str, Any]) -> Rules:
    """Rules as they were stored."""
    return Rules(**{**row, "actions": tuple(row.get("actions", KINDS))})


def _insert_task(db: sqlite3.Connection, t: Task) -> None:
    s = t.scenario
    db.execute("INSERT OR IGNORE INTO scenarios VALUES (?, ?)", (s.id, json.dumps(scenario_row(s))))
    for c in t.characters:
        db.execute(
            "INSERT OR IGNORE INTO characters VALUES (?, ?)", (c.id, json.dumps(character_row(c)))
        )
    ids = json.dumps([c.id for c in t.characters])
    db.execute("INSERT OR IGNORE INTO tasks VALUES (?, ?, ?, ?)", (t.id, s.id, ids, t.background))


def _insert_episode(db: sqlite3.Connection, e: Episode, settings: Mapping[str, Any]) -> int:
    return db.execute(
        "INSERT OR IGNORE INTO episodes (id, task, models, settings, seed, repetition, status, "
        "reason, points) "
        "VALUES (?,?,?,?,?,?,?,?,?)",
        (
            e.id,
            e.task.id,
            json.dumps(e.models),
            json.dumps(dict(settings)),
            e.seed,
            e.repetition,
            e.status,
            e.reason,
            json.dumps(e.points),
        ),
    ).rowcount


def _lock(path: Path) -> int:
    """The lock beside a store, held until the process ends; StoreError names who has it."""
    file = path.with_name(path.name + ".lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: {error}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        raise StoreError(
            f"process {holder or '?'} is writing to {path}",
            hint="wait for it, or name another --store",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor
