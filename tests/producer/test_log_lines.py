import json

import pytest

from heliograph.producer.dbt_args import parse_args
from heliograph.producer.sources.json_lines import listed_node
from heliograph.producer.sources.log_lines import ConsoleLevel, LogLine, read_line


def line(level: str = "info") -> str:
    info = {"name": "LogModelResult", "level": level, "msg": "1 of 2 OK", "ts": "2026-11-22T20:54:48.683318Z"}
    return json.dumps({"info": info, "data": {}})


def read(text: str) -> LogLine:
    found = read_line(text)
    assert found is not None
    return found


@pytest.mark.parametrize("text", ["plain words", "{broken", "{}", '{"info": "x"}', "[1]", "", '"info"'])
def test_what_is_no_event_is_not_read(text: str) -> None:
    assert read_line(text) is None


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["run"], ["info", "warn", "error"]),
        (["--debug", "run"], ["debug", "info", "warn", "error"]),
        (["--log-level", "warn", "run"], ["warn", "error"]),
        (["-q", "run"], ["error"]),
    ],
)
def test_people_see_what_they_asked_dbt_for(words: list[str], shown: list[str]) -> None:
    console = ConsoleLevel.of(parse_args(words))
    levels = ["debug", "info", "warn", "error"]
    assert [level for level in levels if console.shows(read(line(level)))] == shown


def test_what_a_project_prints_is_shown_even_when_quiet_unless_printing_is_off() -> None:
    printed = LogLine(info={"name": "PrintEvent", "level": "info", "msg": "hello"}, data={})
    assert ConsoleLevel.of(parse_args(["-q", "run"])).shows(printed)
    assert not ConsoleLevel.of(parse_args(["run", "--no-print"])).shows(printed)


def test_lines_look_as_in_dbts_own_log() -> None:
    console = ConsoleLevel.of(parse_args(["run"]))
    assert console.text(read(line()), line()) == "20:54:48  1 of 2 OK"


def test_who_asked_for_json_gets_json() -> None:
    console = ConsoleLevel.of(parse_args(["--log-format", "json", "run"]))
    assert console.text(read(line()), line() + "\n") == line()


def test_reads_what_list_tells_of_a_node() -> None:
    node = listed_node(
        {
            "unique_id": "model.shop.a",
            "resource_type": "model",
            "name": "a",
            "depends_on": {"macros": [], "nodes": ["model.shop.b"]},
            "config": {"materialized": "view"},
            "raw_code": " \n",
        }
    )
    assert (node.depends_on, node.materialized, node.empty) == (("model.shop.b",), "view", True)


def test_a_seed_has_no_code_and_is_not_empty() -> None:
    assert not listed_node({"unique_id": "seed.shop.s", "resource_type": "seed", "name": "s", "raw_code": ""}).empty
