"""variegate compare."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from variegate.cli import options as o
from variegate.cli.codes import FINDINGS
from variegate.cli.show import Show


def command(
    data: o.Data,
    policy: Annotated[
        str | None, typer.Option(help="The found policy; by default best.json in --out.")
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="none, flip+crop, trivial, randaugment, found or NAME=FILE; repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each arm, paired.")] = 5,
    epochs: o.Epochs = None,
    train_per_class: o.PerClass = None,
    size: o.Size = None,
    limit: o.Limit = None,
    on_error: o.OnError = "stop",
    join_validation: Annotated[
        bool | None,
        typer.Option(
            help="Train on the validation images too; by default so, unless --train-per-class."
        ),
    ] = None,
    require_gain: Annotated[
        bool, typer.Option("--require-gain", help="End with 1 unless found is proven better.")
    ] = False,
    seed: o.Seed = 0,
    device: o.Device = "auto",
    threads: o.Threads = None,
    jobs: o.Jobs = None,
    out: o.Out = Path("runs/search"),
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Train the found policy and the usual ones for several seeds; say what is proven.

    Each trained model meets the test split once, and nothing is chosen by it. Every finished run is
    kept in comparison.json at once; the same command trains only what is missing.
    """
    wanted = o.read_size(size)
    with Show("compare", as_json=json, quiet=quiet, debug=debug) as show:
        show.note(f"compare {data}")
        from variegate import workflow

        made = workflow.compare(
            data,
            arms=arm or None,
            policy=policy,
            seeds=seeds,
            epochs=epochs,
            seed=seed,
            train_per_class=train_per_class,
            size=wanted,
            limit_per_class=limit,
            on_error=on_error,
            join_validation=join_validation,
            settings=o.read_settings(device, threads),
            jobs=jobs,
            out=out,
            progress=show.event,
            command=show.command,
        )
        show.result(made.to_dict(), made.lines())
        show.next(f"variegate report {shlex.quote(str(out))}")
        if require_gain and not made.gain_proven:
            show.note("no gain is proven, and --require-gain asks for one")
            raise typer.Exit(FINDINGS)
