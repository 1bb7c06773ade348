"""What is decided on a report of the sources' freshness."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from heliograph.bus.payloads import Freshness, NodeFinishedData, Outcome, PlannedNode
from heliograph.producer.errors import StaleDecisionFailed
from heliograph.producer.freshness_report import FreshnessReport, left_out

FRESH, STALE, WARNED, UNKNOWN = (f"source.shop.raw.{name}" for name in ("fresh", "stale", "warned", "unknown"))


def checked(outcome: Outcome, *, known: bool = True) -> NodeFinishedData:
    freshness = Freshness(age_s=1.0) if known else None
    return NodeFinishedData(outcome=outcome, resource_type="source", name="s", freshness=freshness)


def report(**parents: Collection[str]) -> FreshnessReport:
    """A report on nodes named like ``model.a`` or ``test.b``, given as ``model_a=...``."""
    edges = {name.replace("_", "."): tuple(found) for name, found in parents.items()}
    return FreshnessReport(
        sources={
            FRESH: checked(Outcome.SUCCESS),
            STALE: checked(Outcome.ERROR),
            WARNED: checked(Outcome.WARN),
            UNKNOWN: checked(Outcome.ERROR, known=False),
        },
        nodes={uid: PlannedNode(unique_id=uid, resource_type=uid.split(".")[0], name=uid) for uid in edges},
        parents=edges,
    )


@pytest.mark.parametrize(("source", "stale"), [(FRESH, False), (STALE, True), (WARNED, True), (UNKNOWN, False)])
def test_a_source_is_stale_when_it_is_known_to_be_older_than_it_should(source: str, stale: bool) -> None:
    assert left_out(report(model_a=[source]), None) == ({"model.a": (source,)} if stale else {})


def test_the_default_names_the_causes_of_each() -> None:
    found = left_out(
        report(model_a=[STALE], model_b=[WARNED, "model.a"], model_c=["model.a", FRESH], test_c=["model.c", "model.b"]),
        None,
    )
    assert found == {"model.a": (STALE,), "model.b": (WARNED, STALE), "test.c": (STALE, WARNED)}


def test_who_decides_otherwise_has_the_word_and_tests_come_along() -> None:
    given = report(model_a=[STALE], model_b=[FRESH], test_a=["model.a"], test_b=["model.b"])
    found = left_out(given, lambda seen: {"model.b", "model.of_another_selection", STALE} if seen is given else set())
    assert found == {"model.b": (), "test.b": ()}


def test_who_decides_may_ask_for_the_default() -> None:
    given = report(model_a=[STALE], model_b=[WARNED])
    assert left_out(given, lambda seen: seen.skipped_by_default() - {"model.b"}) == {"model.a": (STALE,)}


def test_an_error_in_the_decision_is_told_as_one_and_keeps_its_cause() -> None:
    def decide(_report: FreshnessReport) -> set[str]:
        raise ValueError("no such table")

    with pytest.raises(StaleDecisionFailed, match="decide_stale raised ValueError: no such table") as raised:
        left_out(report(), decide)
    assert isinstance(raised.value.__cause__, ValueError)
    assert raised.value.setting == "decide_stale"


@pytest.mark.parametrize("answer", ["model.a", None, 7])
def test_something_else_than_unique_ids_is_refused(answer: Any) -> None:
    with pytest.raises(StaleDecisionFailed, match="not the unique ids"):
        left_out(report(), lambda _report: answer)
