"""`heliograph bus`: make and check an event log, write the contract's schema files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heliograph.bus import schema
from heliograph.bus.errors import HeliographError
from heliograph.bus.open import open_log, require_clients, scheme_of
from heliograph.bus.options import BusUrl

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make, check and describe the event log.")


@app.command()
def create(
    bus: BusUrl,
    max_age: Annotated[
        str, typer.Option(help="How long RabbitMQ keeps events: a number and one of Y, M, D, h, m, s.")
    ] = "7D",
) -> None:
    """Make the log where it is missing: a file, or an exchange, a stream and the binding between them."""
    if scheme_of(bus) == "sqlite":
        _touch(bus)
    else:
        require_clients()
        from heliograph.bus.rabbitmq import topology, url

        topology.create(url.parse(bus), max_age=max_age)
    typer.echo("The event log is ready.")


@app.command()
def check(bus: BusUrl) -> None:
    """Check that the log can be reached and, on RabbitMQ, that exchange and stream exist."""
    if scheme_of(bus) == "sqlite":
        _touch(bus)
    else:
        require_clients()
        from heliograph.bus.rabbitmq import topology, url

        topology.check(url.parse(bus))
    typer.echo("The event log answers.")


@app.command("schema")
def write_schema(
    out: Annotated[Path, typer.Option(help="Folder of the files.")],
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a file differs from the models.")
    ] = False,
) -> None:
    """Write JSON Schema and AsyncAPI files of the event contract."""
    files = {out / name: text for name, text in schema.files().items()}
    if check_only:
        stale = [str(path) for path, text in files.items() if not path.exists() or path.read_text() != text]
        if stale:
            raise HeliographError(
                f"Not what the event models say: {', '.join(stale)}",
                setting="--out",
                fix=f"run `heliograph bus schema --out {out}` and commit the files",
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
        typer.echo(path)


def _touch(bus: str) -> None:
    """Makes an SQLite log where it is missing, and shows that it can be written."""
    log = open_log(bus)
    try:
        log.append(())
    finally:
        log.close()
