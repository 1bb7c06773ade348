import pytest

from heliograph.producer.dbt_args import parse_args
from heliograph.producer.errors import UnsupportedDbtCommand


def test_finds_the_command_behind_global_options_with_values() -> None:
    assert parse_args(["--log-level", "debug", "--no-use-colors", "build", "-x"]).command == "build"


def test_a_value_that_is_a_command_word_is_not_the_command() -> None:
    assert parse_args(["--target", "run", "test"]).command == "test"


@pytest.mark.parametrize("words", [[], ["--quiet"], ["docs", "generate"], ["--target", "build"], ["source"]])
def test_refuses_what_runs_no_nodes(words: list[str]) -> None:
    with pytest.raises(UnsupportedDbtCommand, match="use one of build, run, test, seed, snapshot"):
        parse_args(words)


def test_lists_with_the_selection_and_the_project_of_the_command_only() -> None:
    args = parse_args(
        [
            "--fail-fast",
            "build",
            "--select",
            "a b",
            "+c",
            "--exclude",
            "d",
            "--full-refresh",
            "--threads",
            "4",
            "--vars",
            "{}",
            "--state",
            "old",
            "--target",
            "prod",
            "--project-dir",
            "p",
        ]
    )
    listed = args.for_list()
    assert listed[: listed.index("--output")] == (
        [
            "ls",
            "--select",
            "a",
            "b",
            "+c",
            "--exclude",
            "d",
            "--vars",
            "{}",
            "--state",
            "old",
            "--target",
            "prod",
            "--project-dir",
            "p",
        ]
    )


def test_source_freshness_is_one_command_of_two_words() -> None:
    for words in (["source", "freshness"], ["source", "-q", "snapshot-freshness"]):
        args = parse_args([*words, "--select", "source:raw", "-o", "there.json"])
        assert args.command == "source freshness"
        assert args.without({"-q"}) == ["source", "freshness", "--select", "source:raw", "-o", "there.json"]
        listed = args.for_list()
        assert listed[: listed.index("--output")] == ["ls", "--select", "source:raw", "--resource-type", "source"]


def test_sources_are_checked_in_the_project_as_the_command_sees_it() -> None:
    args = parse_args(["build", "--select", "a", "--target", "prod", "--full-refresh", "--threads", "3", "--quiet"])
    assert args.for_freshness(["source.shop.raw.orders", "source.shop.raw.prices"]) == [
        *("source", "freshness", "--target", "prod", "--threads", "3", "--quiet"),
        *("--select", "source:shop.raw.orders", "source:shop.raw.prices"),
    ]


def test_models_means_select_because_ls_knows_it_differently() -> None:
    assert parse_args(["run", "-m", "a"]).for_list()[:3] == ["ls", "--select", "a"]


def test_reads_values_behind_an_equals_sign() -> None:
    args = parse_args(["run", "--select=a b", "--target=prod", "--vars={a: b}"])
    assert args.value("--target") == "prod"
    assert args.selection == "--select a b"
    assert args.for_parse() == ["parse", "--target", "prod", "--vars", "{a: b}"]


def test_the_last_target_counts() -> None:
    assert parse_args(["run", "-t", "dev", "--target", "prod"]).value("-t", "--target") == "prod"


def test_leaves_options_out_with_their_values() -> None:
    args = parse_args(["--log-format", "json", "run", "--quiet", "--threads", "2"])
    assert args.without({"--log-format", "--quiet"}) == ["run", "--threads", "2"]


def test_options_that_list_does_not_know_are_not_passed_to_it() -> None:
    args = parse_args(
        ["build", "--sample", "3 days", "--event-time-start", "2026-01-01", "--empty", "--store-failures"]
    )
    assert args.for_list()[:2] == ["ls", "--output"]
