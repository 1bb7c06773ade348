"""What is particular to the SQLite log: its file, many processes, and what can be wrong with it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from following import Follower, first, stored, stored_of_all
from heliograph.bus.errors import BusRefused, BusUnavailable
from heliograph.bus.sqlite_log import SqliteLog
from run_events import Attempt


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "events.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(path, busy_timeout_s=0.2)
    yield log
    log.close()


def test_file_and_folder_are_made_and_closed_to_other_users(log: SqliteLog, path: Path) -> None:
    umask = os.umask(0o002)
    try:
        log.append([Attempt().heartbeat()])
    finally:
        os.umask(umask)

    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o770


def test_a_commit_waits_for_the_disk_and_not_for_readers(log: SqliteLog, path: Path) -> None:
    log.append([Attempt().heartbeat()])

    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert log._writer is not None
    assert log._writer.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_an_event_appended_twice_stands_once(log: SqliteLog) -> None:
    event = Attempt().heartbeat()
    log.append([event, event])
    log.append([event])

    assert [recorded.event for recorded in await stored(log, event.run)] == [event]


def test_many_processes_may_write_at_once(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from heliograph.bus.sqlite_log import SqliteLog; from run_events import Attempt\n"
        "log = SqliteLog(Path(sys.argv[1])); attempt = Attempt(run=sys.argv[2])\n"
        "for _ in range(50): log.append([attempt.heartbeat()])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), f"run-{number}"], env=environment)
        for number in range(4)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]

    log = SqliteLog(path)
    for number in range(4):
        sequences = [recorded.event.sequence for recorded in asyncio.run(stored(log, f"run-{number}"))]
        assert sequences == list(range(1, 51))


@pytest.mark.parametrize("broken", [(), (0,), (7,), (20,), (39,), (17, 18, 19, 20), tuple(range(40))])
async def test_what_was_appended_before_a_moment_need_not_be_read(
    log: SqliteLog, path: Path, broken: tuple[int, ...]
) -> None:
    attempt, begin = Attempt(), datetime(2026, 11, 22, tzinfo=UTC)
    events = [attempt.heartbeat().model_copy(update={"time": begin + timedelta(hours=hour)}) for hour in range(40)]
    log.append(events)
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("UPDATE events SET body = x'00' WHERE \"offset\" = ?", [(at + 1,) for at in broken])
    readable = [event for at, event in enumerate(events) if at not in broken]

    for hour in (-1, 0, 18, 39, 41):
        since = begin + timedelta(hours=hour)
        read = [recorded.event for recorded in await stored_of_all(log, since=since)]
        assert [event for event in read if event.time >= since] == [e for e in readable if e.time >= since]
        if not broken:
            assert len(read) == sum(event.time >= since - timedelta(minutes=15) for event in events)


async def test_all_followers_share_one_connection(log: SqliteLog, path: Path) -> None:
    attempt = Attempt()
    log.append([attempt.heartbeat()])
    followers = [Follower(log, attempt.run) for _ in range(5)]
    for follower in followers:
        await follower.take(1)

    session = log._reader._session
    assert session is not None
    assert session.users == 5
    for follower in followers:
        await follower.aclose()
    assert log._reader._session is None


def test_a_path_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BusRefused) as told:
        SqliteLog(tmp_path / "file" / "events.db").append([])

    assert str(told.value).startswith(f"The event log {tmp_path}/file/events.db cannot be written: ")
    assert told.value.setting == "bus_url"
    assert told.value.fix == f"give this user the right to write {tmp_path}/file, or name another file"


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BusRefused, match="cannot be written: Is a directory"):
        SqliteLog(tmp_path).append([])


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, " * 100)
    with pytest.raises(BusRefused, match=r"is not an SQLite database\. Setting: bus_url\. Fix: name another"):
        SqliteLog(path).append([Attempt().heartbeat()])

    assert path.read_text() == "no database, " * 100


def test_the_database_of_another_program_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "airflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE dag (dag_id TEXT)")
    with pytest.raises(BusRefused, match=r"is the SQLite database of another program\. Setting: bus_url"):
        SqliteLog(path).append([Attempt().heartbeat()])

    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("dag",)]


def test_a_file_that_stays_locked_is_told_and_works_once_it_is_free(log: SqliteLog, path: Path) -> None:
    event = Attempt().heartbeat()
    log.append([])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusUnavailable, match=r"stayed locked by another program\. Setting: bus_url"):
            log.append([event])
        other.execute("ROLLBACK")

    log.append([event])
    assert len(asyncio.run(stored(log, event.run))) == 1


async def test_reading_tells_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, " * 100)
    with pytest.raises(BusRefused, match="is not an SQLite database"):
        await stored(SqliteLog(path), "run")


async def test_following_waits_until_the_file_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    attempt = Attempt()
    log = SqliteLog(path, busy_timeout_s=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusUnavailable):
            await stored(log, attempt.run)
        follower = asyncio.create_task(first(1, log, attempt.run))
        other.execute("ROLLBACK")
    event = attempt.heartbeat()
    await asyncio.to_thread(log.append, [event])

    assert [recorded.event for recorded in await follower] == [event]


async def test_following_a_file_that_is_no_database_ends_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, " * 100)

    with pytest.raises(BusRefused, match="is not an SQLite database"):
        await first(1, SqliteLog(path), "run")


async def test_reading_does_not_wait_for_a_writer_in_the_middle_of_a_transaction(log: SqliteLog, path: Path) -> None:
    attempt = Attempt()
    log.append([attempt.heartbeat()])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(await stored(log, attempt.run)) == 1
        async with aclosing(Follower(log, attempt.run)) as follower:
            assert len(await follower.take(1)) == 1
