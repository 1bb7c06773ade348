"""A private PostgreSQL server from the machine's own programs; its data are thrown away at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local_servers.ports import LOOPBACK, free_port
from local_servers.process import ManagedProcess

OWNER: Final = "heliograph"
_PROGRAMS: Final = ("postgres", "initdb", "pg_isready", "createdb")

# Throw-away data: what a crash would lose does not matter, the time of a commit does.
_SETTINGS: Final = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",
    "max_connections=300",
)


def programs() -> Path | None:
    """The folder of the server and its tools; of Debian's side-by-side versions the newest."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if versions:
        return max(versions, key=lambda folder: float(folder.parent.name))
    folders = [Path(name) for name in os.get_exec_path()]
    return next((folder for folder in folders if all((folder / name).exists() for name in _PROGRAMS)), None)


@contextmanager
def private_postgres(folder: Path) -> Iterator[str]:
    """The URL of a running server: user and database ``heliograph``, any password.

    Its log is written to ``folder``; its data lie in the system's temporary folder, because PostgreSQL refuses to
    run as root and the unprivileged user that stands in must be able to reach them.
    """
    found = programs()
    if found is None:
        raise FileNotFoundError("No PostgreSQL server on this machine: install the system package postgresql")
    folder.mkdir(parents=True, exist_ok=True)
    user = _unprivileged_user() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="heliograph-postgres-") as name:
        data = Path(name)
        if user is not None:
            shutil.chown(data, user, user)
        _run([found / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync"], user=user)
        port = free_port()
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        command: list[str | Path] = [found / "postgres", "-D", data, "-p", str(port), *options]
        server = ManagedProcess(
            command,
            log_file=folder / "postgres.log",
            env=_environment(data),
            folder=data,
            user=user,
            stop_signal=signal.SIGINT,  # SIGTERM would wait until every client has gone
        )
        address = ["-h", LOOPBACK, "-p", str(port), "-U", OWNER]
        with server:
            server.wait_until(lambda: _answers([found / "pg_isready", "-q", *address]))
            _run([found / "createdb", *address, OWNER], user=user)
            yield f"postgresql://{OWNER}:{OWNER}@{LOOPBACK}:{port}/{OWNER}"


def _unprivileged_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise LookupError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it")


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"HOME": str(home), "LC_ALL": "C.UTF-8"}


def _run(command: list[Path | str], *, user: str | None) -> None:
    extra_groups: list[int] | None = [] if user is not None else None
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        group=user,
        extra_groups=extra_groups,
        env=_environment(Path(tempfile.gettempdir())),
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")


def _answers(command: list[Path | str]) -> bool:
    return subprocess.run([str(part) for part in command], check=False).returncode == 0
