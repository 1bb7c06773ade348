"""The hub on real logs, written by another connection while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from heliograph.bus.log import EventLog
from heliograph.bus.open import open_log
from heliograph.bus.payloads import Outcome
from heliograph.consumers.decision import End, NodeQuestion, TestsQuestion
from heliograph.consumers.hub import Hub
from heliograph.consumers.shared import aclose_all, hub_for
from run_events import Attempt, check, model

RUN = "shop/run-1"
NODES = [model(f"m{i}") for i in range(300)]
TESTS = [check(f"t{i}", node.unique_id) for i, node in enumerate(NODES)]


@pytest.fixture
def writer(bus_url: str) -> Iterator[EventLog]:
    log = open_log(bus_url)
    yield log
    log.close()


@pytest.fixture
async def hub(bus_url: str) -> AsyncIterator[Hub]:
    hub = Hub(open_log(bus_url))
    yield hub
    await hub.aclose()


async def test_every_waiter_gets_its_own_nodes_end(writer: EventLog, hub: Hub) -> None:
    questions = [question(node.unique_id) for node in NODES for question in (NodeQuestion, TestsQuestion)]
    waits = [asyncio.ensure_future(hub.wait(RUN, question)) for question in questions]
    run = Attempt()
    await asyncio.to_thread(writer.append, [run.started(), run.planned(*NODES, *TESTS)])
    odd = {node.unique_id for node in [*NODES[1::2], *TESTS[1::2]]}
    for start in range(0, 300, 50):
        batch = [*NODES[start : start + 50], *TESTS[start : start + 50]]
        outcomes = [Outcome.FAIL if node.unique_id in odd else Outcome.SUCCESS for node in batch]
        events = [run.node(node, outcome) for node, outcome in zip(batch, outcomes, strict=True)]
        await asyncio.to_thread(writer.append, events)
    verdicts = await asyncio.gather(*waits)
    assert [verdict.end for verdict in verdicts] == [
        End.FAILED if question.unique_id in odd else End.SUCCESS for question in questions
    ]
    assert (hub.waiters, hub.runs) == (0, 1)


async def test_a_late_waiter_catches_up(writer: EventLog, hub: Hub) -> None:
    await asyncio.to_thread(writer.append, Attempt().whole(NODES[:3]))
    verdict = await hub.wait(RUN, NodeQuestion(NODES[2].unique_id))
    assert verdict.end is End.SUCCESS


async def test_one_hub_serves_a_url_in_a_loop(writer: EventLog, bus_url: str) -> None:
    await asyncio.to_thread(writer.append, Attempt().whole(NODES[:1]))
    hub = hub_for(bus_url)
    assert hub_for(bus_url) is hub
    assert (await hub.wait(RUN, NodeQuestion(NODES[0].unique_id))).end is End.SUCCESS
    await aclose_all()
    assert hub_for(bus_url) is not hub
    await aclose_all()


def test_each_loop_has_a_hub_of_its_own_and_a_closed_loops_hub_is_forgotten(sqlite_bus_url: str) -> None:
    from heliograph.consumers import shared

    async def of_loop() -> Hub:
        return hub_for(sqlite_bus_url)

    assert asyncio.run(of_loop()) is not asyncio.run(of_loop())
    assert sum(loop.is_closed() for loop in shared._hubs) == 1
