"""variegate audit."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from variegate.cli import options as o
from variegate.cli.codes import FINDINGS
from variegate.cli.show import Show

SHOWN = 12


class Severity(StrEnum):
    """How bad a remark on the data must be."""

    error = "error"
    warning = "warning"


Ops = Annotated[
    list[str] | None,
    typer.Option(
        "--op", help="Try this one beside the search's own; repeatable; by default all that fit."
    ),
]
Model = Annotated[
    bool, typer.Option("--model/--no-model", help="Without: only what needs no training.")
]
Diversity = Annotated[
    bool, typer.Option("--diversity", help="Train under each safe op too (longer).")
]
Images = Annotated[int, typer.Option(min=10, help="About so many images are judged.")]
Folds = Annotated[int, typer.Option(min=2, help="Models; each judges images it never saw.")]
Keep = Annotated[
    float, typer.Option(min=0.01, max=0.99, help="The affinity down to which an op is safe.")
]
FailOn = Annotated[
    Severity | None, typer.Option(help="End with 1 if the data has such a remark or a worse one.")
]
OnError = Annotated[str, typer.Option(help="At a bad image file: skip and list it, or stop.")]


def command(
    data: o.Data,
    op: Ops = None,
    model: Model = True,
    diversity: Diversity = False,
    images: Images = 1500,
    folds: Folds = 3,
    keep: Keep = 0.6,
    epochs: o.Epochs = None,
    train_per_class: o.PerClass = None,
    size: o.Size = None,
    limit: o.Limit = None,
    on_error: OnError = "skip",
    validation: o.Validation = o.SHARE,
    test: o.Test = o.SHARE,
    fail_on: FailOn = None,
    seed: o.Seed = 0,
    device: o.Device = "auto",
    threads: o.Threads = None,
    out: o.Out = Path("runs/audit"),
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Say what each transformation does to each class, and what is wrong with the data.

    Models trained without augmentation judge images that they never saw, under every op at four
    magnitudes. Writes audit.html, audit.json, safe.json (a space for search) and findings/*.png.
    """
    reading = o.reading(seed, train_per_class, o.read_size(size), limit, on_error, validation, test)
    with Show("audit", as_json=json, quiet=quiet, debug=debug) as show:
        show.note(f"audit {data}")
        from variegate import workflow

        made = workflow.audit(
            data,
            ops=op,
            model=model,
            diversity=diversity,
            images=images,
            folds=folds,
            keep=keep,
            epochs=epochs,
            settings=o.read_settings(device, threads),
            out=out,
            progress=show.event,
            command=show.command,
            **reading,
        )
        show.result(made.to_dict(), [*lines(made.document), f"page: {made.page}"])
        flags = _flags(made.document, train_per_class, limit, seed, validation, test)
        space = "" if made.space is None else f" --space {shlex.quote(str(made.space))}"
        show.next(f"variegate search {shlex.quote(data)}{flags}{space}")
        bad = {"error"} if fail_on is Severity.error else {"error", "warning"}
        if fail_on is not None and made.severity in bad:
            show.note(f"the data has remarks, and --fail-on {fail_on.value} asks for none")
            raise typer.Exit(FINDINGS)


def _flags(
    document: Mapping[str, Any],
    per_class: int | None,
    limit: int | None,
    seed: int,
    validation: float,
    test: float,
) -> str:
    """The data options for a search: with the size that was chosen, skipping what was skipped."""
    sides = document["data"]["options"]["size"]
    size = None if sides is None else "x".join(str(side) for side in sides)
    bad = any(concern["kind"] == "corrupt" for concern in document["concerns"])
    on_error = "skip" if bad else "stop"
    return o.data_flags(per_class, size, limit, on_error, seed, validation, test)


def lines(document: Mapping[str, Any]) -> list[str]:
    """An audit for a person: the data first, then what changes the meaning."""
    said = [f"{each['severity']}: {each['text']}" for each in document["concerns"]]
    seen = {True: "; the models see it too", False: "; the models do not show it", None: ""}
    said += [f"hint: {hint['text']}{seen[hint['seen']]}" for hint in document["hints"]]
    clean = document["clean"]
    if clean is None:
        return said or ["no remarks on the data"]
    low, high = (100 * end for end in clean["interval"])
    said.append(
        f"clean models: {100 * clean['accuracy']:.1f} % [{low:.1f}, {high:.1f}] of "
        f"{clean['images']:,} images that they never saw"
    )
    found = document["findings"]
    said += [f"{each['kind']}: {each['text']}" for each in found[:SHOWN]]
    if len(found) > SHOWN:
        said.append(f"and {len(found) - SHOWN} more findings on the page")
    safe = [each["high"] for each in document["safe"]]
    whole = sum(high >= 1 for high in safe)
    never = sum(high <= 0 for high in safe)
    said.append(
        f"{len(safe)} transformations: {whole} safe at every magnitude, {never} at none, "
        f"{len(safe) - whole - never} up to a magnitude"
    )
    return said
