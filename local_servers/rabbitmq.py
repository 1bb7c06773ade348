"""A private RabbitMQ node from the machine's own programs.

It has its own home, cookie, data, ports and epmd, listens on loopback only and leaves the system's node alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local_servers.ports import LOOPBACK, free_ports, listening
from local_servers.process import ManagedProcess

# The wrappers in /usr/sbin switch to another user and lose the environment, so the programs behind them come first.
_PROGRAM_FOLDERS: Final = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/opt/homebrew/sbin", "/usr/local/sbin")
_AMQP_HEADER: Final = b"AMQP\x00\x00\x09\x01"


def programs() -> Path | None:
    """The folder of ``rabbitmq-server`` and ``rabbitmqctl``, where RabbitMQ and Erlang are installed."""
    if shutil.which("erl") is None:
        return None
    for folder in map(Path, _PROGRAM_FOLDERS):
        if (folder / "rabbitmq-server").exists():
            return folder
    return None


class PrivateRabbit:
    """A node that can be stopped and started again; its data stay.

    Args:
        folder: takes everything it writes.
        config: more lines for its ``rabbitmq.conf``.

    Attributes:
        url: AMQP URL of the default virtual host, credentials included.
    """

    def __init__(self, folder: Path, *, config: str = "") -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError("No RabbitMQ on this machine: install the system package rabbitmq-server")
        self._programs = found
        self._port, distribution_port, epmd_port = free_ports(3)
        self.url = f"amqp://guest:guest@{LOOPBACK}:{self._port}/%2F"
        self._folder = folder
        self._config = config
        self._env = _environment(folder, port=self._port, distribution_port=distribution_port, epmd_port=epmd_port)
        self._epmd = ManagedProcess(["epmd", "-port", str(epmd_port)], log_file=folder / "epmd.log", env=self._env)
        self._server = ManagedProcess(
            [found / "rabbitmq-server"], log_file=folder / "server.log", env=self._env, folder=folder
        )

    def start(self, timeout_s: float = 120) -> None:
        """Starts the node and returns when it takes AMQP connections.

        Raises:
            ProcessFailed: it ended or was not ready in time.
        """
        _write_files(self._folder, self._config)
        self._epmd.start()
        self._server.start()
        self._server.wait_until(lambda: _speaks_amqp(self._port), timeout_s=timeout_s)

    def stop(self) -> None:
        """Stops the node in order; connections are closed by it."""
        self._server.stop()

    def kill(self) -> None:
        """Ends the node as a crash would."""
        self._server.kill()

    def close(self) -> None:
        """Stops the node and its epmd."""
        self._server.stop()
        self._epmd.stop()

    def ctl(self, *args: str) -> str:
        """Output of ``rabbitmqctl`` with these arguments, on this node.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        command = [str(self._programs / "rabbitmqctl"), "--quiet", *args]
        return subprocess.run(command, env=self._env, check=True, capture_output=True, text=True).stdout


@contextmanager
def private_rabbitmq(folder: Path, *, config: str = "") -> Iterator[PrivateRabbit]:
    """A running private node with everything it writes under ``folder``; see ``PrivateRabbit``."""
    node = PrivateRabbit(folder, config=config)
    try:
        node.start()
        yield node
    finally:
        node.close()


def _environment(folder: Path, *, port: int, distribution_port: int, epmd_port: int) -> dict[str, str]:
    return os.environ | {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"heliograph-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def _write_files(folder: Path, config: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "enabled_plugins").write_text("[].\n")
    # A test machine with a full disk is no reason to stop publishers.
    own = "disk_free_limit.absolute = 50MB\nlog.file.level = warning\n"
    (folder / "rabbitmq.conf").write_text(own + config)
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(os.urandom(16).hex())
        cookie.chmod(0o400)


def _speaks_amqp(port: int) -> bool:
    if not listening(port):
        return False
    with socket.create_connection((LOOPBACK, port), timeout=5) as probe:
        probe.sendall(_AMQP_HEADER)
        try:
            # The first byte of a method frame: connection.start, sent once the node has booted.
            return probe.recv(1) == b"\x01"
        except OSError:
            return False
