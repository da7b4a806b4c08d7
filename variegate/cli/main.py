"""The `variegate` command. Loads nothing heavy, so that --help answers at once."""

from __future__ import annotations

from typing import Annotated

import typer

from variegate.cli import (
    audit,
    bench,
    compare,
    demo,
    doctor,
    export,
    ops,
    preview,
    report,
    search,
    tta,
)
from variegate.cli.codes import codes_text

app = typer.Typer(
    name="variegate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=codes_text(),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        import variegate

        typer.echo(f"variegate {variegate.__version__}")
        raise typer.Exit


@app.callback()
def variegate_(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find, measure and explain image-augmentation policies.

    In order: preview DATA, audit DATA, search DATA, compare DATA, report RUN. On digits: demo.
    """


for _module in (doctor, ops, preview, audit, search, compare, report, tta, export, demo, bench):
    app.command(name=_module.__name__.rpartition(".")[2])(_module.command)

if __name__ == "__main__":
    app(prog_name="variegate")
