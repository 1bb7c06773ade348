"""The SQLite file behind the embedded log: its place, its tables and what can be wrong with it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from heliograph.bus.errors import BusError, BusRefused, BusUnavailable, UnknownBusScheme

_APPLICATION_ID: Final = 0x48454C49  # "HELI": tells our file from another program's
_SCHEMA_VERSION: Final = 1
# What the system says where waiting does not help.
_FOR_GOOD: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
_SCHEMA: Final = f"""
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS events (
        "offset" INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS events_by_run ON events (run, "offset");
    PRAGMA application_id = {_APPLICATION_ID};
    PRAGMA user_version = {_SCHEMA_VERSION};
    COMMIT;
"""


def path_of(url: str) -> Path:
    """The file a ``sqlite:///`` URL names: three slashes for a relative path, four for an absolute one.

    Raises:
        UnknownBusScheme: the URL names a host, no file, or options.
    """
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or not path or parts.query or parts.fragment:
        raise UnknownBusScheme(
            "The sqlite bus URL does not name a file alone",
            setting="bus_url",
            fix="write sqlite:////absolute/path/events.db or sqlite:///relative/path/events.db",
        )
    return Path(path).expanduser()


def prepare(path: Path, *, timeout_s: float) -> None:
    """Makes the file, its folder and its tables where they are missing.

    What is made is closed to other users of the machine, because events carry compiled SQL; the group's rights
    follow the umask.

    Raises:
        BusRefused: this user may not write the path, or the file is something else.
        BusUnavailable: the disk does not do it now.
    """
    try:
        path.parent.mkdir(mode=0o770, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660))
    except OSError as error:
        kind = BusRefused if error.errno in _FOR_GOOD else BusUnavailable
        raise unwritable(kind, path, error.strerror or str(error)) from None
    try:
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None)
    except sqlite3.Error as error:
        raise failure(path, error) from None
    # SQLite gives up at once, whatever its timeout, where two processes turn a new file to WAL together.
    patiently = Retrying(
        retry=retry_if_exception(is_busy), wait=wait_fixed(0.05), stop=stop_after_delay(timeout_s), reraise=True
    )
    try:
        patiently(_make_tables, connection, path)
    except sqlite3.Error as error:
        raise failure(path, error) from None
    finally:
        connection.close()


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN")  # both answers from one moment: another process may be making the tables
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    connection.execute("COMMIT")
    if application == _APPLICATION_ID:
        return
    if tables:
        raise BusRefused(
            f"{path} is the SQLite database of another program",
            setting="bus_url",
            fix="name a file of its own; it is made where it does not exist",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(_SCHEMA)


def unwritable(kind: type[BusError], path: Path, reason: str) -> BusError:
    return kind(
        f"The event log {path} cannot be written: {reason}",
        setting="bus_url",
        fix=f"give this user the right to write {path.parent}, or name another file",
    )


def is_busy(error: BaseException) -> bool:
    """Whether another program held the file longer than the timeout."""
    return (getattr(error, "sqlite_errorname", None) or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def failure(path: Path, error: sqlite3.Error) -> BusError:
    """What SQLite reported, as a message that tells the cure."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_NOTADB"):
        return BusRefused(
            f"{path} is not an SQLite database",
            setting="bus_url",
            fix="name another file, or move that one away; the log is made where it does not exist",
        )
    if is_busy(error):
        return BusUnavailable(
            f"The event log {path} stayed locked by another program",
            setting="bus_url",
            fix="end the program that holds a transaction open on it; it must lie on a local disk",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return unwritable(BusRefused, path, str(error))
    if name.startswith("SQLITE_CANTOPEN"):
        return unwritable(BusUnavailable, path, str(error))
    return BusUnavailable(
        f"The event log {path} does not work: {error}",
        setting="bus_url",
        fix="look at the disk and the file's rights; it must lie on a local disk",
    )
