"""The words users choose from in configs, spelled as dbt-on-Airflow users already spell them."""

from __future__ import annotations

from enum import StrEnum

PRODUCER_WATCHER_TASK_ID = "dbt_producer_watcher"
"""Task id of the one task that runs dbt in a watched DAG or task group."""

DBT_PROJECT_FILENAME = "dbt_project.yml"
DBT_PROFILES_FILENAME = "profiles.yml"


class ExecutionMode(StrEnum):
    """How the dbt nodes of a DAG are run."""

    WATCHER = "watcher"


class InvocationMode(StrEnum):
    """How dbt is called: through its Python entry point, in a process of its own, or as an executable."""

    SUBPROCESS = "subprocess"
    DBT_RUNNER = "dbt_runner"


class LoadMode(StrEnum):
    """Where the nodes of a project are read from. ``AUTOMATIC``: the manifest where one is given, else ``dbt ls``."""

    AUTOMATIC = "automatic"
    DBT_LS = "dbt_ls"
    DBT_MANIFEST = "dbt_manifest"


class TestBehavior(StrEnum):
    """Which tasks dbt tests get: one for each tested node, or none (tests are then not run)."""

    __test__ = False  # not a pytest class

    AFTER_EACH = "after_each"
    NONE = "none"


class SourceRenderingBehavior(StrEnum):
    """Which sources become tasks: none, all, or those with tests or a freshness that dbt can check.

    A freshness is checked where a selected node reads the source. The task of any other source runs nothing, it only
    keeps the chain together.
    """

    NONE = "none"
    ALL = "all"
    WITH_TESTS_OR_FRESHNESS = "with_tests_or_freshness"


class TestIndirectSelection(StrEnum):
    """dbt's ``--indirect-selection``: which tests of the selected nodes are selected with them."""

    __test__ = False  # not a pytest class

    EAGER = "eager"
    CAUTIOUS = "cautious"
    BUILDABLE = "buildable"
    EMPTY = "empty"


class StartOrder(StrEnum):
    """When node sensors start: after the tasks of their dbt parents, or all as soon as the DAG run starts."""

    DEPENDENCY = "dependency"
    ALL_AT_ONCE = "all_at_once"


RENDERED_SQL_LIMIT = 4096
"""Characters of compiled SQL kept among a task's rendered fields; Airflow's own limit there, by default."""


class ResumeOn(StrEnum):
    """Ends of a node on which its task resumes on a worker, which a trigger alone could have ended."""

    WARNING = "warning"
    SUCCESS = "success"


class DbtResourceType(StrEnum):
    """dbt's resource types, as in the ``resource_type`` of a manifest node."""

    MODEL = "model"
    SNAPSHOT = "snapshot"
    SEED = "seed"
    TEST = "test"
    UNIT_TEST = "unit_test"
    SOURCE = "source"
    EXPOSURE = "exposure"
    ANALYSIS = "analysis"
    OPERATION = "operation"
    FUNCTION = "function"
    METRIC = "metric"
    SEMANTIC_MODEL = "semantic_model"
    SAVED_QUERY = "saved_query"
