"""Recordings: one run in a file that needs nothing else. JSON Lines: a header, then the run's events in log order."""

from __future__ import annotations

import shutil
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import IO, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from heliograph.bus.errors import EventError, HeliographError
from heliograph.bus.events import Event, decode, encode
from heliograph.consumers.recording_file import reading, shown, writing

# Bytes of a run kept in memory before they go to a temporary file.
_IN_MEMORY: Final = 8 * 1024 * 1024


class NotARecording(HeliographError):
    """The file is no recording, is cut off, or was changed."""


class Header(BaseModel):
    """The first line of a recording.

    Attributes:
        recording: the format's version.
        heliograph: the version of the package that wrote it.
        run: the run's key.
        exported_at: when it was written.
        events: how many events follow.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    recording: Literal[1]
    heliograph: str
    run: str = Field(min_length=1)
    exported_at: datetime
    events: int = Field(ge=0)


async def write_recording(run: str, events: AsyncIterator[Event], *, out: str) -> Header:
    """Writes the run's events to the file ``out`` (``-``: standard output), which then stands whole or not at all.

    Raises:
        HeliographError: the file cannot be written.
    """
    # The header stands first and tells the number of events, so they wait beside.
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
        count = 0
        async for event in events:
            body.write(encode(event) + b"\n")
            count += 1
        body.seek(0)
        header = Header(
            recording=1, heliograph=version("heliograph"), run=run, exported_at=datetime.now(UTC), events=count
        )
        with writing(out) as file:
            file.write(header.model_dump_json().encode() + b"\n")
            shutil.copyfileobj(body, file)
    return header


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """An open recording.

    Attributes:
        name: the file's name, for people.
        header: its first line.
        lines: what follows it.
    """

    name: str
    header: Header
    lines: Iterator[bytes]

    def events(self) -> Iterator[Event]:
        """The events, read as they are asked for; once. Kinds that this version does not know are passed over.

        Raises:
            NotARecording: a line is no event of the header's run, or lines are missing.
        """
        count = 0
        for count, line in enumerate(self.lines, start=1):
            event = self._event(line, number=count + 1)
            if event is not None:
                yield event
        if count != self.header.events:
            raise NotARecording(
                f"{self.name} holds {count} events, and its first line promises {self.header.events}",
                fix="the file was cut off or changed: export the run again",
            )

    def _event(self, line: bytes, *, number: int) -> Event | None:
        try:
            event = decode(line)
        except EventError as error:
            raise _wrong_line(self.name, number, error.problem) from None
        if event is not None and event.run != self.header.run:
            raise _wrong_line(self.name, number, f"an event of another run, {event.run}")
        return event


@contextmanager
def open_recording(name: str) -> Iterator[Recording]:
    """The recording in the file ``name``, or in standard input where that is ``-``.

    Raises:
        NotARecording: the first line is no header.
        HeliographError: the file cannot be read.
    """
    with reading(name) as file:
        lines = _lines(file, shown(name))
        try:
            header = Header.model_validate_json(next(lines, b""))
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)[0]
            told = ": ".join([*map(str, found["loc"]), found["msg"]])
            raise _wrong_line(shown(name), 1, f"not the header of a recording: {told}") from None
        yield Recording(name=shown(name), header=header, lines=lines)


def _lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from file
    except (EOFError, OSError, zlib.error) as error:
        raise NotARecording(
            f"{name} cannot be read to its end: {error}", fix="the file is damaged: export the run again"
        ) from None


def _wrong_line(name: str, number: int, told: str) -> NotARecording:
    return NotARecording(f"{name}, line {number}: {told}", fix="give a file that heliograph export wrote")
