"""variegate tta."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from variegate.cli import options as o
from variegate.cli.show import Show

ModelFile = Annotated[
    Path,
    typer.Option(
        help="The trained model: .onnx, .keras, .pt2 (torch.export) or .pt (TorchScript)."
    ),
]
Numbers = "One number, or one a channel with commas, on 0..1."


def read_numbers(text: str | None, name: str) -> tuple[float, ...] | None:
    """Numbers with commas."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{name}: expected numbers as 0.5,0.5,0.5") from error


def command(
    data: o.Data,
    model: ModelFile,
    views: Annotated[
        str, typer.Option(help="The views to choose from: flip, shifts, shifts+flip, d4 or pool.")
    ] = "pool",
    mean: Annotated[str | None, typer.Option(help=f"Taken off the levels. {Numbers}")] = None,
    std: Annotated[str | None, typer.Option(help=f"Divides the levels. {Numbers}")] = None,
    logits: Annotated[
        bool | None,
        typer.Option("--logits/--probabilities", help="What it gives; by default found out."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in one call.")] = 64,
    size: o.Size = None,
    limit: o.Limit = None,
    on_error: o.OnError = "stop",
    validation: o.Validation = o.SHARE,
    test: o.Test = o.SHARE,
    seed: o.Seed = 0,
    out: o.Out = Path("runs/tta"),
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Choose test-time views for a trained model on validation images; judge them on test images.

    Compares one view, flips, fixed sets, greedy choice and learned weights: accuracy, images
    corrected and corrupted by class, calibration, forward passes. Writes the choice to tta.json.
    """
    low, width = read_numbers(mean, "--mean"), read_numbers(std, "--std")
    reading = o.reading(seed, None, o.read_size(size), limit, on_error, validation, test)
    with Show("tta", as_json=json, quiet=quiet, debug=debug) as show:
        from variegate import workflow

        made = workflow.tta(
            data,
            model,
            views=views,
            mean=low,
            std=width,
            logits=logits,
            batch_size=batch_size,
            out=out,
            progress=show.event,
            **reading,
        )
        show.result(made.to_dict(), made.lines())
        show.next(
            f"variegate export {shlex.quote(str(made.path))} --model {shlex.quote(str(model))} "
            "--to onnx"
        )
