"""The files of recordings: gzip or plain, read from anywhere, written whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from heliograph.bus.errors import HeliographError

STDIO: Final = "-"
"""The name of standard input or output."""

_GZIP_MAGIC: Final = b"\x1f\x8b"


def shown(name: str) -> str:
    """The name of a file that is read, for people."""
    return "standard input" if name == STDIO else name


@contextmanager
def reading(name: str) -> Iterator[IO[bytes]]:
    """The file's content, unpacked where it is gzip.

    Raises:
        HeliographError: it cannot be opened.
    """
    if name == STDIO:
        yield _unpacked(sys.stdin.buffer)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  # closed below; only the opening is guarded
    except OSError as error:
        raise HeliographError(
            f"{name} cannot be read: {error.strerror}",
            setting="FILE",
            fix="give the path of a file that heliograph export wrote",
        ) from None
    with file:
        yield _unpacked(file)


@contextmanager
def writing(name: str) -> Iterator[IO[bytes]]:
    """A file to write; it gets its name, and replaces what had it, once all is written. Gzip where it ends in .gz.

    Raises:
        HeliographError: it cannot be written.
    """
    if name == STDIO:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    # Beside its place, as a rename does not leave a file system.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                if path.suffix == ".gz":
                    with gzip.open(file, "wb", compresslevel=6) as packed:
                        yield cast("IO[bytes]", packed)
                else:
                    yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise HeliographError(
            f"{name} cannot be written: {error.strerror or error}",
            setting="--out",
            fix="name a file in a folder that exists and that this user may write",
        ) from None


def _unpacked(file: BinaryIO) -> IO[bytes]:
    if isinstance(file, io.BufferedReader) and file.peek(2)[:2] == _GZIP_MAGIC:
        return cast("IO[bytes]", gzip.open(file))  # the caller closes what lies below
    return file
