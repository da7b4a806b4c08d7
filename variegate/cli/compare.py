"""variegate compare."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from variegate.cli import options as o
from variegate.cli.codes import FINDINGS
from variegate.cli.show import Show

Policy = Annotated[
    str | None, typer.Option(help="The found policy; by default best.json in --out.")
]
Arms = Annotated[
    list[str] | None,
    typer.Option(
        "--arm",
        help="none, flip+crop, trivial, randaugment, global, found, cuda, NAME=FILE; repeatable.",
    ),
]
Join = Annotated[
    bool | None,
    typer.Option(help="Train on the validation images too; by default, unless --train-per-class."),
]
Confirm = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Fresh seeds that test classes called harmed or helped again; by default as --seeds.",
    ),
]
Corrupted = Annotated[
    str | None,
    typer.Option(
        "--robustness",
        help="all: test on corrupted images too; unseen: on those unlike every op of the arms.",
    ),
]
Gain = Annotated[
    bool, typer.Option("--require-gain", help="End with 1 unless found is proven better than none.")
]


def command(
    data: o.Data,
    policy: Policy = None,
    arm: Arms = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each arm, paired.")] = 5,
    confirm: Confirm = None,
    robustness: Corrupted = None,
    epochs: o.Epochs = None,
    train_per_class: o.PerClass = None,
    size: o.Size = None,
    limit: o.Limit = None,
    on_error: o.OnError = "stop",
    validation: o.Validation = o.SHARE,
    test: o.Test = o.SHARE,
    join_validation: Join = None,
    require_gain: Gain = False,
    seed: o.Seed = 0,
    device: o.Device = "auto",
    threads: o.Threads = None,
    model: o.Model = None,
    executor: o.Executor = "processes",
    workers: o.Workers = None,
    track: o.Track = None,
    out: o.Out = Path("runs/search"),
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Train the found policy and the usual ones for several seeds; say what is proven.

    Each trained model meets the test split once, and nothing is chosen by it. Every finished run is
    kept in comparison.json at once; the same command trains only what is missing.
    """
    reading = o.reading(seed, train_per_class, o.read_size(size), limit, on_error, validation, test)
    with Show("compare", as_json=json, quiet=quiet, debug=debug) as show:
        show.note(f"compare {data}")
        from variegate import workflow

        made = workflow.compare(
            data,
            arms=arm or None,
            policy=policy,
            seeds=seeds,
            confirm=confirm,
            robustness=robustness,
            epochs=epochs,
            join_validation=join_validation,
            settings=o.read_settings(device, threads, model),
            **o.running(executor, workers, track),
            out=out,
            progress=show.event,
            command=show.command,
            **reading,
        )
        show.result(made.to_dict(), made.lines())
        show.next(f"variegate report {shlex.quote(str(out))}")
        if require_gain and not made.gain_proven:
            show.note("no gain is proven, and --require-gain asks for one")
            raise typer.Exit(FINDINGS)
