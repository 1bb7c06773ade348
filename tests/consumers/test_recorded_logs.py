"""Logs of real dbt runs, one event a line: the questions' verdicts say what the log's own outcomes say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from heliograph.bus.events import Event, decode
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import NodeQuestion, TestsQuestion
from heliograph.consumers.timeline import rows

LOGS = sorted((Path(__file__).parents[1] / "fixtures" / "event_logs").glob("*.jsonl"))
GREEN, RED = "success", "failed"
ENDS = {"success": GREEN, "warn": GREEN, "no-op": GREEN, "error": RED, "fail": RED, "cancelled": RED, "skipped": RED}


class Recorded:
    """A recorded log, and what its plain JSON says, read without the code under test."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        self.plain: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.events: list[Event] = [event for line in lines if (event := decode(line.encode())) is not None]
        (self.run,) = {event.run for event in self.events}

    def state(self, *, backwards: bool = False) -> RunState:
        state = RunState(run=self.run)
        for event in reversed(self.events) if backwards else self.events:
            state.apply(event)
        return state

    @property
    def planned(self) -> dict[str, dict[str, Any]]:
        plans = [event["data"]["nodes"] for event in self.plain if event["type"].endswith(".run.planned.v1")]
        return {node["unique_id"]: node for plan in plans for node in plan}

    @property
    def ends(self) -> dict[str, str]:
        """How each node's task is to end: by the newest attempt that reported it, red where none did."""
        told = [event for event in self.plain if event["type"].endswith(".node.finished.v1")]
        newest = {event["subject"]: event for event in sorted(told, key=lambda e: (e["attempt"], e["sequence"]))}
        return dict.fromkeys(self.planned, RED) | {subject: _end(event["data"]) for subject, event in newest.items()}

    @property
    def tests_of(self) -> dict[str, list[str]]:
        tests: dict[str, list[str]] = {}
        for node in self.planned.values():
            if node["resource_type"] in ("test", "unit_test"):
                for parent in node["depends_on"]:
                    tests.setdefault(parent, []).append(node["unique_id"])
        return tests


def _end(data: dict[str, Any]) -> str:
    return "skipped" if data.get("skip_reason") == "stale-source" else ENDS[data["outcome"]]


def test_there_are_recorded_logs() -> None:
    assert LOGS


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_each_nodes_verdict_is_what_dbt_reported(path: Path) -> None:
    log = Recorded(path)
    for state in (log.state(), log.state(backwards=True)):
        verdicts = {unique_id: NodeQuestion(unique_id).decide(state) for unique_id in log.ends}
        assert {unique_id: verdict and verdict.end for unique_id, verdict in verdicts.items()} == log.ends


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_node_that_dbt_never_spoke_of_is_red(path: Path) -> None:
    verdict = NodeQuestion("model.shop.never_spoken_of").decide(Recorded(path).state())
    assert verdict is not None
    assert verdict.end == RED


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_the_tests_verdict_is_green_only_where_all_of_them_are(path: Path) -> None:
    log = Recorded(path)
    state, ends = log.state(), log.ends
    for parent, tests in log.tests_of.items():
        verdict = TestsQuestion(parent).decide(state)
        assert verdict is not None
        assert (verdict.end == GREEN) == all(ends[test] == GREEN for test in tests), verdict.reason


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_the_timeline_has_every_reported_node(path: Path) -> None:
    log = Recorded(path)
    reported = {event["subject"] for event in log.plain if ".node." in event["type"]}
    assert {row.unique_id for row in rows(log.state())} == reported
