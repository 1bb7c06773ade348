from heliograph.bus.payloads import NODE_LINES_LIMIT, NodeFinishedData, Outcome
from heliograph.producer.node_lines import LINE_LIMIT, NodeLines
from heliograph.producer.sources.port import DbtEvent

A = "model.shop.a"


def said(msg: str, *, about: str | None = A, level: str = "info", thread: str = "Thread-1") -> DbtEvent:
    info = {"msg": msg, "level": level, "thread": thread, "ts": "2026-11-22T20:54:48.683318Z"}
    return DbtEvent(name="LogModelResult", info=info, data={"node_info": {"unique_id": about}} if about else {})


def end(outcome: Outcome = Outcome.SUCCESS, **more: str) -> NodeFinishedData:
    return NodeFinishedData(outcome=outcome, resource_type="model", name="a", **more)


def taken(lines: NodeLines, data: NodeFinishedData | None = None) -> tuple[str, ...]:
    return lines.take(A, data or end(), defined_in="models/a.sql")


def of(*events: DbtEvent) -> NodeLines:
    lines = NodeLines()
    for event in events:
        lines.add(event, ended=())
    return lines


def test_lines_look_as_in_dbts_log_without_its_colours() -> None:
    assert taken(of(said("1 of 2 [\x1b[32mOK\x1b[0m]"))) == ("20:54:48  1 of 2 [OK]",)


def test_only_the_nodes_own_lines_that_dbt_shows_by_default_are_kept() -> None:
    lines = of(
        said("mine"), said("others", about="model.shop.b"), said("detail", level="debug"), said("", level="warn")
    )
    assert taken(lines) == ("20:54:48  mine",)


def test_words_of_several_lines_become_several() -> None:
    assert taken(of(said("one\ntwo", level="warn"))) == ("20:54:48  one", "20:54:48  two")


def test_a_thread_speaks_for_the_node_it_works_on() -> None:
    lines = NodeLines()
    lines.add(said("before", about=None), ended=())
    lines.begin(A, said("start"))
    lines.add(said("SKIP because of an error", about=None), ended=())
    lines.add(said("elsewhere", about=None, thread="Thread-2"), ended=())
    lines.leave(said("finish"))
    lines.add(said("after", about=None), ended=())
    assert taken(lines) == ("20:54:48  SKIP because of an error",)


def test_what_is_said_of_a_node_that_has_ended_is_not_kept() -> None:
    lines = NodeLines()
    lines.add(said("late"), ended={A})
    assert taken(lines) == ()


def test_many_lines_keep_their_beginning_and_their_end() -> None:
    found = taken(of(*(said(str(number)) for number in range(1000))))
    assert len(found) == NODE_LINES_LIMIT
    assert (found[0], found[-1]) == ("20:54:48  0", "20:54:48  999")
    assert f"... {1000 - NODE_LINES_LIMIT + 1} lines left out ..." in found


def test_exactly_as_many_lines_as_allowed_may_lose_none_but_one_for_the_word_on_it() -> None:
    found = taken(of(*(said(str(number)) for number in range(NODE_LINES_LIMIT - 1))))
    assert len(found) == NODE_LINES_LIMIT - 1
    assert not any("left out" in line for line in found)


def test_a_line_is_bounded() -> None:
    (line,) = taken(of(said("x" * 5000)))
    assert len(line) == LINE_LIMIT
    assert line.endswith("x...")


def test_a_failure_ends_with_the_words_dbt_keeps_for_the_end_of_the_run() -> None:
    data = end(Outcome.ERROR, message="Database Error\n  no such table", compiled_sql_path="target/compiled/a.sql")
    assert taken(of(said("ERROR creating a")), data) == (
        "20:54:48  ERROR creating a",
        "Failure in model a (models/a.sql)",
        "  Database Error",
        "    no such table",
        "  compiled code at target/compiled/a.sql",
    )


def test_a_warning_is_called_one_and_a_skip_has_no_such_words() -> None:
    assert taken(NodeLines(), end(Outcome.WARN))[0] == "Warning in model a (models/a.sql)"
    assert taken(NodeLines(), end(Outcome.SKIPPED, message="because")) == ()
