from heliograph.bus.payloads import Outcome
from heliograph.producer.causes import Causes

CHAIN = {"b": ("a",), "c": ("b",), "d": ("c",), "test_ab": ("a", "b"), "test_a": ("a",), "unit_b": ("b",)}


def skip(causes: Causes, unique_id: str) -> tuple[str, ...]:
    found = causes.of(unique_id)
    causes.note(unique_id, Outcome.SKIPPED, resource_type="model", caused_by=found)
    return found


def test_the_whole_cascade_names_the_node_that_failed() -> None:
    causes = Causes(CHAIN)
    causes.note("a", Outcome.ERROR, resource_type="model")
    assert [skip(causes, node) for node in "bcd"] == [("a",)] * 3


def test_success_and_warnings_cause_nothing() -> None:
    causes = Causes(CHAIN)
    causes.note("a", Outcome.SUCCESS, resource_type="model")
    causes.note("test_a", Outcome.WARN, resource_type="test")
    assert causes.of("b") == ()


def test_a_failed_test_stops_what_depends_on_the_tested_node() -> None:
    causes = Causes(CHAIN)
    causes.note("test_a", Outcome.FAIL, resource_type="test")
    assert skip(causes, "b") == ("test_a",)
    assert skip(causes, "c") == ("test_a",)


def test_a_test_of_two_nodes_stops_only_what_depends_on_both() -> None:
    causes = Causes({**CHAIN, "only_a": ("a", "broken")})
    causes.note("test_ab", Outcome.FAIL, resource_type="test")
    causes.note("broken", Outcome.ERROR, resource_type="model")
    assert causes.of("only_a") == ("broken",)
    assert causes.of("c") == ("test_ab",)


def test_a_failed_unit_test_stops_its_own_model() -> None:
    causes = Causes(CHAIN)
    causes.note("unit_b", Outcome.ERROR, resource_type="unit_test")
    assert causes.of("b") == ("unit_b",)


def test_several_causes_are_each_named_once() -> None:
    causes = Causes({"z": ("x", "y"), "x": ("w",), "y": ("w", "v")})
    causes.note("w", Outcome.ERROR, resource_type="model")
    causes.note("v", Outcome.FAIL, resource_type="model")
    skip(causes, "x")
    skip(causes, "y")
    assert causes.of("z") == ("w", "v")
