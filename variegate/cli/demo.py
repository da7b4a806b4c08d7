"""variegate demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variegate.cli import options as o
from variegate.cli import search
from variegate.cli.show import Show


def command(
    trials: Annotated[int, typer.Option(min=1, help="Policies to try.")] = 20,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each arm.")] = 5,
    epochs: o.Epochs = None,
    seed: o.Seed = 0,
    workers: o.Workers = None,
    out: o.Out = Path("runs/demo"),
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Search, compare and report on handwritten digits, 20 training images a class.

    Needs no data file. The same command resumes.
    """
    with Show("demo", as_json=json, quiet=quiet, debug=debug) as show:
        show.note("demo: search, compare and report on handwritten digits, 20 images a class")
        from variegate import workflow

        made = workflow.demo(
            trials=trials,
            seeds=seeds,
            epochs=epochs,
            seed=seed,
            workers=workers,
            out=out,
            progress=show.event,
            command=show.command,
        )
        page = f"{made.report.page}: the page, with its files beside it"
        show.result(made.to_dict(), [*search.lines(made.search), *made.compare.lines(), page])
        show.next(f"open {made.report.page} in a browser")
