"""One node of a dbt project, as far as selection and rendering need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from heliograph.airflow.constants import DbtResourceType

BUILDABLE_TYPES = frozenset({DbtResourceType.MODEL, DbtResourceType.SEED, DbtResourceType.SNAPSHOT})
"""Resource types that get a task of their own."""

TEST_TYPES = frozenset({DbtResourceType.TEST, DbtResourceType.UNIT_TEST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """The three names of a table or view in a warehouse."""

    database: str
    schema: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DbtNode:
    """One node, source, exposure, test or other resource of a dbt project.

    Attributes:
        unique_id: dbt's id, ``<resource type>.<package>.<name>[...]``.
        resource_type: dbt's word; compares equal to the ``DbtResourceType`` of that name.
        package_name: the dbt package the node belongs to.
        dbt_name: the name dbt gives it (of a versioned model: without its version).
        original_file_path: the file it is written in, relative to the root of its package.
        fqn: the parts of its fully qualified name, package first.
        depends_on: unique ids of its direct parents.
        tags: its tags.
        config: its resolved dbt config.
        patch_path: the yml file that describes it, relative to the root of its package.
        version: version of a versioned model.
        latest_version: the version a versioned model stands for when named without one.
        access: access level of a model.
        source_name: name of the source a source table belongs to.
        test_name: of a generic test, the name of the test it is made from (``unique``, ``not_null``, ...).
        is_generic_test: whether it is made from a generic test; false for a test of its own SQL.
        meta: its ``meta``, free for users and other tools.
        has_freshness: of a source, whether dbt can check how fresh it is.
        relation: where it stands in the warehouse.
    """

    unique_id: str
    resource_type: str
    package_name: str
    dbt_name: str
    original_file_path: str = ""
    fqn: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)
    patch_path: str | None = None
    version: str | None = None
    latest_version: str | None = None
    access: str | None = None
    source_name: str | None = None
    test_name: str | None = None
    is_generic_test: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)
    has_freshness: bool = False
    relation: Relation | None = None

    @property
    def resource_name(self) -> str:
        """The unique id without resource type and package, e.g. ``customers.v2``."""
        return self.unique_id.split(".", 2)[-1]

    @property
    def name(self) -> str:
        """``resource_name`` as an Airflow id can hold it: ``customers_v2``."""
        return self.resource_name.replace(".", "_")

    @property
    def is_test(self) -> bool:
        """Whether it is a data test or a unit test."""
        return self.resource_type in TEST_TYPES

    @property
    def is_source(self) -> bool:
        """Whether it is a source table."""
        return self.resource_type == DbtResourceType.SOURCE

    @property
    def is_buildable(self) -> bool:
        """Whether it gets a task of its own."""
        return self.resource_type in BUILDABLE_TYPES

    @property
    def is_ephemeral(self) -> bool:
        """Whether dbt only inlines it and never reports it."""
        return self.config.get("materialized") == "ephemeral"


def tests_by_parent(nodes: Iterable[DbtNode]) -> dict[str, list[DbtNode]]:
    """The tests among ``nodes`` under the unique id of each of their parents, in the order given."""
    tests: dict[str, list[DbtNode]] = {}
    for node in nodes:
        if node.is_test:
            for parent in dict.fromkeys(node.depends_on):
                tests.setdefault(parent, []).append(node)
    return tests
