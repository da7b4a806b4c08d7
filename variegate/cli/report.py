"""variegate report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variegate.cli.options import Debug, Json, Quiet
from variegate.cli.show import Show


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a comparison.")],
    data: Annotated[
        str | None, typer.Option(help="Where the images are now, if they were moved.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write one self-contained page with JSON, CSV and PNG files beside it."""
    with Show("report", as_json=json, quiet=quiet, debug=debug) as show:
        from variegate import workflow

        made = workflow.report(run, data=data, progress=show.event)
        names = ", ".join(path.name for path in made.paths[1:])
        line = f"{made.page} ({made.page.stat().st_size / 1e6:.1f} MB); beside it {names}"
        show.result(made.to_dict(), [made.summary["headline"], line])
        show.next(f"open {made.page} in a browser")
