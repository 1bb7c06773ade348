"""The `heliograph` command: finds its sub-commands by entry points and loads only the one that is called."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from heliograph.bus.errors import HeliographError

GROUP: Final = "heliograph.commands"
"""The entry-point group: each names a ``typer.Typer`` or a plain function with Typer's annotations."""

_INTERRUPTED: Final = 130


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Typer's signature
        return sorted({point.name for point in entry_points(group=GROUP)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # Typer's signature
        points = [point for point in entry_points(group=GROUP) if point.name == cmd_name]
        return _loaded(points[0]) if points else None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None


def main() -> None:
    """Runs the command line. A ``HeliographError`` becomes one line and its exit code, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="heliograph: %(message)s")
    try:
        get_command(_root())(prog_name="heliograph")
    except HeliographError as error:
        typer.echo(f"heliograph: error: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)


def _root() -> typer.Typer:
    app = typer.Typer(cls=_Commands, add_completion=False, no_args_is_help=True)

    @app.callback(help="Runs dbt and tells its events: one dbt build, every node resolved by an event.")
    def root(
        show_version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version.")
        ] = False,
    ) -> None:
        del show_version  # its callback has done the work

    return app


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"heliograph {version('heliograph')}")
        raise typer.Exit


def _loaded(point: EntryPoint) -> Any:
    app = typer.Typer(add_completion=False)
    try:
        found = point.load()
    except ImportError as error:
        takes_anything = {"allow_extra_args": True, "ignore_unknown_options": True}
        app.command(point.name, context_settings=takes_anything)(_broken(point.name, error))
    else:
        if isinstance(found, typer.Typer):
            app = found
        else:
            app.command(point.name)(found)
    command = get_command(app)
    command.name = point.name
    return command


def _broken(name: str, error: ImportError) -> Callable[[], None]:
    """A command that says why it is not there, so that the others still work."""

    def broken() -> None:
        raise HeliographError(
            f"The command {name} cannot be loaded: {error}",
            fix="install the extra that brings it, e.g. pip install 'heliograph[producer]'",
        )

    broken.__doc__ = f"Cannot be loaded: {error}"
    return broken
