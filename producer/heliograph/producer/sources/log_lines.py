"""dbt's JSON log lines: reading one, and what of it a person is to see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from heliograph.producer.dbt_args import DbtArgs

_RANK: Final = {"debug": 0, "test": 0, "info": 1, "warn": 2, "error": 3, "none": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One structured event of dbt's log."""

    info: dict[str, Any]
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.info.get("name", ""))

    @property
    def level(self) -> str:
        return str(self.info.get("level", "info"))

    @property
    def message(self) -> str:
        return str(self.info.get("msg", ""))


def read_line(line: str) -> LogLine | None:
    """The event in ``line``; None where it is something else that was printed."""
    if not line.startswith("{"):
        return None
    try:
        content = json.loads(line)
    except ValueError:
        return None
    info, data = content.get("info"), content.get("data")
    if not isinstance(info, dict) or "name" not in info:
        return None
    return LogLine(info=info, data=data if isinstance(data, dict) else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsoleLevel:
    """What the user asked dbt's terminal log to show."""

    least: int
    raw: bool = False
    printing: bool = True

    @classmethod
    def of(cls, args: DbtArgs) -> ConsoleLevel:
        level = args.value("--log-level") or "info"
        if args.has("-d", "--debug"):
            level = "debug"
        if args.has("-q", "--quiet"):
            level = "error"
        return cls(
            least=_RANK.get(level, 1),
            raw=args.value("--log-format") == "json",
            printing=not args.has("--no-print"),
        )

    def shows(self, line: LogLine) -> bool:
        if line.name == "PrintEvent":  # {{ print() }} reaches people at every level
            return self.printing
        return _RANK.get(line.level, 1) >= self.least

    def text(self, line: LogLine, original: str) -> str:
        """As dbt's own text log would put it, or the JSON itself for a user who asked for that."""
        if self.raw:
            return original.rstrip("\r\n")
        return f"{_clock(line.info.get('ts'))}  {line.message}" if line.name != "PrintEvent" else line.message


def _clock(ts: object) -> str:
    try:
        moment = datetime.fromisoformat(str(ts))
    except ValueError:
        moment = datetime.now(UTC)
    return f"{moment:%H:%M:%S}"
