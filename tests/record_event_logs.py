"""Records the event logs of a few real runs, for tests that replay them: ``python tests/record_event_logs.py``."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from dbt_runs import Shop
from heliograph.bus.events import Event, NodeStarted, RunStarted, encode
from market_runs import Market, run_market
from watched_log import WatchedLog

FOLDER = Path(__file__).parent / "fixtures" / "event_logs"
HOST = "recorder.example"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    without_unit_tests = ("build", "--exclude", "resource_type:unit_test")
    record("success", "build", breaking="warn")
    record("failing_model", *without_unit_tests, breaking="model")
    record("failing_test", "build", breaking="test")
    record("aborted", "run", "--select", "slow", gated=True)
    record_stale_sources()


def record_stale_sources() -> None:
    """A stale source, one to be warned of, a fresh one, and what depends on them."""
    with tempfile.TemporaryDirectory() as folder:
        ran = run_market(Market.of_ages(Path(folder) / "market"), "build", check_freshness=True)
    keep("stale_sources", ran.events)


def record(name: str, *args: str, breaking: str | None = None, gated: bool = False) -> None:
    """Runs the command on a copy of the project and keeps its events, one a line."""
    log = WatchedLog()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.copy(Path(folder) / "shop", breaking=breaking, gated=gated)
        command = shop.command(*args, log=log, stop_grace_s=1.0)
        running = threading.Thread(target=command.run)
        running.start()
        if gated:
            log.wait_for(lambda event: isinstance(event, NodeStarted))
            command.stop("the producer received SIGTERM")
        running.join()
    keep(name, log.events)


def keep(name: str, events: Iterable[Event]) -> None:
    lines = [encode(_without_host(event)).decode() for event in events]
    (FOLDER / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _without_host(event: Event) -> Event:
    if not isinstance(event, RunStarted):
        return event
    data = event.data.model_copy(update={"producer_host": HOST, "producer_pid": 1})
    return event.model_copy(update={"data": data})


if __name__ == "__main__":
    main()
