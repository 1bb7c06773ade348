"""The text of a selection: a space or a list is a union, a comma an intersection, ``+``, ``n+`` and ``@`` relatives.

The words are those of dbt's documentation (https://docs.getdbt.com/reference/node-selection/syntax).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from heliograph.airflow.errors import SelectorError

STATEFUL_METHODS = frozenset({"state", "result", "source_status"})
"""Methods of dbt that compare with artefacts of an earlier run, which a manifest does not hold."""

METHODS = frozenset(
    {
        "access",
        "config",
        "exposure",
        "file",
        "fqn",
        "group",
        "metric",
        "package",
        "path",
        "resource_type",
        "saved_query",
        "semantic_model",
        "source",
        "tag",
        "test_name",
        "test_type",
        "unit_test",
        "version",
    }
)

_CRITERION = re.compile(
    r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>\w+)(?P<arguments>[\w.]*):)?(?P<value>.*?)(?:\+(?P<down>\d*))?"
)
_FILE_ENDINGS = (".sql", ".py", ".csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One method with its value and the relatives asked for.

    Attributes:
        method: dbt's word for how to match.
        arguments: what follows the method after dots: ``config.meta.owner`` has ``("meta", "owner")``.
        value: what to match.
        parents: how many generations of ancestors to add; 0 none, None all.
        children: how many generations of descendants to add; 0 none, None all.
        childrens_parents: add all descendants and all ancestors of these.
    """

    method: str
    value: str
    arguments: tuple[str, ...] = ()
    parents: int | None = 0
    children: int | None = 0
    childrens_parents: bool = False


Intersection = tuple[Criterion, ...]


def parse(expressions: Iterable[str]) -> tuple[Intersection, ...]:
    """The intersections whose union the expressions mean.

    Raises:
        SelectorError: an expression is not understood, or asks for a method a manifest cannot answer.
    """
    words = [word for expression in expressions for word in expression.split()]
    return tuple(tuple(_criterion(part, word) for part in word.split(",")) for word in words)


def _criterion(text: str, word: str) -> Criterion:
    match = _CRITERION.fullmatch(text)
    if match is None or not match["value"]:
        raise SelectorError(
            f"{word!r} is not a selection: it names nothing to select",
            setting="RenderConfig.select, RenderConfig.exclude",
            fix="write a node's name or method:value, such as tag:nightly",
        )
    if match["at"] and match["down"] is not None:
        raise SelectorError(
            f"{word!r} has both @ before and + after",
            setting="RenderConfig.select, RenderConfig.exclude",
            fix="leave the + out: @ takes all descendants already",
        )
    method = match["method"] or _implied_method(match["value"])
    _require_known(method, word)
    return Criterion(
        method=method,
        arguments=tuple((match["arguments"] or "").split(".")[1:]),
        value=match["value"],
        parents=_generations(match["up"]),
        children=_generations(match["down"]),
        childrens_parents=bool(match["at"]),
    )


def _generations(number: str | None) -> int | None:
    if number is None:
        return 0
    return int(number) if number else None


def _implied_method(value: str) -> str:
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith(_FILE_ENDINGS) else "fqn"


def _require_known(method: str, word: str) -> None:
    if method in STATEFUL_METHODS:
        raise SelectorError(
            f"The selection method {method!r} in {word!r} compares with an earlier run, which a manifest does not hold",
            setting="RenderConfig.select, RenderConfig.exclude",
            fix="use LoadMode.DBT_LS with dbt's --state, or select by another method",
        )
    if method not in METHODS:
        raise SelectorError(
            f"There is no selection method {method!r}, used in {word!r}; there are: {', '.join(sorted(METHODS))}",
            setting="RenderConfig.select, RenderConfig.exclude",
            fix="use one of these",
        )
