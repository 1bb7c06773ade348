"""The command line of a part of a selection."""

from __future__ import annotations

import json
from pathlib import Path

from heliograph.producer.dbt_args import parse_args
from heliograph.producer.freshness_scope import checked_source
from heliograph.producer.part import Part
from heliograph.producer.sources.port import SelectedNode

ORDERS = checked_source("source.shop.raw.orders", "orders")
WHOLE = ["build", "--select", "a+", "--full-refresh"]


def model(name: str) -> SelectedNode:
    return SelectedNode(unique_id=f"model.shop.{name}", resource_type="model", name=name)


def part(*nodes: SelectedNode, words: list[str] | None = None) -> Part:
    return Part(args=parse_args(words or WHOLE), nodes=nodes, folder=None, env={})


def test_a_whole_selection_keeps_its_words(tmp_path: Path) -> None:
    assert part(model("a"), ORDERS).words(WHOLE) == WHOLE
    assert part(model("a"), ORDERS).without([], folder=tmp_path).words(WHOLE) == WHOLE


def test_what_is_left_is_named_exactly_and_checked_sources_are_not_built(tmp_path: Path) -> None:
    left = part(model("a"), model("b"), ORDERS).without({"model.shop.a"}, folder=tmp_path)
    words = left.words(WHOLE)
    assert words is not None
    assert "--full-refresh" in words
    assert "a+" not in words
    named = json.loads((tmp_path / "run_results.json").read_text())["results"]
    assert [entry["unique_id"] for entry in named] == ["model.shop.b"]


def test_where_nothing_is_left_there_is_no_command(tmp_path: Path) -> None:
    assert part(model("a"), ORDERS).without({"model.shop.a"}, folder=tmp_path).words(WHOLE) is None


def test_sources_are_checked_before_a_build_and_by_the_check_itself() -> None:
    assert part(model("a"), ORDERS).sources == [ORDERS.unique_id]
    assert part(ORDERS, words=["source", "freshness"]).sources == []


def test_some_of_the_sources_are_named_by_their_selectors(tmp_path: Path) -> None:
    words = ["source", "freshness", "--select", "+a", "--threads", "2"]
    some = Part(args=parse_args(words), nodes=[ORDERS], folder=tmp_path, env={})
    assert some.words(words) == ["source", "freshness", "--threads", "2", "--select", "source:shop.raw.orders"]
