"""The outcome table: what dbt says of a node or a run, the event, and the state of the Airflow task.

The one place where the rules stand as data. ``tests/test_outcome_table.py`` holds the producer's and the consumers'
code against it, ``tests/e2e/test_outcomes.py`` holds Airflow against it, and ``docs/outcomes.md`` prints it:
``python tests/outcome_table.py`` writes it there anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from heliograph.bus.payloads import Outcome, SkipReason, TestOutcome

PAGE: Final = Path(__file__).parents[1] / "docs" / "outcomes.md"

_BUILT: Final = ("model", "seed", "snapshot")
_TESTS: Final = ("test", "unit_test")
_AGAIN: Final = "dbt builds it, and what was skipped because of it"
_TESTS_AGAIN: Final = "dbt runs the node's failed tests"
_RESOLVED: Final = "nothing: the retry of the root failure builds it too"


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeRow:
    """How one node ended.

    Attributes:
        case: what happened.
        types: dbt's resource types.
        status: dbt's word in ``run_results.json``; None where dbt reports nothing.
        outcome, skip_reason, test_outcome: what the event says; None where there is none.
        message: what tells this row from another one of the same status.
        dependency, at_once: the state of the task when tasks start in dependency order, or all at once. None: no task.
        retried: whether ``retries`` of the task make it run again by themselves.
        worker: what a retry has a worker do. The first try never takes one.
    """

    case: str
    types: tuple[str, ...]
    status: str | None
    outcome: Outcome | None
    skip_reason: SkipReason | None = None
    test_outcome: TestOutcome | None = None
    message: str | None = None
    dependency: str | None
    at_once: str | None
    retried: str = "-"
    worker: str = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """How a whole run ended.

    Attributes:
        case: what happened.
        event: the run's last event.
        nodes: the states of node tasks.
        producer: the state of the task that runs dbt.
        dag_run: the state of a DAG run that holds nothing else.
    """

    case: str
    event: str
    nodes: str
    producer: str
    dag_run: str


def _green(case: str, types: tuple[str, ...], status: str, outcome: Outcome, found: TestOutcome | None) -> NodeRow:
    return NodeRow(
        case=case,
        types=types,
        status=status,
        outcome=outcome,
        test_outcome=found,
        dependency="success",
        at_once="success",
    )


def _red(
    case: str, types: tuple[str, ...], status: str, found: TestOutcome | None = None, *, message: str | None = None
) -> NodeRow:
    return NodeRow(
        case=case,
        types=types,
        status=status,
        outcome=Outcome.FAIL if status == "fail" else Outcome.ERROR,
        test_outcome=found,
        message=message,
        dependency="failed",
        at_once="failed",
        retried="yes",
        worker=_AGAIN if found is None else _TESTS_AGAIN,
    )


def _without_task(case: str, types: tuple[str, ...], status: str | None, outcome: Outcome | None) -> NodeRow:
    skip_reason = SkipReason.UPSTREAM_FAILED if outcome is Outcome.SKIPPED else None
    return NodeRow(
        case=case, types=types, status=status, outcome=outcome, skip_reason=skip_reason, dependency=None, at_once=None
    )


def _skipped(
    case: str,
    types: tuple[str, ...],
    *,
    status: str | None = "skipped",
    reason: SkipReason = SkipReason.UPSTREAM_FAILED,
    message: str | None = None,
    dependency: str = "upstream_failed",
    at_once: str = "failed",
    retried: str = "at once: yes; in dependency order it starts when its upstream succeeded",
) -> NodeRow:
    return NodeRow(
        case=case,
        types=types,
        status=status,
        outcome=Outcome.SKIPPED,
        skip_reason=reason,
        message=message,
        dependency=dependency,
        at_once=at_once,
        retried=retried,
        worker=_RESOLVED if reason is SkipReason.UPSTREAM_FAILED else "-" if at_once == "skipped" else _AGAIN,
    )


_FAIL_FAST: Final = "Skipping due to fail_fast"
_NOT_INLINED: Final = "Compilation Error in model.x.y, caused by compilation error in referenced ephemeral model x.z"

NODE_ROWS: Final = (
    _green("built", _BUILT, "success", Outcome.SUCCESS, None),
    _red("root failure: the warehouse or the compilation failed", _BUILT, "error"),
    _red("root failure: some batches of a microbatch model failed", ("model",), "partial success"),
    _red("root failure: dbt's thread failed, told when dbt ends", ("model",), "error", message="Exception on worker"),
    _skipped("cascade: a node upstream failed", ("model", "snapshot")),
    _skipped("cascade: an error-severity test of a node upstream failed", ("model", "snapshot")),
    _skipped(
        "cascade: an ephemeral model upstream cannot be compiled",
        ("model", "snapshot"),
        message=_NOT_INLINED,
        dependency="failed",
        retried="yes",
    ),
    _skipped("the node's own unit test failed", ("model",), dependency="failed", retried="yes"),
    _skipped("--fail-fast, after another node failed", _BUILT, reason=SkipReason.FAIL_FAST, message=_FAIL_FAST),
    _skipped(
        "a source upstream is stale",
        ("model", "snapshot"),
        status=None,
        reason=SkipReason.STALE_SOURCE,
        dependency="skipped",
        at_once="skipped",
        retried="-",
    ),
    _skipped(
        "planned, and dbt ended before it (a failed on-run-start hook)", _BUILT, reason=SkipReason.OTHER, status=None
    ),
    NodeRow(
        case="it ran when dbt was told to stop",
        types=(*_BUILT, *_TESTS),
        status=None,
        outcome=Outcome.CANCELLED,
        dependency="failed",
        at_once="failed",
        retried="yes",
        worker=_AGAIN,
    ),
    _green("test passed", _TESTS, "pass", Outcome.SUCCESS, TestOutcome.PASS),
    _green("test with severity warn, or within warn_if, found rows", ("test",), "warn", Outcome.WARN, TestOutcome.WARN),
    _red("test with severity error, or beyond error_if, found rows", ("test",), "fail", TestOutcome.FAIL),
    _red("test with store_failures found rows; they stand in its table", ("test",), "fail", TestOutcome.FAIL),
    _red("unit test found another result", ("unit_test",), "fail", TestOutcome.FAIL),
    _red("test could not run", _TESTS, "error", TestOutcome.ERROR),
    _skipped("test of a node that failed or was skipped", _TESTS),
    NodeRow(
        case="ephemeral model: part of others' SQL",
        types=("ephemeral",),
        status=None,
        outcome=None,
        dependency="success, or as its upstream",
        at_once="success, or as its upstream",
    ),
    _without_task("function created", ("function",), "success", Outcome.SUCCESS),
    _without_task("function failed: root failure of what uses it", ("function",), "error", Outcome.ERROR),
    _without_task("exposure, saved query", ("exposure", "saved_query"), "no-op", Outcome.NO_OP),
    _without_task("exposure, saved query of a failed node", ("exposure", "saved_query"), "skipped", Outcome.SKIPPED),
    _without_task("on-run-start or on-run-end hook passed", ("operation",), "success", Outcome.SUCCESS),
    _without_task("on-run-start or on-run-end hook failed", ("operation",), "error", Outcome.ERROR),
    _without_task("source is fresh", ("source",), "pass", Outcome.SUCCESS),
    _without_task("source is older than warn_after", ("source",), "warn", Outcome.WARN),
    _without_task("source is older than error_after", ("source",), "error", Outcome.ERROR),
    _without_task("freshness of the source could not be read", ("source",), "runtime error", Outcome.ERROR),
    _without_task("excluded or disabled: not rendered", ("any",), None, None),
)

RUN_ROWS: Final = (
    RunRow(
        case="every node ended well, or with a warning",
        event="run.finished, exit code 0",
        nodes="success",
        producer="success",
        dag_run="success",
    ),
    RunRow(
        case="only nodes and tests with tasks failed",
        event="run.finished, exit code 1",
        nodes="as above",
        producer="failed while it has tries left, then success, with a warning in its log: the nodes' tasks tell",
        dag_run="failed",
    ),
    RunRow(
        case="only something without a task failed: a hook, a function, a test of no rendered node",
        event="run.finished, exit code 1",
        nodes="as above",
        producer="failed",
        dag_run="failed",
    ),
    RunRow(
        case="on-run-start hook failed",
        event="run.finished, exit code 1",
        nodes="as they ended: dbt goes on",
        producer="failed",
        dag_run="failed",
    ),
    RunRow(
        case="on-run-start hook failed, with the flag skip_nodes_if_on_run_start_fails",
        event="run.finished, exit code 1",
        nodes="failed, cascade upstream_failed",
        producer="failed",
        dag_run="failed",
    ),
    RunRow(
        case="nothing rendered and nothing selected",
        event="run.finished, exit code 0, with a message",
        nodes="-",
        producer="success, with a warning in its log",
        dag_run="success",
    ),
    RunRow(
        case="dbt did not select a rendered node",
        event="run.finished",
        nodes="failed: not selected",
        producer="as dbt ended",
        dag_run="failed",
    ),
    RunRow(
        case="error before any node: the project does not compile, a package is missing",
        event="run.finished, exit code 2, with dbt's words",
        nodes="roots failed, the rest upstream_failed; at once all failed",
        producer="failed",
        dag_run="failed",
    ),
    RunRow(
        case="cancelled: the producer task was killed or ended by hand, or the DAG run marked failed",
        event="run.aborted; running queries are cancelled, their nodes are cancelled",
        nodes="finished ones stay; the rest failed or upstream_failed (skipped, where the whole DAG run was marked)",
        producer="as marked",
        dag_run="failed",
    ),
    RunRow(
        case="dbt was killed",
        event="run.aborted",
        nodes="finished ones stay; the rest failed, cascade upstream_failed",
        producer="failed",
        dag_run="failed",
    ),
    RunRow(
        case="the producer died, or ended by hand before it began",
        event="none; run.lost, by whoever notices",
        nodes="finished ones stay; the rest failed, cascade upstream_failed",
        producer="as Airflow says",
        dag_run="failed",
    ),
)


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part).replace("unit_test", "unit test").replace("_", " ") for part in value)
    return "-" if value is None else str(value)


def _node_cells(row: NodeRow) -> list[str]:
    said = [str(part) for part in (row.outcome, row.skip_reason) if part is not None]
    if row.test_outcome is not None:
        said.append(f"test {row.test_outcome}")
    event = ", ".join(said) or "no event"
    states = [row.dependency or "no task", row.at_once or "no task"]
    return [_cell(row.types), row.case, _cell(row.status), event, *states, row.retried, row.worker]


def _lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def node_table() -> str:
    """``NODE_ROWS`` in Markdown."""
    header = ["node", "what happened", "dbt", "event", "in dependency order", "all at once", "retried", "worker"]
    return "\n".join(_lines(header, (_node_cells(row) for row in NODE_ROWS)))


def run_table() -> str:
    """``RUN_ROWS`` in Markdown."""
    header = ["run", "last event", "node tasks", "producer", "DAG run"]
    rows = ([str(getattr(row, field.name)) for field in fields(row)] for row in RUN_ROWS)
    return "\n".join(_lines(header, rows))


def with_tables(page: str) -> str:
    """The page with both tables between their marks."""
    for mark, table in (("nodes", node_table()), ("runs", run_table())):
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{table}\n\n{end}{rest.split(end)[1]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
