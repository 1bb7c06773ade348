"""``heliograph run``: one dbt command on the command line."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from ulid import ULID

from heliograph.bus.open import open_log
from heliograph.bus.options import BusUrlOrOwn
from heliograph.producer.command import DbtCommand


def run(
    dbt_args: Annotated[list[str], typer.Argument(metavar="-- DBT_ARGS", help="dbt's words: build --select ...")],
    bus: BusUrlOrOwn,
    project_dir: Annotated[Path, typer.Option(help="The folder of dbt_project.yml.")] = Path(),
    profiles_dir: Annotated[Path | None, typer.Option(help="The folder of profiles.yml, as dbt takes it.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile, as dbt takes it.")] = None,
    target: Annotated[str | None, typer.Option(help="The target, as dbt takes it.")] = None,
    run_key: Annotated[str | None, typer.Option("--run", help="The run's key. Default: cli/ and a new id.")] = None,
    attempt: Annotated[int, typer.Option(min=1, help="Which attempt of the run this is.")] = 1,
    dbt_executable: Annotated[
        str | None, typer.Option(help="Another dbt to run. Default: this Python's, else dbt on PATH.")
    ] = None,
    check_freshness: Annotated[
        bool, typer.Option(help="Check the sources first; what depends on stale ones alone is skipped.")
    ] = False,
    heartbeat: Annotated[float, typer.Option(min=0.1, help="Seconds between two signs of life.")] = 5.0,
    lease: Annotated[float, typer.Option(min=1.0, help="Seconds of silence until the producer counts as dead.")] = 25.0,
    drain_limit: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait after dbt's end until the bus has every event.")
    ] = 60.0,
) -> None:
    """Runs one dbt command and publishes its events.

    The exit code is dbt's: 0, 1 for nodes that failed, 2 where dbt could not do its work, was interrupted or killed.
    Events that the bus did not take in time are told on standard error and leave the exit code as it is.
    """
    log = open_log(bus)
    key = run_key or f"cli/{ULID()}"
    typer.echo(f"heliograph: run {key}")
    command = DbtCommand(
        args=dbt_args,
        project_dir=project_dir,
        profiles_dir=profiles_dir,
        profile=profile,
        target=target,
        run_key=key,
        attempt=attempt,
        log=log,
        dbt_executable=dbt_executable,
        check_freshness=check_freshness,
        heartbeat_s=heartbeat,
        lease_s=lease,
        drain_limit_s=drain_limit,
    )
    try:
        with stopped_by_signals(command):
            result = command.run()
    finally:
        log.close()
    if result.memory_peak is not None:
        typer.echo(f"heliograph: peak memory {result.memory_peak.text}")
    if result.message is not None:
        typer.echo(f"heliograph: {result.message}", err=True)
    raise typer.Exit(result.exit_code)


@contextmanager
def stopped_by_signals(command: DbtCommand) -> Iterator[None]:
    """Lets SIGINT and SIGTERM stop the command instead of this process; the same signal again is harder."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def stop(signum: int, _frame: FrameType | None) -> None:
        command.stop(f"the producer received {signal.Signals(signum).name}")

    before = {signum: signal.signal(signum, stop) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
