"""Recordings: what is written is read again, and what is no recording is told by its line."""

from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from heliograph.bus.errors import HeliographError
from heliograph.bus.events import Event, encode
from heliograph.consumers.recording import NotARecording, open_recording, write_recording
from run_events import Attempt, model

RUN = "shop/run-1"


@pytest.fixture
def events() -> list[Event]:
    return Attempt(run=RUN).whole([model("orders"), model("line\nbreak")])


async def given(events: Sequence[Event], error: Exception | None = None) -> AsyncIterator[Event]:
    for event in events:
        yield event
    if error is not None:
        raise error


def read(path: Path | str) -> list[Event]:
    with open_recording(str(path)) as recording:
        assert recording.header.run == RUN
        return list(recording.events())


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "run"])
async def test_a_run_comes_back_as_it_was_written(name: str, tmp_path: Path, events: list[Event]) -> None:
    header = await write_recording(RUN, given(events), out=str(tmp_path / name))
    assert header.events == len(events)
    assert read(tmp_path / name) == events
    assert names(tmp_path) == [name]


async def test_each_line_is_an_event_as_it_is_encoded(tmp_path: Path, events: list[Event]) -> None:
    await write_recording(RUN, given(events), out=str(tmp_path / "run.jsonl"))
    assert (tmp_path / "run.jsonl").read_bytes().splitlines()[1:] == [encode(event) for event in events]


async def test_a_name_in_gz_is_packed_and_a_packed_file_of_any_name_is_read(
    tmp_path: Path, events: list[Event]
) -> None:
    await write_recording(RUN, given(events), out=str(tmp_path / "run.gz"))
    assert len(gzip.decompress((tmp_path / "run.gz").read_bytes()).splitlines()) == len(events) + 1
    (tmp_path / "run.gz").rename(tmp_path / "plain")
    assert read(tmp_path / "plain") == events


async def test_an_error_leaves_the_file_that_was_there(tmp_path: Path, events: list[Event]) -> None:
    out = tmp_path / "run.jsonl"
    out.write_text("before")
    with pytest.raises(ConnectionError):
        await write_recording(RUN, given(events, ConnectionError()), out=str(out))
    assert (names(tmp_path), out.read_text()) == (["run.jsonl"], "before")


async def test_a_file_that_cannot_be_written_is_a_clear_error(tmp_path: Path, events: list[Event]) -> None:
    (tmp_path / "taken").mkdir()
    for out in (tmp_path / "missing" / "run.jsonl", tmp_path / "taken"):
        with pytest.raises(HeliographError, match=r"cannot be written: .* Setting: --out"):
            await write_recording(RUN, given(events), out=str(out))
    assert names(tmp_path) == ["taken"]


@pytest.mark.parametrize("name", ["run.jsonl", "run.gz"])
async def test_standard_input_is_read(
    name: str, tmp_path: Path, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_recording(RUN, given(events), out=str(tmp_path / name))
    stream = io.BufferedReader(io.BytesIO((tmp_path / name).read_bytes()))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
    assert read("-") == events


@pytest.fixture
async def lines(tmp_path: Path, events: list[Event]) -> list[bytes]:
    await write_recording(RUN, given(events), out=str(tmp_path / "whole.jsonl"))
    return (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(NotARecording) as told:
        read(path)
    return str(told.value)


def test_a_file_that_is_no_recording_is_told_by_its_line(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "bad"
    assert "bad, line 1: not the header" in refused(path, b"")
    assert "bad, line 1: not the header" in refused(path, b"a,b\n1,2\n")
    assert "bad, line 1: not the header of a recording: recording: Field required" in refused(path, b"".join(lines[1:]))
    assert "bad, line 1: not the header of a recording: recording:" in refused(
        path, lines[0].replace(b'"recording":1', b'"recording":2')
    )
    assert "bad, line 3: Not an event" in refused(path, b"".join([*lines[:2], b"{}\n", *lines[2:]]))
    other = encode(Attempt(run="bank/1").started()) + b"\n"
    assert "bad, line 2: an event of another run, bank/1" in refused(path, b"".join([lines[0], other, *lines[1:]]))


def test_a_file_that_was_cut_off_is_told(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "bad"
    assert f"holds {len(lines) - 2} events, and its first line promises {len(lines) - 1}" in refused(
        path, b"".join(lines[:-1])
    )
    assert "cannot be read to its end" in refused(path, gzip.compress(b"".join(lines))[:-20])


def test_kinds_of_a_later_version_are_passed_over(tmp_path: Path, lines: list[bytes], events: list[Event]) -> None:
    later = b'{"type": "dev.heliograph.node.dreamed.v1"}\n'
    header = lines[0].replace(f'"events":{len(events)}'.encode(), f'"events":{len(events) + 1}'.encode())
    (tmp_path / "later").write_bytes(b"".join([header, later, *lines[1:]]))
    assert read(tmp_path / "later") == events


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HeliographError, match="No such file"):
        read(tmp_path / "missing")
