"""variegate export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variegate.cli import options as o
from variegate.cli.show import Show


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A policy (file or name), or the tta.json that tta wrote."
        ),
    ],
    to: Annotated[str, typer.Option(help="albumentations, keras, torchvision, onnx or mlflow.")],
    model: Annotated[
        Path | None, typer.Option(help="For onnx and mlflow: the trained model's file.")
    ] = None,
    size: o.Size = None,
    channels: Annotated[int | None, typer.Option(min=1, max=16, help="Of the images.")] = None,
    classes: Annotated[
        str | None, typer.Option(help="For mlflow: the classes' names, with commas.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file or folder to write; code is printed without it.")
    ] = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Write a policy as another library's code, or a model with its views as one served model.

    Code for albumentations, keras and torchvision; what has no equivalent there is named.
    onnx: views, preparation, model and merge as one graph, compared with the Python path.
    mlflow: a model that mlflow models serve answers with.
    """
    wanted = o.read_size(size)
    with Show("export", as_json=json, quiet=quiet, debug=debug) as show:
        from variegate import workflow

        made = workflow.export(
            source,
            to,
            model=model,
            size=wanted,
            channels=channels,
            classes=classes.split(",") if classes else (),
            out=out,
        )
        for note in made.notes:
            show.note(f"note: {note}")
        show.result(made.to_dict(), made.lines())
