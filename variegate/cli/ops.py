"""variegate ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from variegate.cli.options import Debug, Json
from variegate.cli.show import Show

if TYPE_CHECKING:
    from variegate.workflow import OpInfo


def _more(op: OpInfo) -> list[str]:
    """Targets, and names in other libraries."""
    moved = ", ".join(f"{target} {what}" for target, what in op.targets.items())
    lines = [f"Targets: {moved}."]
    if op.elsewhere:
        others = "; ".join(f"{library}: {', '.join(n)}" for library, n in op.elsewhere.items())
        lines.append(f"Elsewhere: {others}.")
    return lines


def command(
    name: Annotated[str | None, typer.Argument(help="One op, for instance Rotate.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List every transformation, or describe one."""
    with Show("ops", as_json=json, debug=debug) as show:
        from variegate import workflow

        found = workflow.ops(name)
        document = {"schema": "variegate.ops/1", "ops": [op.to_dict() for op in found]}
        if name is not None:
            lines = [found[0].call, "", found[0].text, *_more(found[0])]
            show.result(document, lines)
            ladder = " --magnitudes" if found[0].magnitude else ""
            show.next(f"variegate preview digits --op {name}{ladder}")
            return
        wide = max(len(op.name) for op in found)
        lines = [f"{op.name:{wide}}  {op.kind:8}  {op.doc}" for op in found]
        show.result(document, lines)
        show.next("variegate ops Rotate")
