"""Runs that are broken off, and logs that are away."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import pytest

from dbt_runs import DBT, Ran, Shop
from heliograph.bus.errors import BusError, BusMissing, BusRefused, BusUnavailable
from heliograph.bus.events import NodeStarted, RunAborted, RunPlanned, RunStarted
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import Phase
from heliograph.producer.command import CommandResult
from heliograph.producer.errors import NoDbt, NotADbtProject, ProducerError, UnsupportedDbtCommand
from watched_log import WatchedLog

SLOW = "model.shop.slow"


class Running:
    """A command on a gated project, in a thread of its own, at the moment when ``slow`` runs."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.shop, self.log = Shop.copy(folder, gated=True), WatchedLog()
        self.command = self.shop.command("run", "--select", "slow", log=self.log, **options)
        self.results: list[CommandResult] = []
        self.thread = threading.Thread(target=lambda: self.results.append(self.command.run()))
        self.thread.start()
        self.log.wait_for(lambda event: isinstance(event, NodeStarted))
        self.shop.reach_gate()

    def end(self) -> Ran:
        self.thread.join(120)
        assert self.results
        return Ran(shop=self.shop, result=self.results[0], events=self.log.events)


def children() -> list[psutil.Process]:
    """The processes of dbt, which all live behind a guard; not those of servers that tests share."""
    guards = [
        process for process in psutil.Process().children() if any("guard.py" in word for word in process.cmdline())
    ]
    return [process for guard in guards for process in (guard, *guard.children(recursive=True))]


def test_a_stop_ends_another_dbt_and_publishes_that_the_run_was_aborted(tmp_path: Path) -> None:
    running = Running(tmp_path / "shop", dbt_executable=DBT, stop_grace_s=1.0)
    processes = children()
    running.command.stop("the task was killed")
    ran = running.end()
    assert ran.state.phase is Phase.ABORTED
    assert ran.aborted.reason == "the task was killed"
    assert ran.state.complete
    assert ran.ends(SLOW) == []  # Python code cannot be cancelled: the harder signal was needed
    assert ran.result.exit_code == 2
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def test_a_stop_that_dbt_can_obey_keeps_its_exit_code_and_the_end_of_what_still_ended(tmp_path: Path) -> None:
    cancelling = threading.Event()

    def on_output(line: str) -> None:
        if "CANCEL query model.shop.slow" in line:
            cancelling.set()

    running = Running(tmp_path / "shop", stop_grace_s=600, on_output=on_output)
    running.command.stop("the task was killed")
    assert cancelling.wait(120)
    running.shop.open_gate()
    ran = running.end()
    assert ran.aborted.exit_code == 2
    assert ran.result.exit_code == 2
    assert ran.end(SLOW).outcome in {Outcome.SUCCESS, Outcome.CANCELLED}  # as far as the adapter could cancel it


def test_a_killed_dbt_aborts_the_run_and_makes_nothing_a_success(tmp_path: Path) -> None:
    running = Running(tmp_path / "shop")
    (dbt,) = [p for p in children() if p.cmdline()[1:4] == ["-P", "-m", "heliograph.producer.dbt_process"]]
    dbt.kill()
    ran = running.end()
    assert isinstance(ran.events[-1], RunAborted)
    assert "SIGKILL" in ran.aborted.reason
    assert ran.state.nodes_finished == {}
    assert ran.result.exit_code == 2


def test_whatever_breaks_into_the_producer_ends_dbt_and_tells_the_abort(tmp_path: Path) -> None:
    class TimedOut(Exception):
        pass

    def break_in(signum: int, frame: FrameType | None) -> None:
        raise TimedOut

    shop, log = Shop.copy(tmp_path / "shop", gated=True), WatchedLog()
    processes: list[psutil.Process] = []

    def when_running() -> None:
        log.wait_for(lambda event: isinstance(event, NodeStarted))
        shop.reach_gate()
        processes.extend(children())
        signal.raise_signal(signal.SIGUSR1)
        shop.open_gate()

    before = signal.signal(signal.SIGUSR1, break_in)
    watcher = threading.Thread(target=when_running)
    watcher.start()
    try:
        with pytest.raises(TimedOut):
            shop.command("run", "--select", "slow", log=log).run()
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
    assert isinstance(log.events[-1], RunAborted)
    assert "TimedOut" in log.events[-1].data.reason
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def test_dbt_comes_to_its_end_while_the_log_takes_nothing(tmp_path: Path) -> None:
    """I7: the log is away at the start, then holds every append until dbt has ended, and still gets everything."""
    shop, log = Shop.copy(tmp_path / "shop"), WatchedLog()
    log.failure = BusUnavailable("the broker is away")
    taken: list[int] = []

    def on_output(line: str) -> None:
        if "Running with dbt" in line:
            log.hold()
        # dbt's own last line, printed after its last node and its run_results.json
        if "Done. PASS=" in line:
            assert shop.run_results
            taken.append(len(log.events))
            log.failure = None
            log.release()

    result = shop.command("seed", log=log, on_output=on_output).run()
    ran = Ran(shop=shop, result=result, events=log.events)
    assert taken == [0]
    assert (result.exit_code, result.undelivered) == (0, 0)
    assert isinstance(log.events[0], RunStarted)
    assert ran.state.complete
    assert ran.end("seed.shop.raw_orders").outcome is Outcome.SUCCESS


def test_a_log_that_goes_away_for_good_leaves_dbts_exit_code_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop, log = Shop.copy(tmp_path / "shop"), WatchedLog()

    def on_output(line: str) -> None:
        if "START seed" in line:
            log.wait_for(lambda event: isinstance(event, RunPlanned))
            log.failure = BusUnavailable("the broker is away")

    result = shop.command("seed", log=log, on_output=on_output, drain_limit_s=0.1).run()
    assert result.exit_code == 0
    assert result.undelivered > 0
    (told,) = [record.message for record in caplog.records if "not delivered" in record.message]
    assert f"{result.undelivered} events" in told
    assert "Fix:" in told


@pytest.mark.parametrize("error", [BusRefused("wrong password"), BusMissing("no stream")])
def test_a_log_that_refuses_for_good_keeps_dbt_from_starting(tmp_path: Path, error: BusError) -> None:
    shop, log = Shop.copy(tmp_path / "shop"), WatchedLog()
    log.failure = error
    with pytest.raises(type(error)):
        shop.command("seed", log=log).run()
    assert shop.lines == []
    assert not (shop.folder / "logs").exists()


def test_a_stop_before_the_start_starts_nothing(tmp_path: Path) -> None:
    shop, log = Shop.copy(tmp_path / "shop"), WatchedLog()
    command = shop.command("seed", log=log)
    command.stop("changed my mind")
    result = command.run()
    assert result.exit_code == 2
    assert isinstance(log.events[-1], RunAborted)
    assert not (shop.folder / "logs").exists()


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (NotADbtProject, {"project_dir": "nothing"}),
        (NoDbt, {"dbt_executable": "no-such-dbt"}),
        (UnsupportedDbtCommand, {"args": ["docs", "generate"]}),
    ],
)
def test_wrong_settings_are_met_before_the_first_event(
    tmp_path: Path, error: type[ProducerError], options: dict[str, Any]
) -> None:
    shop, log = Shop.copy(tmp_path / "shop"), WatchedLog()
    if "project_dir" in options:
        options = {"project_dir": tmp_path / options["project_dir"]}
    with pytest.raises(error) as raised:
        shop.command("seed", log=log, **options).run()
    assert raised.value.setting
    assert raised.value.fix
    assert log.events == []
