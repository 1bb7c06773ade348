"""What dbt's log said about each node, kept until the node's end is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Final

from heliograph.bus.payloads import NODE_LINES_LIMIT, NodeFinishedData, Outcome
from heliograph.producer.sources.port import DbtEvent, is_spoken
from heliograph.producer.translate import clean, moment, unique_id_of

LINE_LIMIT: Final = 1000
"""Characters of one line."""

_HEAD: Final = NODE_LINES_LIMIT // 4
_TAIL: Final = NODE_LINES_LIMIT - _HEAD - 1
_TOLD_AT_THE_END: Final = {Outcome.ERROR: "Failure", Outcome.FAIL: "Failure", Outcome.WARN: "Warning"}


class Lines:
    """The first and the last of many lines, and a word on those between."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._count = 0

    def add(self, line: str) -> None:
        self._count += 1
        if len(self._head) < _HEAD:
            self._head.append(_bounded(line))
        else:
            self._tail.append(_bounded(line))

    def __iter__(self) -> Iterator[str]:
        yield from self._head
        left_out = self._count - len(self._head) - len(self._tail)
        if left_out:
            yield f"... {left_out} lines left out ..."
        yield from self._tail


class NodeLines:
    """Sorts dbt's words by node. Holds those of nodes that have not ended, bounded for each.

    Most events name their node. Some that belong to one do not (``LogSkipBecauseError``); they come from the thread
    that works on the node, between its start and its end (``call_runner`` in dbt/task/runnable.py).
    """

    def __init__(self) -> None:
        self._lines: dict[str, Lines] = {}
        self._at_work: dict[str, str] = {}

    def begin(self, unique_id: str, event: DbtEvent) -> None:
        """The event's thread works on the node from now on."""
        self._at_work[str(event.info.get("thread"))] = unique_id

    def leave(self, event: DbtEvent) -> None:
        """The event's thread has done with its node."""
        self._at_work.pop(str(event.info.get("thread")), None)

    def add(self, event: DbtEvent, *, ended: Collection[str]) -> None:
        """Takes in what the event says, if it speaks of a node that is not among the ``ended``."""
        if not is_spoken(level=str(event.info.get("level"))):
            return
        unique_id = unique_id_of(event) or self._at_work.get(str(event.info.get("thread")))
        words = clean(event.info.get("msg"))
        if unique_id is None or unique_id in ended or words is None or not words.strip():
            return
        lines = self._lines.setdefault(unique_id, Lines())
        clock = moment(event.info.get("ts")) or datetime.now(UTC)
        for text in words.splitlines():
            lines.add(f"{clock:%H:%M:%S}  {text}")

    def take(self, unique_id: str, data: NodeFinishedData, *, defined_in: str | None) -> tuple[str, ...]:
        """The node's lines up to its end, and what dbt says of failures only at the very end of the run.

        Those last lines, ``print_run_result_error`` in dbt/task/printer.py makes them, are made here of what is known
        at the node's end, for nothing may wait for the run's.
        """
        lines = self._lines.pop(unique_id, None) or Lines()
        for text in _at_the_end(data, defined_in):
            lines.add(text)
        return tuple(lines)


def _at_the_end(data: NodeFinishedData, defined_in: str | None) -> Iterator[str]:
    word = _TOLD_AT_THE_END.get(data.outcome)
    if word is None:
        return
    yield f"{word} in {data.resource_type} {data.name}" + (f" ({defined_in})" if defined_in else "")
    for text in (data.message or "").splitlines():
        yield f"  {text}"
    if data.compiled_sql_path is not None:
        yield f"  compiled code at {data.compiled_sql_path}"


def _bounded(line: str) -> str:
    return line if len(line) <= LINE_LIMIT else line[: LINE_LIMIT - 3] + "..."
