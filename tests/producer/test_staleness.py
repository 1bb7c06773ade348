"""The rule what to leave out for stale sources."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from heliograph.producer.staleness import CAUSES_LIMIT, stale_above, stale_nodes, with_their_tests


@dataclass(frozen=True)
class Project:
    """An invented DAG: sources s0.., nodes n0.., each after its parents; nothing follows those that are tests."""

    parents: dict[str, tuple[str, ...]]
    sources: tuple[str, ...]
    stale: frozenset[str]
    tests: frozenset[str]

    def above(self, node: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self.parents.get(node, ()))
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found.add(parent)
                waiting.extend(self.parents.get(parent, ()))
        return found


@st.composite
def projects(draw: st.DrawFn) -> Project:
    sources = tuple(f"s{number}" for number in range(draw(st.integers(0, 4))))
    stale = draw(st.frozensets(st.sampled_from(sources))) if sources else frozenset()
    count = draw(st.integers(0, 10))
    tests = frozenset(f"n{number}" for number in range(count) if draw(st.booleans()))
    parents: dict[str, tuple[str, ...]] = {}
    for number in range(count):
        before = [*sources, *(name for name in parents if name not in tests)]
        some = st.lists(st.sampled_from(before), max_size=3) if before else st.just([])
        parents[f"n{number}"] = tuple(draw(some))  # a parent may be named twice
    return Project(parents=parents, sources=sources, stale=stale, tests=tests)


@given(projects())
def test_a_node_is_left_out_exactly_when_nothing_of_what_it_depends_on_is_new(project: Project) -> None:
    left_out = stale_nodes(project.parents, project.stale)
    for node, its_parents in project.parents.items():
        nothing_new = all(parent in project.stale or parent in left_out for parent in its_parents)
        assert (node in left_out) == (bool(its_parents) and nothing_new)


@given(projects())
def test_a_test_is_also_left_out_with_any_node_that_it_tests(project: Project) -> None:
    without_tests = stale_nodes(project.parents, project.stale)
    left_out = stale_nodes(project.parents, project.stale, tests=project.tests)
    assert left_out - without_tests <= project.tests
    for test in project.tests:
        tests_left_out = any(parent in left_out for parent in project.parents[test])
        assert (test in left_out) == (test in without_tests or tests_left_out)


@given(projects())
def test_only_nodes_with_a_stale_source_above_them_are_left_out(project: Project) -> None:
    above = stale_above(project.parents, project.stale)
    for node in stale_nodes(project.parents, project.stale, tests=project.tests):
        assert above[node]
    assert stale_nodes(project.parents, (), tests=project.tests) == set()


@given(projects())
def test_a_further_stale_source_never_brings_a_node_back(project: Project) -> None:
    some = stale_nodes(project.parents, project.stale, tests=project.tests)
    assert some <= stale_nodes(project.parents, project.sources, tests=project.tests)


@given(projects())
def test_the_causes_are_the_stale_sources_above(project: Project) -> None:
    above = stale_above(project.parents, project.stale)
    for node in project.parents:
        assert set(above[node]) == project.above(node) & project.stale
        assert len(above[node]) == len(set(above[node]))


@given(projects(), st.data())
def test_the_tests_of_chosen_nodes_come_along(project: Project, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(sorted(project.parents)))) if project.parents else set()
    found = with_their_tests(chosen, project.parents, tests=project.tests)
    assert found - chosen == {
        test for test in project.tests - chosen if any(parent in chosen for parent in project.parents[test])
    }


def test_cost_does_not_grow_with_paths() -> None:
    """2 to the 40,000th paths lead down this ladder."""
    parents: dict[str, tuple[str, ...]] = {"a0": ("s",), "b0": ("s",)}
    for rung in range(1, 40_000):
        parents |= {side + str(rung): (f"a{rung - 1}", f"b{rung - 1}") for side in "ab"}
    assert len(stale_nodes(parents, ["s"])) == 80_000
    assert stale_above(parents, ["s"])["a39999"] == ("s",)


def test_at_most_some_causes_are_named() -> None:
    sources = [f"s{number}" for number in range(CAUSES_LIMIT + 5)]
    assert len(stale_above({"n": sources}, sources)["n"]) == CAUSES_LIMIT
