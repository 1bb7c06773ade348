"""What each of dbt's selection methods matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from heliograph.airflow.constants import DbtResourceType as Type
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.dbt_project.selector.fqn import matches_fqn
from heliograph.airflow.dbt_project.selector.grammar import Criterion
from heliograph.airflow.dbt_project.selector.paths import matching_paths, root_paths, with_folders, yml_path
from heliograph.airflow.errors import SelectorError

_SETTING = "RenderConfig.select, RenderConfig.exclude"
_NOT_CONFIGURABLE = frozenset(
    {Type.EXPOSURE, Type.FUNCTION, Type.METRIC, Type.SEMANTIC_MODEL, Type.SAVED_QUERY, Type.UNIT_TEST}
)
_TEST_TYPES = {
    "generic": lambda node: node.resource_type == Type.TEST and node.is_generic_test,
    "singular": lambda node: node.resource_type == Type.TEST and not node.is_generic_test,
    "data": lambda node: node.resource_type == Type.TEST,
    "unit": lambda node: node.resource_type == Type.UNIT_TEST,
}


@dataclass(frozen=True)
class Project:
    """The nodes to match against and the name of the root project."""

    nodes: Mapping[str, DbtNode]
    name: str

    @cached_property
    def paths(self) -> set[str]:
        """The files and folders of the root project that its nodes name."""
        return root_paths(self.nodes.values(), self.name)


def matching(criterion: Criterion, project: Project) -> set[str]:
    """Unique ids of the nodes the criterion's method and value match, without relatives.

    Raises:
        SelectorError: the value is not one the method understands.
    """
    if criterion.method in _ROOT_METHODS:
        test = _ROOT_METHODS[criterion.method](criterion, project)
    else:
        test = _METHODS[criterion.method](criterion)
    return {node.unique_id for node in project.nodes.values() if test(node)}


_Test = Callable[[DbtNode], bool]


def _fqn(criterion: Criterion) -> _Test:
    return lambda node: node.resource_type != Type.SOURCE and matches_fqn(node, criterion.value)


def _tag(criterion: Criterion) -> _Test:
    return lambda node: _any_match(node.tags, criterion.value)


def _any_match(texts: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(text, pattern) for text in texts)


def _group(criterion: Criterion) -> _Test:
    return lambda node: fnmatchcase(str(node.config.get("group") or ""), criterion.value)


def _access(criterion: Criterion) -> _Test:
    return lambda node: node.resource_type == Type.MODEL and node.access == criterion.value


def _package(criterion: Criterion, project: Project) -> _Test:
    wanted = project.name if criterion.value == "this" else criterion.value
    return lambda node: fnmatchcase(node.package_name, wanted)


def _resource_type(criterion: Criterion) -> _Test:
    wanted = _one_of(criterion, [str(member) for member in Type])
    return lambda node: node.resource_type == wanted


def _one_of(criterion: Criterion, known: Iterable[str]) -> str:
    if criterion.value not in known:
        raise SelectorError(
            f"{criterion.value!r} is no {criterion.method}; there are: {', '.join(known)}",
            setting=_SETTING,
            fix="use one of these",
        )
    return criterion.value


def _test_type(criterion: Criterion) -> _Test:
    return _TEST_TYPES[_one_of(criterion, _TEST_TYPES)]


def _test_name(criterion: Criterion) -> _Test:
    def test(node: DbtNode) -> bool:
        name = node.dbt_name if node.resource_type == Type.UNIT_TEST else node.test_name
        return name is not None and node.is_test and fnmatchcase(name, criterion.value)

    return test


def _source(criterion: Criterion) -> _Test:
    parts = _dotted(criterion, most=3, form="source, source.table or package.source.table")
    if len(parts) == 1:
        parts.append("*")
    package, source, table = ["*"] * (3 - len(parts)) + parts
    return lambda node: (
        node.resource_type == Type.SOURCE
        and fnmatchcase(node.package_name, package)
        and fnmatchcase(node.source_name or "", source)
        and fnmatchcase(node.dbt_name, table)
    )


def _named(resource_type: Type) -> Callable[[Criterion], _Test]:
    def method(criterion: Criterion) -> _Test:
        parts = _dotted(criterion, most=2, form="name or package.name")
        package, name = ["*"] * (2 - len(parts)) + parts
        return lambda node: (
            node.resource_type == resource_type
            and fnmatchcase(node.package_name, package)
            and fnmatchcase(node.dbt_name, name)
        )

    return method


def _dotted(criterion: Criterion, *, most: int, form: str) -> list[str]:
    parts = criterion.value.split(".")
    if len(parts) > most:
        raise SelectorError(
            f"{criterion.value!r} is not a {criterion.method}", setting=_SETTING, fix=f"write it as {form}"
        )
    return parts


def _path(criterion: Criterion, project: Project) -> _Test:
    wanted = matching_paths(criterion.value, project.paths)

    def test(node: DbtNode) -> bool:
        return yml_path(node) in wanted or any(path in wanted for path in with_folders(node.original_file_path))

    return test


def _file(criterion: Criterion) -> _Test:
    def test(node: DbtNode) -> bool:
        file = PurePosixPath(node.original_file_path)
        return _any_match((file.name, file.stem), criterion.value)

    return test


def _config(criterion: Criterion) -> _Test:
    wanted: Any = criterion.value
    ignore_case = criterion.arguments == ("severity",)

    def test(node: DbtNode) -> bool:
        if node.resource_type in _NOT_CONFIGURABLE:
            return False
        values = list(_values(node.config, criterion.arguments))
        if ignore_case:
            return any(str(value).lower() == wanted.lower() for value in values)
        return wanted in values or (
            wanted.lower() in ("true", "false") and (wanted.lower() == "true") in _bools(values)
        )

    return test


def _bools(values: Iterable[object]) -> list[bool]:
    return [value for value in values if isinstance(value, bool)]


def _values(config: Mapping[str, Any], keys: Iterable[str]) -> Iterator[Any]:
    """What stands under the keys: the members of a list, else the one value; nothing where a key is missing."""
    value: Any = config
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return
        value = value[key]
    if isinstance(value, list):
        yield from value
    else:
        yield value


def _version(criterion: Criterion) -> _Test:
    wanted = _one_of(criterion, ("latest", "prerelease", "old", "none"))

    def test(node: DbtNode) -> bool:
        if node.resource_type != Type.MODEL:
            return False
        if node.version is None or node.latest_version is None:
            return wanted == "none" and node.version is None
        version, latest = _comparable(node.version), _comparable(node.latest_version)
        return {"latest": version == latest, "prerelease": version > latest, "old": version < latest}.get(wanted, False)

    return test


def _comparable(version: str) -> tuple[float, str]:
    """Numbers compare as numbers and before all other versions."""
    try:
        return (float(version), "")
    except ValueError:
        return (float("inf"), version)


_ROOT_METHODS: dict[str, Callable[[Criterion, Project], _Test]] = {"package": _package, "path": _path}
"""The methods for which it counts which package is the root project."""

_METHODS: dict[str, Callable[[Criterion], _Test]] = {
    "access": _access,
    "config": _config,
    "exposure": _named(Type.EXPOSURE),
    "file": _file,
    "fqn": _fqn,
    "group": _group,
    "metric": _named(Type.METRIC),
    "resource_type": _resource_type,
    "saved_query": _named(Type.SAVED_QUERY),
    "semantic_model": _named(Type.SEMANTIC_MODEL),
    "source": _source,
    "tag": _tag,
    "test_name": _test_name,
    "test_type": _test_type,
    "unit_test": _named(Type.UNIT_TEST),
    "version": _version,
}
