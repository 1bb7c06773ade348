"""Records the event logs of real runs, for tests that replay them, and beside each how its tasks must end.

``python tests/record_event_logs.py [NAME...]``. Each row of the outcome table is in one of them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dbt_runs import DBT, PROJECT, Shop
from expected_ends import Listed, expected_ends, statuses
from heliograph.bus.events import Event, NodeStarted, RunStarted, encode
from local_servers.choose import postgres_server
from market_runs import Market
from watched_log import WatchedLog

FOLDER = Path(__file__).parent / "fixtures" / "event_logs"
OUTCOMES = Path(__file__).parent / "e2e" / "outcomes_project"
HOST = "recorder.example"
ALL_WELL = ("--vars", "{broken: false}")
SMALL = ("--select", "+tag:small")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One run to record.

    Attributes:
        args: dbt's words.
        selection: those of them that select; dbt lists by them what has a task.
        project: the project that is copied; breaking: what goes wrong in it, see ``Shop``.
        spoil: what else is done to the copy.
        stop_at: the node behind whose start dbt is stopped; gated: that node waits for it.
        freshness: sources are checked first, on the market.
    """

    args: tuple[str, ...]
    selection: tuple[str, ...] = ()
    project: Path = PROJECT
    breaking: str | None = None
    spoil: Callable[[Path], None] = field(default=lambda folder: None)
    stop_at: str | None = None
    gated: bool = False
    freshness: bool = False


def without_its_package(folder: Path) -> None:
    (folder / "packages.yml").write_text("packages: [{package: dbt-labs/dbt_utils, version: 1.3.0}]\n")


WITHOUT_UNIT_TESTS: Final = ("--exclude", "resource_type:unit_test")
WITHOUT_THE_LEFT_OUT: Final = ("--exclude", "tag:left_out")
FUNCTIONS: Final = ("--select", "+after_function", "+after_broken_function")
RUNS: Final = {
    "success": Recorded(args=("build",), breaking="warn"),
    "failing_model": Recorded(args=("build", *WITHOUT_UNIT_TESTS), selection=WITHOUT_UNIT_TESTS, breaking="model"),
    "failing_test": Recorded(args=("build",), breaking="test"),
    "aborted": Recorded(
        args=("run", "--select", "slow"),
        selection=("--select", "slow"),
        stop_at="model.shop.slow",
        gated=True,
    ),
    "hook_fails_and_nodes_are_skipped": Recorded(args=("build",), breaking="hook"),
    "compile_error": Recorded(args=("build",), breaking="compile"),
    "dependency_error": Recorded(args=("build",), spoil=without_its_package),
    "nothing_selected": Recorded(args=("build", "--select", "tag:of_nothing")),
    "stale_sources": Recorded(args=("build",), freshness=True),
    "every_outcome": Recorded(args=("build", *WITHOUT_THE_LEFT_OUT), selection=WITHOUT_THE_LEFT_OUT, project=OUTCOMES),
    "all_well": Recorded(args=("build", *ALL_WELL), project=OUTCOMES),
    "fail_fast": Recorded(
        args=("build", "--fail-fast", "--threads", "1", "--select", "tag:fails_fast"),
        selection=("--select", "tag:fails_fast"),
        project=OUTCOMES,
    ),
    "hooks_fail_beside_the_nodes": Recorded(
        args=("build", *SMALL, "--vars", "{broken: false, others_fail: true}"), selection=SMALL, project=OUTCOMES
    ),
    "cancelled": Recorded(
        args=("build", *SMALL, "--vars", "{sleeping: true}"),
        selection=SMALL,
        project=OUTCOMES,
        stop_at="model.outcomes.orders",
    ),
    # dbt's own function materialization speaks no DuckDB.
    "functions_on_postgres": Recorded(
        args=("build", "--target", "postgres", *FUNCTIONS),
        selection=("--target", "postgres", *FUNCTIONS),
        project=OUTCOMES,
    ),
}


def main(names: Sequence[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or RUNS:
        record(name, RUNS[name])


def record(name: str, run: Recorded) -> None:
    """Runs the command on a copy of the project; keeps its events, one a line, and the expected ends."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        if run.freshness:
            shop: Shop = Market.of_ages(copy)
        else:
            shop = Shop.copy(copy, breaking=run.breaking, gated=run.gated, project=run.project)
        with warehouse(run, shop.folder):
            listed = list_nodes(shop, run)
            (shop.folder / "target" / "run_results.json").unlink(missing_ok=True)
            run.spoil(shop.folder)
            events = run_to_its_end(shop, run)
        ends = expected_ends(
            listed,
            results=artefact(shop, "run_results.json"),
            sources=artefact(shop, "sources.json") if run.freshness else None,
        )
    lines = [encode(without_host(event)).decode() for event in events]
    (FOLDER / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (FOLDER / f"{name}.expected.json").write_text(json.dumps(ends, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {len(lines)} events, {len(ends['nodes'])} nodes, {len(ends['tests'])} with tests")


def run_to_its_end(shop: Shop, run: Recorded) -> list[Event]:
    log = WatchedLog()
    options = {"check_freshness": True} if run.freshness else {}
    command = shop.command(*run.args, log=log, **options)
    running = threading.Thread(target=command.run)
    running.start()
    if run.stop_at is not None:
        log.wait_for(lambda event: isinstance(event, NodeStarted) and event.subject == run.stop_at)
        command.stop("the producer received SIGTERM")
    running.join()
    return log.events


def list_nodes(shop: Shop, run: Recorded) -> list[Listed]:
    """What dbt would run if nothing went wrong."""
    well = ALL_WELL if run.project == OUTCOMES else ()
    keys = ("unique_id", "resource_type", "depends_on", "config")
    listing = ["--resource-type", "all", "--output", "json", "--output-keys", *keys]
    told = subprocess.run(
        [DBT, "--quiet", "ls", *run.selection, *well, *listing],
        cwd=shop.folder,
        env={**shop.env, "SHOP_BREAK": "nothing", "DBT_PROFILES_DIR": str(shop.folder)},
        check=True,
        capture_output=True,
        text=True,
    )
    return [Listed.of(line) for line in told.stdout.splitlines() if line.startswith("{")]


@contextmanager
def warehouse(run: Recorded, project: Path) -> Iterator[None]:
    """A real PostgreSQL in the copy's profile, where the run is on one."""
    if "postgres" not in run.args:
        yield
        return
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder)) as url:
        at = urlsplit(url)
        output = {
            "type": "postgres",
            "host": at.hostname,
            "port": at.port,
            "user": at.username,
            "password": at.password or "",
            "dbname": at.path.strip("/") or "postgres",
            "schema": "recorded",
            "threads": 2,
        }
        profile = {"outcomes": {"target": "postgres", "outputs": {"postgres": output}}}
        (project / "profiles.yml").write_text(json.dumps(profile))
        shutil.rmtree(project / "target")
        (project / "target").mkdir()
        yield


def artefact(shop: Shop, name: str) -> dict[str, str]:
    path = shop.folder / "target" / name
    return statuses(json.loads(path.read_text())) if path.exists() else {}


def without_host(event: Event) -> Event:
    if not isinstance(event, RunStarted):
        return event
    data = event.data.model_copy(update={"producer_host": HOST, "producer_pid": 1})
    return event.model_copy(update={"data": data})


if __name__ == "__main__":
    main(sys.argv[1:])
