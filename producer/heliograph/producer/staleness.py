"""Which nodes are not worth building while sources are stale. Pure, and linear in nodes and edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter
from itertools import chain, islice
from typing import Final

Parents = Mapping[str, Collection[str]]
"""The direct parents of each node, by unique id. Parents that are no keys have none themselves."""

CAUSES_LIMIT: Final = 20
"""Stale sources named as the cause of one node's skip."""


def stale_nodes(parents: Parents, stale: Collection[str], *, tests: Collection[str] = ()) -> set[str]:
    """The nodes to leave out while the sources ``stale`` are stale.

    A node is left out when everything it depends on is a stale source or left out itself: whatever has one more parent
    has something new to build from. A test is also left out with any node that it tests.
    """
    children: dict[str, list[str]] = {}
    fresh_parents: dict[str, int] = {}
    for node, its_parents in parents.items():
        distinct = set(its_parents)
        fresh_parents[node] = len(distinct)
        for parent in distinct:
            children.setdefault(parent, []).append(node)
    sources, of_tests = set(stale), set(tests)
    left_out: set[str] = set()
    waiting = list(sources)
    while waiting:
        gone = waiting.pop()
        for child in children.get(gone, ()):
            fresh_parents[child] -= 1
            tests_nothing = child in of_tests and gone in left_out
            if (fresh_parents[child] == 0 or tests_nothing) and child not in left_out and child not in sources:
                left_out.add(child)
                waiting.append(child)
    return left_out


def with_their_tests(nodes: Collection[str], parents: Parents, *, tests: Collection[str]) -> set[str]:
    """The nodes and every test that tests one of them."""
    chosen = set(nodes)
    return chosen | {test for test in tests if not chosen.isdisjoint(parents.get(test, ()))}


def stale_above(parents: Parents, stale: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The stale sources that each node depends on, directly or not: at most ``CAUSES_LIMIT`` for each."""
    above: dict[str, tuple[str, ...]] = {source: (source,) for source in stale}
    for node in TopologicalSorter(parents).static_order():
        if node not in above:
            found = dict.fromkeys(chain.from_iterable(above.get(parent, ()) for parent in parents.get(node, ())))
            above[node] = tuple(islice(found, CAUSES_LIMIT))
    return above
