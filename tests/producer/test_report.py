import json
from pathlib import Path
from typing import Any, TypeVar

import pytest

from heliograph.bus.events import (
    BaseEvent,
    Event,
    NodeFinished,
    NodeStarted,
    RunAborted,
    RunFinished,
    RunHeartbeat,
    RunPlanned,
)
from heliograph.bus.payloads import MemoryPeak, Outcome
from heliograph.producer.dbt_args import parse_args
from heliograph.producer.numbering import EventNumbers
from heliograph.producer.report import Conclusion, RunReport
from heliograph.producer.sources.port import DbtEnded, DbtEvent, Selected, SelectedNode

RECORDED = Path(__file__).parent / "recorded"
E = TypeVar("E", bound=BaseEvent)


class Told:
    """A report and what it told."""

    def __init__(self, *words: str, peak: MemoryPeak | None = None) -> None:
        self.events: list[Event] = []
        self.stopping = False
        numbers = EventNumbers(run="r", attempt=1, source="/dbt/shop/dev", put=self.events.append)
        self.report = RunReport(
            numbers,
            args=parse_args(words or ["build"]),
            stopping=lambda: self.stopping,
            memory_peak=lambda: peak,
        )

    def select(self, *nodes: SelectedNode) -> None:
        self.report.take(Selected(nodes=nodes))
        version = DbtEvent(name="MainReportVersion", info={"invocation_id": "i"}, data={"version": "=1.11.16"})
        self.report.take(version)

    def replay(self, name: str) -> None:
        for line in (RECORDED / name).read_text().splitlines():
            read = json.loads(line)
            self.report.take(DbtEvent(name=read["info"]["name"], info=read["info"], data=read["data"]))

    def end(self, *, stopped_because: str | None = None, **more: Any) -> Conclusion:
        return self.report.conclude(DbtEnded(**more), elapsed_s=1.0, stopped_because=stopped_because)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def model(name: str, *parents: str) -> SelectedNode:
    return SelectedNode(
        unique_id=f"model.shop.{name}", resource_type="model", name=name, depends_on=parents, materialized="view"
    )


def event(name: str, unique_id: str, *, status: str = "success", materialized: str = "view") -> DbtEvent:
    resource_type, _, node_name = unique_id.split(".")
    info = {
        "unique_id": unique_id,
        "resource_type": resource_type,
        "node_name": node_name,
        "materialized": materialized,
    }
    return DbtEvent(name=name, data={"node_info": info, "run_result": {"status": status}})


def result(unique_id: str, status: str) -> dict[str, str]:
    return {"unique_id": unique_id, "status": status}


def test_the_batches_of_a_microbatch_model_are_not_its_end() -> None:
    told = Told("run")
    told.replay("microbatch_partly_failed.jsonl")
    daily = [e for e in told.of(NodeFinished) if e.subject == "model.mb.daily"]
    assert [e.data.outcome for e in daily] == [Outcome.ERROR]
    assert daily[0].data.message == "PARTIAL SUCCESS (1/3)"
    assert [e.subject for e in told.of(NodeStarted)].count("model.mb.daily") == 1
    assert told.report.ledger.running == ()


def test_ephemeral_models_are_not_reported() -> None:
    told = Told()
    told.replay("build_with_every_type.jsonl")
    subjects = {e.subject for e in told.events}
    assert "model.shop.customers" in subjects
    assert "model.shop.eph_amounts" not in subjects


def test_a_failed_ephemeral_model_is_the_cause_of_others_skips() -> None:
    told = Told()
    told.select(
        SelectedNode(unique_id="model.shop.e", resource_type="model", name="e", materialized="ephemeral"),
        model("a", "model.shop.e"),
    )
    told.report.take(event("NodeStart", "model.shop.e", materialized="ephemeral"))
    told.report.take(event("NodeFinished", "model.shop.e", status="error", materialized="ephemeral"))
    told.report.take(event("NodeStart", "model.shop.a"))
    told.report.take(event("NodeFinished", "model.shop.a", status="skipped"))
    assert [(e.subject, e.data.caused_by) for e in told.of(NodeFinished)] == [("model.shop.a", ("model.shop.e",))]


def test_what_fails_once_dbt_was_told_to_stop_was_cancelled() -> None:
    told = Told()
    told.select(model("a"), model("b"), model("c"))
    told.report.take(event("NodeFinished", "model.shop.a", status="error"))
    told.stopping = True
    told.report.take(event("NodeFinished", "model.shop.b", status="error"))
    told.report.take(event("NodeFinished", "model.shop.c", status="success"))
    outcomes = [e.data.outcome for e in told.of(NodeFinished)]
    assert outcomes == [Outcome.ERROR, Outcome.CANCELLED, Outcome.SUCCESS]


def test_the_plan_is_told_once_with_dbts_version_and_invocation() -> None:
    told = Told()
    told.select(model("a"))
    told.replay("build_with_every_type.jsonl")
    (planned,) = told.of(RunPlanned)
    assert (planned.data.dbt_version, planned.data.invocation_id) == ("1.11.16", "i")


def test_sequences_are_gapless_and_the_last_event_says_the_last() -> None:
    told = Told()
    told.select(model("a"))
    told.report.beat(spooled=0)
    told.end(exit_code=0, results=[result("model.shop.a", "success")])
    assert [e.sequence for e in told.events] == list(range(1, len(told.events) + 1))
    (last,) = told.of(RunFinished)
    assert last.data.last_sequence == last.sequence == len(told.events)


def test_heartbeats_name_what_runs_and_end_with_the_attempt() -> None:
    told = Told()
    told.select(model("a"))
    told.report.take(event("NodeStart", "model.shop.a"))
    told.report.beat(spooled=3)
    told.end(exit_code=0, results=[result("model.shop.a", "success")])
    told.report.beat(spooled=0)
    assert [(e.data.spooled, e.data.running) for e in told.of(RunHeartbeat)] == [(3, ("model.shop.a",))]


def test_the_end_of_either_kind_tells_the_memory_peak() -> None:
    peak = MemoryPeak(rss_bytes=3 * 2**20, running=("model.shop.a",))
    for ended in (DbtEnded(exit_code=0), DbtEnded(exit_code=None, signal=9)):
        told = Told(peak=peak)
        told.report.beat(spooled=0, rss_bytes=7)
        told.report.conclude(ended, elapsed_s=1.0, stopped_because=None)
        last = told.events[-1]
        assert isinstance(last, RunFinished | RunAborted)
        assert last.data.memory_peak == peak
        assert told.of(RunHeartbeat)[0].data.rss_bytes == 7


def test_dbts_end_before_any_node_is_told_with_its_words() -> None:
    told = Told()
    conclusion = told.end(exit_code=2, message="Compilation Error")
    assert (conclusion.exit_code, conclusion.message) == (2, "Compilation Error")
    assert told.of(RunFinished)[0].data.message == "Compilation Error"


def test_a_selection_that_matches_nothing_is_named() -> None:
    told = Told("build", "--select", "tag:none", "--exclude", "a")
    told.select()
    told.end(exit_code=0, results=[])
    assert told.of(RunPlanned)[0].data.nodes == ()
    finished = told.of(RunFinished)[0].data
    assert finished.exit_code == 0
    assert finished.message == "The selection matched nothing: dbt build --select tag:none --exclude a"


def test_a_failed_hook_is_the_cause_of_skips_dbt_never_announced() -> None:
    told = Told()
    told.select(model("a"))
    told.end(exit_code=1, results=[result("operation.shop.hook-0", "error"), result("model.shop.a", "skipped")])
    ends = {e.subject: e.data for e in told.of(NodeFinished)}
    assert ends["model.shop.a"].caused_by == ("operation.shop.hook-0",)
    assert ends["operation.shop.hook-0"].outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("ended", "stopped_because", "reason", "exit_code"),
    [
        ({"exit_code": None, "signal": 9}, None, "SIGKILL", None),
        ({"exit_code": 2, "interrupted": True, "results": []}, "told to stop", "told to stop", 2),
        ({"exit_code": 2, "interrupted": True}, None, "interrupted", 2),
        ({"exit_code": 2, "results": []}, "told to stop", "told to stop", 2),
        ({"exit_code": None, "interrupted": True}, "told to stop", "told to stop", None),
    ],
)
def test_a_broken_off_attempt_gives_no_node_an_end(
    ended: dict[str, Any], stopped_because: str | None, reason: str, exit_code: int | None
) -> None:
    told = Told()
    told.select(model("a"), model("b"))
    told.report.take(event("NodeStart", "model.shop.a"))
    conclusion = told.end(stopped_because=stopped_because, **ended)
    assert told.of(NodeFinished) == []
    assert told.of(RunFinished) == []
    (aborted,) = told.of(RunAborted)
    assert reason in aborted.data.reason
    assert aborted.data.exit_code == exit_code
    assert conclusion.exit_code == 2


def test_a_request_to_stop_that_came_too_late_changes_nothing() -> None:
    told = Told()
    told.select(model("a"))
    told.end(exit_code=0, results=[result("model.shop.a", "success")], stopped_because="too late")
    assert told.of(RunAborted) == []
    assert told.of(RunFinished)[0].data.exit_code == 0
