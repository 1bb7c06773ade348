"""Runs dbt in this process and tells of it through a pipe. The only module that imports dbt.

Run as ``python -m heliograph.producer.dbt_process FD OPTIONS WORDS...`` by ``sources.callbacks``. OPTIONS in this
order, where wanted: ``--deps``; ``--only FOLDER``; ``--check-freshness FD FOLDER``.

Steps, in one process and on one manifest: parse, list what the command selects, check sources where that is asked for,
run the command, or that part of the selection which ``--only`` names. Reusing the manifest is what
``dbtRunner(manifest=...)`` is for: ``setup_manifest`` (dbt/cli/requires.py, 1.11) then registers the adapter on it
instead of parsing again, and ``ls`` only reads it (it builds its graph beside it). Parsing happens under the command
name ``parse``, so ``flags.WHICH`` tells that name to Jinja that is rendered while parsing.

dbt calls callbacks in its own threads and unguarded (dbt_common/events/event_manager.py), so ours only appends to a
queue; a thread of our own turns events into JSON lines.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg
from dbt_common.events.functions import msg_to_dict

from heliograph.producer.dbt_args import SOURCE_FRESHNESS, DbtArgs, parse_args
from heliograph.producer.freshness_first import CHECK_FIRST, Decision, sources_entry
from heliograph.producer.freshness_scope import has_criteria, upstream_of_manifest, with_sources
from heliograph.producer.part import Part
from heliograph.producer.resume import ONLY
from heliograph.producer.sources.port import TOLD_EVENTS, SelectedNode, is_spoken

SUCCESS, HANDLED, UNHANDLED = 0, 1, 2
"""dbt's own exit codes (dbt.utils.ExitCodes)."""

_COMPILED_LIMIT: Final = 256 * 1024
"""Characters of compiled SQL sent up the pipe; the contract's own, smaller limit is applied where events are made."""


class RecordWriter:
    """Takes records from any thread without waiting and writes them as JSON lines from its own."""

    def __init__(self, descriptor: int) -> None:
        self._queue: SimpleQueue[EventMsg | dict[str, Any] | None] = SimpleQueue()
        self._pipe = os.fdopen(descriptor, "wb")
        self._thread = threading.Thread(target=self._run, name="heliograph-records", daemon=True)
        self._manifest: Manifest | None = None
        self.announced: set[str] = set()

    def start(self) -> None:
        self._thread.start()

    def look_up_in(self, manifest: Manifest) -> None:
        """Where more is found about nodes that end, from now on."""
        self._manifest = manifest

    def callback(self, message: EventMsg) -> None:
        """For dbt to call: never waits, never raises."""
        name = message.info.name
        if name in TOLD_EVENTS:
            if name == "NodeFinished":
                self.announced.add(message.data.node_info.unique_id)
            self._queue.put(message)
        elif is_spoken(level=message.info.level):
            self._queue.put(message)

    def put(self, record: dict[str, Any]) -> None:
        self._queue.put(record)

    def close(self) -> None:
        """Waits until everything is written."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        reader_gone = False
        while (item := self._queue.get()) is not None:
            record = item if isinstance(item, dict) else self._event(item)
            if reader_gone:
                continue
            try:
                self._pipe.write(json.dumps(record, default=str, separators=(",", ":")).encode() + b"\n")
                if self._queue.empty():
                    self._pipe.flush()
            except OSError:
                reader_gone = True  # dbt goes on; its guard ends it where the producer is gone

    def _event(self, message: EventMsg) -> dict[str, Any]:
        event = msg_to_dict(message)
        info, data = event.get("info", {}), event.get("data", {})
        name, node_info = info.get("name", ""), data.get("node_info", {})
        node_info.pop("meta", None)
        record: dict[str, Any] = {
            "record": "event",
            "name": name,
            "info": {key: info.get(key) for key in ("ts", "thread", "invocation_id", "level", "msg")},
            "data": data if name in TOLD_EVENTS else {"node_info": {"unique_id": node_info.get("unique_id")}},
        }
        return record | self._about(node_info.get("unique_id", "")) if name == "NodeFinished" else record

    def _about(self, unique_id: str) -> dict[str, Any]:
        if self._manifest is None:
            return {}
        node = self._manifest.nodes.get(unique_id)
        found = node or self._manifest.unit_tests.get(unique_id)
        return {**compiled_of(node), "defined_in": getattr(found, "original_file_path", None)}


def compiled_of(node: Any) -> dict[str, Any]:
    """The compiled SQL of a manifest node and where it stands, where there is any."""
    sql = getattr(node, "compiled_code", None)
    if not sql:
        return {}
    return {"compiled_sql": sql[:_COMPILED_LIMIT], "compiled_path": getattr(node, "compiled_path", None)}


def selected(lines: Iterable[str], manifest: Manifest, args: DbtArgs) -> list[SelectedNode]:
    """What ``ls`` listed."""
    checks = args.command == SOURCE_FRESHNESS
    return [
        SelectedNode(
            unique_id=listed["unique_id"],
            resource_type=listed["resource_type"],
            name=listed["name"],
            depends_on=tuple((listed.get("depends_on") or {}).get("nodes", ())),
            materialized=(listed.get("config") or {}).get("materialized"),
            empty=bool(getattr(manifest.nodes.get(listed["unique_id"]), "empty", False)),
            checked=checks and has_criteria(listed.get("freshness")),
        )
        for listed in map(json.loads, lines)
    ]


def result_entry(result: Any, announced: set[str]) -> dict[str, Any]:
    """One entry of dbt's final result, as ``run_results.json`` has it; compiled SQL only where it was not yet sent."""
    node = result.node
    entry = {
        "unique_id": node.unique_id,
        "status": str(result.status),
        "message": result.message,
        "failures": result.failures,
        "execution_time": result.execution_time,
        "thread_id": result.thread_id,
        "timing": [step.to_dict() for step in result.timing],
        "adapter_response": result.adapter_response,
        "relation_name": getattr(node, "relation_name", None),
    }
    entry |= sources_entry(result)
    return entry if node.unique_id in announced else entry | compiled_of(node)


def entries(outcome: dbtRunnerResult, writer: RecordWriter) -> list[dict[str, Any]] | None:
    """The entries of dbt's final result; None where it gave none."""
    results = getattr(outcome.result, "results", None)
    return None if results is None else [result_entry(result, writer.announced) for result in results]


def ended(outcome: dbtRunnerResult, writer: RecordWriter) -> dict[str, Any]:
    """The last record."""
    error = outcome.exception
    code = UNHANDLED if error is not None else SUCCESS if outcome.success else HANDLED
    return {
        "record": "ended",
        "exit_code": code,
        "results": entries(outcome, writer),
        "message": None if error is None else str(error) or type(error).__name__,
        "interrupted": isinstance(error, (KeyboardInterrupt, SystemExit)),
    }


def run(
    words: list[str], *, deps: bool, only: Path | None, decision: Decision | None, writer: RecordWriter
) -> dbtRunnerResult:
    """Runs the command that ``words`` spell, up to its result or the first thing that went wrong before."""
    args: DbtArgs = parse_args(words)
    if deps:
        installed = dbtRunner().invoke(args.for_deps())
        if not installed.success:
            return installed
    # Parsing warns and fails visibly; the command itself greets and counts, so parsing need not.
    parsed = dbtRunner().invoke(["--log-level", "warn", "--log-level-file", "debug", *args.for_parse()])
    if not isinstance(parsed.result, Manifest):
        return parsed
    listed = dbtRunner(manifest=parsed.result).invoke(
        ["--log-level", "none", "--log-level-file", "debug", *args.for_list()]
    )
    if not listed.success:
        return listed
    writer.look_up_in(parsed.result)
    nodes = selected(listed.result or (), parsed.result, args)  # type: ignore[arg-type]  # `ls` returns lines
    wanted: frozenset[str] = frozenset()
    if only is not None:
        wanted = frozenset(json.loads((only / ONLY).read_text(encoding="utf-8")))
        nodes = [node for node in nodes if node.unique_id in wanted]
    if decision is not None:
        upstream = upstream_of_manifest(parsed.result.nodes.values(), parsed.result.sources.values())
        nodes = with_sources(nodes, upstream, asked=wanted)
    writer.put({"record": "selected", "nodes": [asdict(node) for node in nodes]})
    part = Part(args=args, nodes=nodes, folder=only)
    dbt = dbtRunner(manifest=parsed.result, callbacks=[writer.callback])
    if decision is not None and part.sources:
        checked = dbt.invoke(args.for_freshness(part.sources))
        results = entries(checked, writer)
        if results is None:
            return checked
        writer.put({"record": "freshness", "results": results})
        part = part.without(decision.wait(), folder=decision.folder)
    chosen = part.words(words)
    return dbtRunnerResult(success=True) if chosen is None else dbt.invoke(chosen)


def main(argv: list[str]) -> int:
    descriptor, words = int(argv[0]), argv[1:]
    deps = words[:1] == ["--deps"]
    words = words[deps:]
    only, words = (Path(words[1]), words[2:]) if words[:1] == ["--only"] else (None, words)
    decision = None
    if words[:1] == [CHECK_FIRST]:
        decision, words = Decision(int(words[1]), folder=Path(words[2])), words[3:]
    writer = RecordWriter(descriptor)
    writer.start()
    try:
        outcome = run(words, deps=deps, only=only, decision=decision, writer=writer)
    except KeyboardInterrupt as interruption:
        outcome = dbtRunnerResult(success=False, exception=interruption)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # dbt has ended; what it told must still go out
    last = ended(outcome, writer)
    writer.put(last)
    writer.close()
    return int(last["exit_code"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
