"""The `heliograph` command as a user types it: messages, exit codes, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer

from bus_fixtures import unused_names, write_raw
from heliograph.bus import command_line
from heliograph.bus.errors import BusMissing
from local_servers.choose import RabbitServer
from local_servers.ports import free_port

HELIOGRAPH = Path(sys.executable).with_name("heliograph")


def heliograph(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "HELIOGRAPH_BUS_URL"}
    return subprocess.run(
        [HELIOGRAPH, *args], capture_output=True, text=True, timeout=120, check=False, env={**env, **environment}
    )


def assert_one_clear_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("heliograph: error: ")
    for part in parts:
        assert part in lines[0]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Stand-ins for what the entry points lead to, by command name; an exception is raised by loading."""
    found: dict[str, object] = {}

    class Stand(EntryPoint):
        def load(self) -> object:
            target = found[self.name]
            if isinstance(target, Exception):
                raise target
            return target

    monkeypatch.setattr(
        command_line,
        "entry_points",
        lambda group: [Stand(name=name, value="x:y", group=group) for name in found],
    )
    return found


def run_main(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["heliograph", *args])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


def test_the_version_is_printed() -> None:
    done = heliograph("--version")

    assert (done.returncode, done.stdout) == (0, "heliograph 0.1.0\n")


def test_the_help_lists_the_commands_of_every_floor() -> None:
    done = heliograph("--help")

    assert done.returncode == 0
    for command in ("bus", "run", "tail"):
        assert command in done.stdout


def test_an_unknown_command_is_told_in_short() -> None:
    done = heliograph("fly")

    assert done.returncode == 2
    assert "No such command 'fly'" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_the_called_command_is_loaded(commands: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    commands["good"] = lambda: called.append("good")
    commands["bad"] = AssertionError("loaded without being called")

    assert run_main(monkeypatch, "good") == 0
    assert called == ["good"]


def test_a_plain_function_becomes_a_command(commands: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def count(words: list[str], times: int = 1) -> None:
        seen.append((words, times))

    commands["count"] = count

    assert run_main(monkeypatch, "count", "--times", "3", "--", "a", "--b") == 0
    assert seen == [(["a", "--b"], 3)]


def test_an_exit_code_is_handed_on(commands: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise typer.Exit(1)

    commands["fail"] = fail

    assert run_main(monkeypatch, "fail") == 1


def test_a_told_error_is_one_line_and_its_exit_code(
    commands: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise BusMissing("nothing\nhere", setting="bus_url", fix="make it")

    commands["fail"] = fail

    assert run_main(monkeypatch, "fail") == 2
    assert capsys.readouterr().err == "heliograph: error: nothing here. Setting: bus_url. Fix: make it.\n"


def test_a_command_that_cannot_be_loaded_says_why_and_leaves_the_others_alone(
    commands: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands["broken"] = ModuleNotFoundError("No module named 'dbt'")
    commands["good"] = lambda: print("fine")

    assert run_main(monkeypatch, "--help") == 0
    assert "good" in capsys.readouterr().out
    assert run_main(monkeypatch, "broken", "build", "--select", "x") == 2
    assert "The command broken cannot be loaded: No module named 'dbt'" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    script = (
        "import sys; from heliograph.bus import command_line; from importlib.metadata import EntryPoint\n"
        "def wait():\n"
        "    import threading; print('waiting', flush=True); threading.Event().wait(60)\n"
        "EntryPoint.load = lambda self: wait\n"
        "sys.argv = ['heliograph', 'bus']; command_line.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_file_bus_is_made_and_checked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'events.db'}"

    assert heliograph("bus", "create", "--bus", url).stdout == "The event log is ready.\n"
    assert heliograph("bus", "check", HELIOGRAPH_BUS_URL=url).stdout == "The event log answers.\n"
    assert (tmp_path / "new" / "events.db").exists()


def test_a_bus_that_is_not_named_is_told_with_its_variable() -> None:
    done = heliograph("bus", "check")

    assert done.returncode == 2
    assert "--bus" in done.stderr
    assert "HELIOGRAPH_BUS_URL" in done.stderr


def test_an_unknown_scheme_is_one_clear_line() -> None:
    done = heliograph("bus", "check", "--bus", "kafka://ada:secret@broker/")

    assert_one_clear_line(done, "unknown scheme 'kafka'", "Setting: bus_url", "Fix: begin it with sqlite:///, amqp://")
    assert "secret" not in done.stderr


def test_a_server_that_is_not_there_is_one_clear_line() -> None:
    port = free_port()
    done = heliograph("bus", "check", "--bus", f"amqp://127.0.0.1:{port}/")

    assert_one_clear_line(done, f"RabbitMQ at 127.0.0.1:{port} does not answer", "Setting: bus_url", "start the server")


@pytest.mark.rabbitmq
def test_refused_credentials_are_one_clear_line(rabbitmq_server: RabbitServer) -> None:
    url = "amqp://mallory:secret@" + rabbitmq_server.url.split("@")[1]
    done = heliograph("bus", "check", "--bus", url)

    assert_one_clear_line(done, "refused the login of user 'mallory'", "Setting: bus_url", "correct user and password")
    assert "secret" not in done.stderr


@pytest.mark.rabbitmq
def test_a_missing_exchange_is_one_clear_line_and_its_fix_works(rabbitmq_server: RabbitServer) -> None:
    url = unused_names(rabbitmq_server.url)

    assert_one_clear_line(
        heliograph("bus", "check", "--bus", url), "has no exchange", "Fix: run `heliograph bus create --bus URL`"
    )
    assert heliograph("bus", "create", "--bus", url, "--max-age", "1D").stdout == "The event log is ready.\n"
    assert heliograph("bus", "check", "--bus", url).stdout == "The event log answers.\n"


def test_a_newer_event_version_is_one_clear_line(sqlite_bus_url: str) -> None:
    write_raw(sqlite_bus_url, run="shop/run-1", body=b'{"type": "dev.heliograph.run.started.v2"}')
    done = heliograph("tail", "shop/run-1", "--bus", sqlite_bus_url)

    assert_one_clear_line(
        done, "dev.heliograph.run.started.v2, newer than this Heliograph reads", "Fix: upgrade the heliograph package"
    )


def test_schema_files_are_written_and_compared(tmp_path: Path) -> None:
    out = tmp_path / "contract"

    assert_one_clear_line(
        heliograph("bus", "schema", "--out", str(out), "--check"), "events.schema.json", "Setting: --out"
    )
    assert heliograph("bus", "schema", "--out", str(out)).returncode == 0
    assert heliograph("bus", "schema", "--out", str(out), "--check").returncode == 0
    (out / "asyncapi.json").write_text("{}")
    assert_one_clear_line(heliograph("bus", "schema", "--out", str(out), "--check"), "asyncapi.json")
