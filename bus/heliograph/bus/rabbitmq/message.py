"""How one event lies in the stream: body, routing key and headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from heliograph.bus.events import Event, encode, kind_of

HEADER_PREFIX: Final = "cloudEvents:"
RUN_HEADER: Final = f"{HEADER_PREFIX}run"
FILTER_HEADER: Final = "x-stream-filter-value"
"""What servers from 3.13 on build their filter from; older ones ignore it."""

ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "run", "attempt", "sequence", "traceparent")
_NOT_A_WORD: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_WORD: Final = 100  # a routing key has at most 255 bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to publish. Headers are flat: the server drops arrays and tables in a stream."""

    routing_key: str
    body: bytes
    headers: dict[str, str | int]


def message_of(event: Event, *, environment: str) -> Message:
    """The event in CloudEvents structured mode, its attributes repeated as headers for readers that filter."""
    headers: dict[str, str | int] = {FILTER_HEADER: event.run, f"{HEADER_PREFIX}time": event.time.isoformat()}
    for name in ATTRIBUTES:
        value = getattr(event, name)
        if value is not None:
            headers[f"{HEADER_PREFIX}{name}"] = value
    return Message(routing_key=routing_key(event, environment=environment), body=encode(event), headers=headers)


def routing_key(event: Event, *, environment: str) -> str:
    """``<environment>.<project>.<kind>``; the project is the first part of the source behind ``/dbt/``."""
    project = event.source.removeprefix("/dbt/").split("/", 1)[0]
    return f"{_word(environment)}.{_word(project)}.{kind_of(event)}"


def _word(text: str) -> str:
    return _NOT_A_WORD.sub("_", text)[:_LONGEST_WORD] or "_"
