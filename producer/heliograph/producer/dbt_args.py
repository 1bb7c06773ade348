"""dbt's command line, read just far enough to list what it selects.

Imports the standard library only: the process that runs dbt uses it too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from heliograph.producer.dbt_options import (
    CONSOLE,
    MANY_VALUES,
    ONE_VALUE,
    PARSING,
    PROJECT,
    SELECTING,
    STATE,
    WARNING,
)
from heliograph.producer.errors import UnsupportedDbtCommand

SOURCE_FRESHNESS: Final = "source freshness"

NODE_COMMANDS: Final = ("build", "run", "test", "seed", "snapshot", SOURCE_FRESHNESS)
"""The dbt commands that run nodes and report each one's end."""

LIST_KEYS: Final = ("unique_id", "resource_type", "name", "depends_on", "config", "freshness")
"""What ``dbt ls`` is asked to tell of each node."""

_MODEL_ALIASES: Final = dict.fromkeys(("-m", "--model", "--models"), "--select")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option as given, with its values."""

    name: str
    values: tuple[str, ...] = ()

    def words(self) -> list[str]:
        # `dbt ls --models` means something else than elsewhere: only models.
        return [_MODEL_ALIASES.get(self.name, self.name), *self.values]


@dataclass(frozen=True, kw_only=True, slots=True)
class DbtArgs:
    """A dbt command line, taken apart."""

    command: str
    options: tuple[Option, ...]

    def keep(self, names: Collection[str]) -> list[str]:
        """The words of the options of these names."""
        return [word for option in self.options if option.name in names for word in option.words()]

    def without(self, names: Collection[str]) -> list[str]:
        """The whole command, less the options of these names."""
        kept = (option for option in self.options if option.name not in names)
        return [*self.command.split(), *(word for option in kept for word in (option.name, *option.values))]

    def for_list(self) -> list[str]:
        """``dbt ls`` of what this command selects."""
        words = self.keep(PROJECT | PARSING | SELECTING)
        if self.command == SOURCE_FRESHNESS:
            words += ["--resource-type", "source"]
        return ["ls", *words, "--output", "json", "--output-keys", *LIST_KEYS]

    def for_parse(self) -> list[str]:
        """``dbt parse`` of the project as this command sees it."""
        return ["parse", *self.keep(PROJECT | PARSING | WARNING)]

    def for_deps(self) -> list[str]:
        """``dbt deps`` of the project of this command."""
        return ["deps", *self.keep(frozenset({"--project-dir", "--profiles-dir", "--vars", "--log-path"}))]

    def for_freshness(self, sources: Iterable[str]) -> list[str]:
        """``dbt source freshness`` of these sources, given by unique id, seen as this command sees the project."""
        words = self.keep(PROJECT | PARSING | CONSOLE | {"--threads"})
        return [*SOURCE_FRESHNESS.split(), *words, "--select", *source_words(sources)]

    def value(self, *names: str) -> str | None:
        """The value of the last of these options that was given."""
        found = [option.values[0] for option in self.options if option.name in names and option.values]
        return found[-1] if found else None

    def has(self, *names: str) -> bool:
        return any(option.name in names for option in self.options)

    @property
    def selection(self) -> str:
        """The selecting options as a person would read them; empty where there are none."""
        return " ".join(self.keep(SELECTING - STATE))


def parse_args(words: Sequence[str]) -> DbtArgs:
    """Takes ``words``, dbt's command line without ``dbt`` itself, apart.

    Raises:
        UnsupportedDbtCommand: no sub-command that runs nodes is in it.
    """
    command: str | None = None
    subcommand: str | None = None
    options: list[Option] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            options.append(_option(word, rest))
        elif command is None:
            command = word
        elif command == "source" and subcommand is None:
            subcommand = word
    if command == "source":
        command = f"source {subcommand}".replace("snapshot-freshness", "freshness")
    if command not in NODE_COMMANDS:
        raise UnsupportedDbtCommand(words, NODE_COMMANDS)
    return DbtArgs(command=command, options=tuple(options))


def source_words(unique_ids: Iterable[str]) -> list[str]:
    """Selectors of sources as dbt writes them, e.g. ``source:shop.raw.orders`` for ``source.shop.raw.orders``."""
    return [f"source:{unique_id.removeprefix('source.')}" for unique_id in unique_ids]


def _option(word: str, rest: list[str]) -> Option:
    name, equals, value = word.partition("=")
    if not word.startswith("--"):
        name, equals, value = word, "", ""
    values = [value] if equals else []
    if name in MANY_VALUES:
        values += _up_to_next_option(rest)
        return Option(name=name, values=tuple(part for text in values for part in text.split(" ") if part))
    if name in ONE_VALUE and not equals and rest:
        values.append(rest.pop(0))
    return Option(name=name, values=tuple(values))


def _up_to_next_option(rest: list[str]) -> Iterable[str]:
    while rest and not rest[0].startswith("-"):
        yield rest.pop(0)
