from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from heliograph.bus.run_state import RunState
from heliograph.consumers.waiting import Waiting, WaitingRoom
from run_events import Attempt, check, model

ORDERS = model("orders")
TESTS = [check(f"t{i}", ORDERS.unique_id) for i in range(3)]


@dataclass
class OfPlan:
    """Names every node of the plan; nothing before there is one."""

    def subjects(self, state: RunState) -> Collection[str]:
        return state.attempts[1].plan if state.attempts else ()

    def decide(self, state: RunState) -> None:
        return None


async def test_whoever_waits_is_found_by_the_subjects_named_last() -> None:
    state, room = RunState(run="shop/run-1"), WaitingRoom()
    waiting: Waiting[None] = Waiting(waiter=OfPlan(), answer=asyncio.get_running_loop().create_future())
    room.enter(waiting, state)
    assert room.about(ORDERS.unique_id) == []
    run = Attempt()
    state.apply(run.planned(ORDERS, *TESTS))
    room.ask_subjects(waiting, state)
    assert room.about(ORDERS.unique_id) == [waiting]
    state.apply(run.planned(TESTS[0]))
    room.ask_subjects(waiting, state)
    assert room.about(ORDERS.unique_id) == []
    assert room.about(TESTS[0].unique_id) == [waiting]


async def test_whoever_leaves_is_forgotten_with_the_subjects() -> None:
    state, room = RunState(run="shop/run-1"), WaitingRoom()
    state.apply(Attempt().planned(ORDERS, *TESTS))
    loop = asyncio.get_running_loop()
    waitings: list[Waiting[None]] = [Waiting(waiter=OfPlan(), answer=loop.create_future()) for _ in range(3)]
    for waiting in waitings:
        room.enter(waiting, state)
    room.leave(waitings[1])
    assert room.everyone() == room.about(ORDERS.unique_id) == [waitings[0], waitings[2]]
    for waiting in waitings:
        room.leave(waiting)
    assert len(room) == 0
    assert room._by_subject == {}
