"""Logs of real runs, replayed: each task ends as dbt's own artefacts say it must, in whatever order events come."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from heliograph.bus.events import Event, decode
from heliograph.bus.payloads import Outcome, SkipReason
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import NodeQuestion, TestsQuestion
from heliograph.consumers.task_ends import TaskEnds

FOLDER = Path(__file__).parents[1] / "fixtures" / "event_logs"
LOGS = sorted(FOLDER.glob("*.jsonl"))
SEEDS = range(20)

Ends = dict[str, dict[str, str]]


def recorded(path: Path) -> list[Event]:
    events = [decode(line) for line in path.read_bytes().splitlines()]
    return [event for event in events if event is not None]


def expected(path: Path) -> Ends:
    ends: Ends = json.loads(path.with_suffix(".expected.json").read_text())
    return {kind: ends[kind] for kind in ("nodes", "tests")}


def folded(events: list[Event]) -> RunState:
    state = RunState(run=events[0].run)
    for event in events:
        state.apply(event)
    return state


def decided(state: RunState, asked: Ends) -> Ends:
    """What the triggers of the tasks would be told."""
    answers = {
        "nodes": {unique_id: NodeQuestion(unique_id).decide(state) for unique_id in asked["nodes"]},
        "tests": {unique_id: TestsQuestion(unique_id).decide(state) for unique_id in asked["tests"]},
    }
    return {
        kind: {unique_id: verdict.end if verdict is not None else "waits" for unique_id, verdict in found.items()}
        for kind, found in answers.items()
    }


def in_disorder(events: list[Event], seed: int) -> list[Event]:
    """The same events, many of them twice, in an order of the seed's."""
    chance = random.Random(seed)
    disordered = [*events, *chance.choices(events, k=len(events))]
    chance.shuffle(disordered)
    return disordered


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_each_task_ends_as_dbt_says(path: Path) -> None:
    ends = expected(path)
    assert decided(folded(recorded(path)), ends) == ends


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_neither_order_nor_repetition_changes_an_end(path: Path) -> None:
    ends, events = expected(path), recorded(path)
    for seed in SEEDS:
        assert decided(folded(in_disorder(events, seed)), ends) == ends, f"seed {seed}"


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_no_task_is_told_anything_else_while_events_come(path: Path) -> None:
    """A replay knows of the tasks that dbt planned."""
    ends, events = expected(path), recorded(path)
    for order in (events, *(in_disorder(events, seed) for seed in SEEDS[:5])):
        state = RunState(run=events[0].run)
        replayed = TaskEnds(state)
        told = [task for event in order if state.apply(event) for task in replayed.take(event)]
        found = {(task.unique_id, task.tests): task.verdict.end for task in told}
        assert found == {key: ends["tests" if key[1] else "nodes"].get(key[0]) for key in found}
        assert len(found) == len(told)
        assert replayed.undecided == []


def test_the_recorded_runs_hold_every_outcome_and_every_reason_of_a_skip() -> None:
    ended = [
        event
        for path in LOGS
        for state in [folded(recorded(path))]
        for event in state.attempts[1].nodes_finished.values()
    ]
    assert {event.data.outcome for event in ended} >= set(Outcome) - {Outcome.CANCELLED}
    assert {event.data.skip_reason for event in ended} - {None} == set(SkipReason)
