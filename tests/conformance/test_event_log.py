"""What every event log does, asserted on the real thing behind each URL scheme."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from bus_fixtures import RealLog, write_raw
from following import WAIT_S, Follower, first, stored, stored_of_all, until_connected
from heliograph.bus.errors import NewerEventVersion
from heliograph.bus.events import Event, encode
from heliograph.bus.log import Recorded
from run_events import Attempt, model

NODES = [model(name) for name in ("orders", "customers", "payments")]


def events_of(recorded: list[Recorded]) -> list[Event]:
    return [item.event for item in recorded]


def whole_run(run: str = "shop/run-1") -> list[Event]:
    return Attempt(run=run).whole(NODES)


async def test_events_are_read_in_the_order_they_were_appended(log: RealLog) -> None:
    events = whole_run()
    log.append(events[:2])
    log.append(events[2:])

    recorded = await stored(log, "shop/run-1")

    assert events_of(recorded) == events
    assert [item.offset for item in recorded] == sorted({item.offset for item in recorded})


async def test_a_batch_larger_than_one_page_arrives_whole(log: RealLog) -> None:
    attempt = Attempt()
    events = [attempt.heartbeat() for _ in range(1_500)]
    log.append(events)

    assert events_of(await stored(log, attempt.run)) == events
    assert events_of(await first(1_500, log, attempt.run)) == events


async def test_appending_nothing_changes_nothing(log: RealLog) -> None:
    log.append([])
    log.append(whole_run())
    log.append([])

    assert len(await stored(log, "shop/run-1")) == len(whole_run())


async def test_what_was_appended_is_there_for_another_object(log: RealLog, another_log: RealLog) -> None:
    events = whole_run()
    log.append(events)

    assert events_of(await stored(another_log, "shop/run-1")) == events


async def test_what_another_process_appended_is_there(log: RealLog, bus_url: str) -> None:
    events = whole_run()
    script = (
        "import sys; from heliograph.bus.events import decode; from heliograph.bus.open import open_log\n"
        "log = open_log(sys.argv[1]); log.append([decode(line) for line in sys.stdin.buffer]); log.close()"
    )
    lines = b"\n".join(map(encode, events))
    command = [sys.executable, "-c", script, bus_url]
    await asyncio.to_thread(subprocess.run, command, input=lines, check=True, timeout=WAIT_S)

    assert events_of(await stored(log, "shop/run-1")) == events


async def test_a_follower_gets_what_was_there_and_what_comes(log: RealLog) -> None:
    events = whole_run()
    log.append(events[:3])
    async with aclosing(Follower(log, "shop/run-1")) as follower:
        before = await follower.take(3)
        await asyncio.to_thread(log.append, events[3:])
        after = await follower.take(len(events) - 3)

    assert events_of(before + after) == events


async def test_a_follower_may_come_before_the_first_event(log: RealLog, another_log: RealLog) -> None:
    events = whole_run()
    follower = asyncio.create_task(first(len(events), log, "shop/run-1"))
    await until_connected(log)
    await asyncio.to_thread(another_log.append, events)

    assert events_of(await follower) == events


async def test_a_follower_that_joins_late_gets_the_whole_run(log: RealLog, another_log: RealLog) -> None:
    began = datetime.now(UTC)
    events = whole_run()
    log.append(events)

    assert events_of(await first(len(events), another_log, "shop/run-1", since=began)) == events


async def test_the_margin_covers_a_clock_that_runs_ahead(log: RealLog) -> None:
    events = whole_run()
    log.append(events)

    ahead = datetime.now(UTC) + timedelta(minutes=10)

    assert events_of(await first(len(events), log, "shop/run-1", since=ahead)) == events


async def test_reading_goes_on_behind_an_offset(log: RealLog) -> None:
    events = whole_run()
    log.append(events)
    recorded = await stored(log, "shop/run-1")

    assert await stored(log, "shop/run-1", after=recorded[1].offset) == recorded[2:]
    assert await stored(log, "shop/run-1", after=recorded[-1].offset) == []


async def test_reading_an_empty_log_ends(log: RealLog) -> None:
    assert await stored(log, "shop/run-1") == []


async def test_reading_a_run_of_which_nothing_is_known_ends(log: RealLog) -> None:
    log.append(whole_run())

    assert await stored(log, "shop/run-2") == []


async def test_runs_that_are_interleaved_are_kept_apart(log: RealLog) -> None:
    runs = [f"shop/run-{number}" for number in range(5)]
    batches = [whole_run(run) for run in runs]
    for same_step in zip(*batches, strict=True):
        log.append(same_step)

    followed = await asyncio.gather(*(first(len(batches[0]), log, run) for run in runs))

    assert [events_of(recorded) for recorded in followed] == batches
    assert [events_of(await stored(log, run)) for run in runs] == batches


async def test_the_events_of_all_runs_are_read_in_log_order(log: RealLog, another_log: RealLog) -> None:
    batches = [whole_run(f"shop/run-{number}") for number in range(3)]
    for same_step in zip(*batches, strict=True):
        another_log.append(same_step)

    recorded = await stored_of_all(log)

    assert events_of(recorded) == [event for same_step in zip(*batches, strict=True) for event in same_step]
    assert [item.offset for item in recorded] == sorted({item.offset for item in recorded})
    assert await stored_of_all(log, after=recorded[2].offset) == recorded[3:]
    assert await stored_of_all(log, after=recorded[-1].offset) == []


async def test_reading_all_of_an_empty_log_ends(log: RealLog) -> None:
    assert await stored_of_all(log) == []
    assert await stored_of_all(log, since=datetime.now(UTC)) == []


async def test_reading_all_gives_more_than_one_page_and_only_what_is_there_when_it_begins(log: RealLog) -> None:
    attempt = Attempt()
    events = [attempt.heartbeat() for _ in range(1_500)]
    log.append(events)

    read: list[Event] = []
    async with asyncio.timeout(WAIT_S), aclosing(log.read_all()) as recorded:
        async for item in recorded:
            if not read:
                await asyncio.to_thread(log.append, whole_run("shop/later"))
            read.append(item.event)

    assert read == events


async def test_what_came_since_a_moment_is_read_whole(log: RealLog) -> None:
    events = whole_run()
    log.append(events)

    assert events_of(await stored_of_all(log, since=datetime.now(UTC))) == events
    assert events_of(await stored_of_all(log, since=datetime.now(UTC) - timedelta(days=1))) == events


async def test_nothing_came_since_a_moment_long_after(log: RealLog) -> None:
    log.append(whole_run())

    assert await stored_of_all(log, since=datetime.now(UTC) + timedelta(days=1)) == []


async def test_one_run_that_cannot_be_read_does_not_hide_the_others(log: RealLog, bus_url: str) -> None:
    events = whole_run()
    log.append(events[:1])
    write_raw(bus_url, run="shop/run-new", body=json.dumps({"type": "dev.heliograph.node.finished.v2"}).encode())
    write_raw(bus_url, run="shop/broken", body=b"{")
    write_raw(bus_url, run="shop/other", body=json.dumps({"type": "com.example.other"}).encode())
    log.append(events[1:])

    assert events_of(await stored_of_all(log)) == events
    assert log.unreadable == 2


async def test_several_followers_of_one_object_get_everything(log: RealLog) -> None:
    events = whole_run()
    followers = [asyncio.create_task(first(len(events), log, "shop/run-1")) for _ in range(10)]
    for event in events:
        await asyncio.to_thread(log.append, [event])

    assert [events_of(recorded) for recorded in await asyncio.gather(*followers)] == [events] * 10


async def test_a_follower_that_leaves_does_not_disturb_the_others(log: RealLog) -> None:
    events = whole_run()
    log.append(events[:1])
    async with aclosing(Follower(log, "shop/run-1")) as staying:
        await staying.take(1)
        async with aclosing(Follower(log, "shop/run-1")) as leaving:
            await leaving.take(1)
        await asyncio.to_thread(log.append, events[1:])

        assert events_of(await staying.take(len(events) - 1)) == events[1:]


async def test_a_cancelled_follower_does_not_disturb_the_next(log: RealLog) -> None:
    events = whole_run()
    log.append(events)
    waiting = asyncio.create_task(first(len(events) + 1, log, "shop/run-1"))
    await until_connected(log)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert events_of(await first(len(events), log, "shop/run-1")) == events


async def test_what_is_unreadable_is_passed_over_and_counted(log: RealLog, bus_url: str) -> None:
    events = whole_run()
    unreadable = [b"", b"\x00\xff", b"{", b"[]", b'{"type": "dev.heliograph.node.finished.v1"}']
    log.append(events[:1])
    for body in unreadable:
        write_raw(bus_url, run="shop/run-1", body=body)
    log.append(events[1:])

    assert events_of(await first(len(events), log, "shop/run-1")) == events
    assert log.unreadable == len(unreadable)
    assert events_of(await stored(log, "shop/run-1")) == events


async def test_events_of_unknown_kinds_are_skipped_and_not_counted_as_unreadable(log: RealLog, bus_url: str) -> None:
    events = whole_run()
    for kind in ("dev.heliograph.node.dreamed.v1", "com.example.other"):
        write_raw(bus_url, run="shop/run-1", body=json.dumps({"type": kind, "anything": [1]}).encode())
    log.append(events)

    assert events_of(await first(len(events), log, "shop/run-1")) == events
    assert log.unreadable == 0


async def test_a_newer_version_ends_the_run_it_is_in_and_no_other(log: RealLog, bus_url: str) -> None:
    body = json.dumps({"type": "dev.heliograph.node.finished.v2"}).encode()
    write_raw(bus_url, run="shop/run-new", body=body)
    log.append(whole_run("shop/run-old"))

    with pytest.raises(NewerEventVersion, match=r"dev\.heliograph\.node\.finished\.v2.*upgrade the heliograph package"):
        await first(1, log, "shop/run-new")
    with pytest.raises(NewerEventVersion):
        await stored(log, "shop/run-new")
    assert len(await first(2, log, "shop/run-old")) == 2


async def test_appending_again_after_a_doubt_is_safe(log: RealLog) -> None:
    events = whole_run()
    log.append(events[:3])
    log.append(events)

    read = events_of(await stored(log, "shop/run-1"))

    assert list(dict.fromkeys(event.id for event in read)) == [event.id for event in events]


async def test_being_connected_is_told_by_the_time_since(log: RealLog) -> None:
    log.append(whole_run())
    assert log.connected_since is None

    async with aclosing(Follower(log, "shop/run-1")) as follower:
        await follower.take(1)
        assert log.connected_since is not None


async def test_closing_twice_is_the_same_as_once(log: RealLog) -> None:
    log.append(whole_run())
    await stored(log, "shop/run-1")
    for _ in range(2):
        log.close()
        await log.aclose()

    assert log.connected_since is None


async def test_closing_ends_a_follower_that_waits(log: RealLog) -> None:
    events = whole_run()
    log.append(events)
    follower = Follower(log, "shop/run-1")
    await follower.take(len(events))
    waiting = asyncio.create_task(follower.take(1))
    await asyncio.sleep(0)
    await log.aclose()

    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_a_closed_log_may_be_used_again(log: RealLog) -> None:
    events = whole_run()
    log.append(events[:2])
    log.close()
    await log.aclose()
    log.append(events[2:])

    assert events_of(await first(len(events), log, "shop/run-1")) == events
