"""The store: locks, older versions, full disks, foreign files."""

import sqlite3
from pathlib import Path

import pytest

from interleaf.errors import CorruptData, InvalidInput, StoreError
from interleaf_sotopia import summary
from interleaf_sotopia.exchange import read_episodes, write_episodes
from interleaf_sotopia.journal import turn_written
from interleaf_sotopia.records import transcript_digest
from interleaf_sotopia.sample import sample_episodes
from interleaf_sotopia.store import APPLICATION, MIGRATIONS, Store


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writing=True) as first:
        first.add_episodes(sample_episodes())
        with pytest.raises(StoreError, match="is writing to"):
            Store(tmp_path / "s.db", writing=True)
        with Store(tmp_path / "s.db") as reader:
            assert len(list(reader.episodes())) == 4
    Store(tmp_path / "s.db", writing=True).close()


def test_an_older_store_is_brought_up_to_date_and_keeps_everything(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    db = sqlite3.connect(file)
    db.executescript(
        f"BEGIN;{MIGRATIONS[0]}PRAGMA application_id={APPLICATION};PRAGMA user_version=1;COMMIT;"
    )
    db.execute(
        """INSERT INTO scenarios VALUES ('s', '{"env_id": "s", "scenario": "x", "agent_goals": ["a",
        "b"]}')"""
    )
    for c in "ab":
        db.execute(
            "INSERT INTO characters VALUES (?, ?)",
            (c, f'{{"agent_id": "{c}", "first_name": "{c}"}}'),
        )
    db.execute("""INSERT INTO tasks VALUES ('t', 's', '["a", "b"]', '')""")
    db.execute("""INSERT INTO episodes (id, task, models, settings, seed, repetition, status)
                  VALUES ('e', 't', '["m", "m"]', '{}', 0, 0, 'done')""")
    db.execute("INSERT INTO turns VALUES ('e', 0, 0, 'speak', 'hi', '[]', '', 1, 2)")
    db.commit()
    db.close()
    with pytest.raises(InvalidInput, match="version 1"):
        Store(file)
    with Store(file, writing=True) as store:
        (e,) = store.episodes()
    assert e.turns[0].action.argument == "hi" and e.tokens == (1, 2)
    with Store(file) as store:
        assert store.counts() == {"done": 1}


def test_a_newer_or_foreign_store_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writing=True) as store:
        store.execute([("PRAGMA user_version=99", ())])
    db = sqlite3.connect(tmp_path / "s.db")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(InvalidInput, match="newer"):
        Store(tmp_path / "s.db", writing=True)
    db = sqlite3.connect(tmp_path / "other.db")
    db.execute("CREATE TABLE x (y)")
    db.close()
    with pytest.raises(CorruptData, match="something else"):
        Store(tmp_path / "other.db", writing=True)
    (tmp_path / "text.db").write_text("hello " * 1000)
    with pytest.raises(CorruptData, match="no SQLite"):
        Store(tmp_path / "text.db", writing=True)
    with pytest.raises(InvalidInput, match="no store"):
        Store(tmp_path / "absent.db")


def test_a_full_disk_keeps_what_was_written(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writing=True) as store:
        store.add_episodes(sample_episodes())
        pages = store._rows("PRAGMA page_count")[0][0]
        store._rows(f"PRAGMA max_page_count={pages + 1}")
        turn = sample_episodes()[0].turns[0]
        with pytest.raises(StoreError, match="full") as caught:
            for n in range(200):
                changed = type(turn)(100 + n, 0, type(turn.action)("speak", "x" * 3000))
                store.execute(turn_written("e00", changed))
        assert "what was stored is whole" in str(caught.value)
    with Store(tmp_path / "s.db") as store:
        assert len(list(store.episodes())) == 4


def test_a_second_turn_in_one_place_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writing=True) as store:
        (first, *_) = sample_episodes()
        store.add_episodes([first])
        with pytest.raises(StoreError, match="UNIQUE"):
            store.execute(turn_written(first.id, first.turns[0]))


def test_what_is_missing_is_counted_as_lost(tmp_path: Path) -> None:
    from dataclasses import asdict, replace

    from interleaf_sotopia.episode import Rules
    from interleaf_sotopia.records import PLANNED

    e = replace(sample_episodes()[0], status=PLANNED, turns=())
    with Store(tmp_path / "s.db", writing=True) as store:
        store.plan([e], {"rules": asdict(Rules())})
        store.execute(
            [
                w
                for t in (0, 2)
                for w in turn_written(e.id, replace(sample_episodes()[0].turns[0], number=t))
            ]
        )
        store.execute([("UPDATE episodes SET status='done'", ())])
        assert summary.audit(store)["lost"] == 1
        store.execute([("DELETE FROM turns", ()), ("DELETE FROM episodes", ())])
        assert summary.audit(store)["lost"] == 1


@pytest.mark.parametrize("name", ["e.jsonl", "e.parquet"])
def test_episodes_out_and_in(name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    assert write_episodes(tmp_path / name, sample_episodes()) == 4
    found = read_episodes(tmp_path / name)
    assert found == sample_episodes()
    with Store(tmp_path / "s.db", writing=True) as store:
        assert store.add_episodes(found) == 4 and store.add_episodes(found) == 0
        assert transcript_digest(list(store.episodes())) == transcript_digest(found)
        told = summary.audit(store)
        assert (told["planned"], told["lost"], told["doubled"]) == (4, 0, 0)
