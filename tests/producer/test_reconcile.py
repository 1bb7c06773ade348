from hypothesis import given
from hypothesis import strategies as st

from heliograph.bus.payloads import NodeFinishedData, Outcome, PlannedNode, SkipReason
from heliograph.producer.reconcile import reconcile

NAMES = st.sampled_from([f"model.shop.{letter}" for letter in "abcdefgh"])
OUTCOMES = st.sampled_from(Outcome)
World = tuple[set[str], set[str], dict[str, Outcome], dict[str, Outcome]]


def node(unique_id: str) -> PlannedNode:
    return PlannedNode(unique_id=unique_id, resource_type="model", name=unique_id[-1])


def data(outcome: Outcome) -> NodeFinishedData:
    return NodeFinishedData(outcome=outcome, resource_type="model", name="x")


def settle(
    planned: set[str],
    started: set[str],
    published: dict[str, Outcome],
    results: dict[str, Outcome],
    message: str | None = None,
) -> tuple[list[tuple[str, NodeFinishedData]], dict[str, Outcome]]:
    """What is still told, and the outcomes afterwards."""
    found = list(
        reconcile(
            planned={unique_id: node(unique_id) for unique_id in planned},
            started=started,
            published=published,
            results={unique_id: data(outcome) for unique_id, outcome in results.items()},
            message=message,
        )
    )
    return found, {**published, **{unique_id: end.outcome for unique_id, end in found}}


WORLDS = st.tuples(st.sets(NAMES), st.sets(NAMES), st.dictionaries(NAMES, OUTCOMES), st.dictionaries(NAMES, OUTCOMES))


@given(WORLDS)
def test_afterwards_every_planned_node_has_an_end_and_dbts_result_holds(world: World) -> None:
    planned, started, published, results = world
    _, after = settle(planned, started, published, results)
    assert planned <= after.keys()
    assert results.items() <= after.items()


@given(WORLDS)
def test_nothing_becomes_a_success_that_dbt_did_not_call_one(world: World) -> None:
    found, _ = settle(*world)
    results = world[3]
    for unique_id, end in found:
        assert end.outcome is not Outcome.SUCCESS or results.get(unique_id) is Outcome.SUCCESS


@given(WORLDS)
def test_only_what_is_missing_or_differs_is_told_once_and_marked(world: World) -> None:
    planned, started, published, results = world
    found, after = settle(*world)
    ids = [unique_id for unique_id, _ in found]
    assert len(ids) == len(set(ids))
    assert all(end.reconciled and published.get(unique_id) is not end.outcome for unique_id, end in found)
    again, _ = settle(planned, started, after, results)
    assert again == []


def test_a_node_that_had_begun_is_an_error_and_one_that_had_not_is_skipped() -> None:
    found = dict(settle({"m.a", "m.b"}, {"m.a"}, {}, {}, message="no connection")[0])
    assert (found["m.a"].outcome, found["m.b"].outcome) == (Outcome.ERROR, Outcome.SKIPPED)
    assert found["m.b"].skip_reason is SkipReason.OTHER
    assert all(end.message is not None and end.message.endswith(": no connection") for end in found.values())


def test_a_success_published_too_early_is_corrected() -> None:
    found, after = settle({"m.a"}, {"m.a"}, {"m.a": Outcome.SUCCESS}, {"m.a": Outcome.SKIPPED})
    assert after == {"m.a": Outcome.SKIPPED}
    assert found[0][1].reconciled
