"""variegate preview."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from variegate.cli.options import Debug, Json, OnError, Quiet, Seed, Size, read_size
from variegate.cli.show import Show

DATA = "A data set ('digits', a folder, an .npz file) or one image file."


def command(
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA, show_default=False)],
    op: Annotated[str | None, typer.Option(help="One op, by name.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="A policy file, trivial, autoaugment:TABLE or randaugment:n=2,m=0.3."),
    ] = None,
    magnitudes: Annotated[
        bool, typer.Option("--magnitudes", help="With --op: columns are magnitudes 0 to 1.")
    ] = False,
    images: Annotated[int, typer.Option(min=1, max=64, help="Rows.")] = 6,
    draws: Annotated[int, typer.Option(min=1, max=64, help="Columns beside the original.")] = 5,
    size: Size = None,
    seed: Seed = 0,
    on_error: OnError = "stop",
    out: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("preview.png"),
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw what an op or a policy does to images, as one PNG; by default TrivialAugment."""
    if op is not None and policy is not None:
        raise typer.BadParameter("give --op or --policy, not both")
    if magnitudes and op is None:
        raise typer.BadParameter("--magnitudes needs --op NAME")
    wanted = read_size(size)
    with Show("preview", as_json=json, quiet=quiet, debug=debug) as show:
        from variegate import workflow

        made = workflow.preview(
            data,
            op or policy or "trivial",
            images=images,
            draws=draws,
            magnitudes=magnitudes,
            seed=seed,
            size=wanted,
            on_error=on_error,
            out=out,
            progress=show.event,
        )
        height, width = made.size
        shown = f"{len(made.rows)} images x {len(made.columns)} columns"
        changed = f"{100 * made.changed:.0f} % of the pictures differ from their original"
        line = f"{made.path}: {shown}, {width} x {height} pixels; {changed}"
        show.result(made.to_dict(), [line])
        if made.searchable:
            show.next(f"variegate search {shlex.quote(data)}" + (f" --size {size}" if size else ""))
