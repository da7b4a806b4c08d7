"""variegate bench."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from variegate.cli.options import Debug, Json, Quiet
from variegate.cli.show import Show

WIDTH = 110

Against = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Other libraries; by default all that are installed."),
]
Suite = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="ops, pipelines, annotated, files, limits; or all."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Few cases and rounds: about a minute.")]
OutFile = Annotated[Path | None, typer.Option(help="Keep everything measured as JSON.")]


def command(
    against: Against = None,
    suite: Suite = None,
    quick: Quick = False,
    out: OutFile = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Time variegate beside the other libraries of this environment, in turn.

    Single ops use one thread, everything else two cores. It takes minutes; --quick takes one.
    """
    with Show("bench", as_json=json, quiet=quiet, debug=debug) as show:
        from variegate.bench.runner import (
            KNOWN,
            QUICK,
            Settings,
            default_peers,
            default_suites,
            measure,
        )

        peers = default_peers({}, KNOWN if against is None else _names(against))
        suites = default_suites(() if suite is None else _names(suite))
        settings = QUICK if quick else Settings()
        document = measure(peers, suites, settings, show.note)
        if against is None:
            document = _installed_only(document)
        if out is not None:
            _write(out, document)
        show.result({**document, "schema": "variegate.bench/1"}, list(_lines(document)))


def _names(text: str) -> list[str]:
    """'a,b' as names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _installed_only(document: dict[str, Any]) -> dict[str, Any]:
    """Without the libraries that nobody asked for and that are not here."""
    peers = {name: state for name, state in document["peers"].items() if "failed" not in state}
    return {**document, "peers": peers}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """One JSON file; raises StoreError."""
    from variegate.errors import StoreError

    try:
        path.write_text(json_.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The machine, a table and what failed."""
    from variegate.bench.summary import OURS, Results

    machine, results = document["machine"], Results([document])
    yield f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    others = [name for name in document["peers"] if name != OURS]
    if document["cases"]:
        yield from _table(results, others)
        yield "variegate: microseconds an image. Others: their time as a multiple of it."
    losses = results.losses()
    yield f"faster elsewhere: {len(losses)}"
    for loss in losses[:10]:
        yield f"  {loss.case}: {loss.peer} takes {100 * loss.share:.0f} % of the time"
    for case, peer, why in results.failures():
        yield f"failed: {peer}{' on ' if case else ''}{case}: {why}"


def _table(results: Any, others: list[str]) -> list[str]:
    """A row a case."""
    import io

    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("case", "us", *others, box=box.SIMPLE)
    for name in results.cases:
        seconds = results.seconds(name)
        cells = [name, "failed" if seconds is None else f"{1e6 * seconds:,.4g}"]
        for other in others:
            ratio = results.ratio(name, other)
            cells.append("" if ratio is None else f"{ratio:.2f}x")
        table.add_row(*cells)
    file = io.StringIO()
    Console(file=file, width=max(WIDTH, 40 + 15 * len(others))).print(table)
    return [line.rstrip() for line in file.getvalue().splitlines() if line.strip()]
