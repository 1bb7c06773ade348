"""Sub-commands of ``heliograph`` as they are typed: those that this checkout's pyproject.toml declares."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from heliograph.bus.command_line import GROUP, main

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What a command printed and how it ended."""

    exit_code: int | str | None
    out: str
    err: str


def declared() -> list[EntryPoint]:
    """The sub-commands, whether or not the package was installed since they came."""
    names = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"][GROUP]
    return [EntryPoint(name=name, value=value, group=GROUP) for name, value in names.items()]


def typing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Typed]:
    """A function that runs ``heliograph WORDS`` in this process."""

    def typed(*words: object, bus: str | None = None) -> Typed:
        monkeypatch.setattr("heliograph.bus.command_line.entry_points", lambda group: declared())
        monkeypatch.delenv("HELIOGRAPH_BUS_URL", raising=False)
        monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist gives its workers the width of its own terminal
        if bus is not None:
            monkeypatch.setenv("HELIOGRAPH_BUS_URL", bus)
        monkeypatch.setattr("sys.argv", ["heliograph", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Typed(exit_code=ended.value.code, out=printed.out, err=printed.err)

    return typed
