import json
from datetime import UTC, datetime
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
from heliograph.bus.payloads import MemoryPeak, Outcome, SkipReason
from heliograph.producer.dbt_args import parse_args
from heliograph.producer.freshness_scope import checked_source
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


def test_the_end_of_a_check_waits_for_the_age_that_it_rests_on() -> None:
    told = Told("source", "freshness")
    told.select(checked_source("source.shop.orders", "orders"))
    told.report.take(event("NodeStart", "source.shop.orders"))
    told.report.take(event("NodeFinished", "source.shop.orders", status="warn"))
    assert told.of(NodeFinished) == []
    entry = {
        "unique_id": "source.shop.orders",
        "status": "warn",
        "max_loaded_at": "2026-01-01T00:00:00Z",
        "snapshotted_at": "2026-01-02T12:00:00+00:00",
        "max_loaded_at_time_ago_in_s": 129600.0,
        "criteria": {"warn_after": {"count": 1, "period": "day"}},
    }
    told.end(exit_code=0, results=[entry])
    ended = {e.subject: e.data for e in told.of(NodeFinished)}["source.shop.orders"]
    assert (ended.outcome, ended.reconciled) == (Outcome.WARN, False)
    assert ended.message == "The newest row is 36.0 hours old, more than 1 day"
    assert ended.freshness is not None
    assert ended.freshness.max_loaded_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert ended.freshness.age_s == 129600


def test_checks_that_ended_before_an_abort_keep_their_ends() -> None:
    told = Told("source", "freshness")
    told.select(checked_source("source.shop.orders", "orders"))
    told.report.take(event("NodeFinished", "source.shop.orders", status="pass"))
    told.end(exit_code=None, signal=9)
    assert [e.data.outcome for e in told.of(NodeFinished)] == [Outcome.SUCCESS]
    assert isinstance(told.events[-1], RunAborted)


def test_what_is_left_out_for_a_stale_source_explains_no_skip_of_dbts() -> None:
    source = "source.shop.orders"
    told = Told("build")
    left, failing, child = (
        model("left", source),
        model("failing"),
        model("child", "model.shop.left", "model.shop.failing"),
    )
    told.select(left, failing, child, checked_source(source, "orders"))
    told.report.take(event("NodeFinished", source, status="error"))
    entry = {"unique_id": source, "status": "error", "max_loaded_at_time_ago_in_s": 1.0}
    assert set(told.report.leave_out([entry])) == {"model.shop.left"}
    told.report.take(event("NodeFinished", "model.shop.failing", status="error"))
    told.report.take(event("NodeFinished", "model.shop.child", status="skipped"))
    ends = {e.subject: e.data for e in told.of(NodeFinished)}
    assert (ends["model.shop.left"].skip_reason, ends["model.shop.left"].caused_by) == (
        SkipReason.STALE_SOURCE,
        (source,),
    )
    assert ends["model.shop.child"].caused_by == ("model.shop.failing",)
    assert told.of(RunPlanned)[0].data.invocation_id is None


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
