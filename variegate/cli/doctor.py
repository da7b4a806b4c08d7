"""variegate doctor."""

from __future__ import annotations

import typer

from variegate.cli.codes import FINDINGS
from variegate.cli.options import Debug, Json
from variegate.cli.show import Show


def command(json: Json = False, debug: Debug = False) -> None:
    """Show what this installation can do, and how to add what is missing.

    Ends with 0 when it is usable, with or without the optional parts, and with 1 when it is not.
    """
    with Show("doctor", as_json=json, debug=debug) as show:
        from variegate import workflow

        found = workflow.doctor()
        wide = max(len(check.name) for check in found.checks)
        lines = []
        for check in found.checks:
            step = f" -> {check.step}" if check.step else ""
            lines.append(f"{check.state:8} {check.name:{wide}}  {check.value}{step}")
        lines.append("usable" if found.usable else "not usable: see the lines marked broken")
        show.result(found.to_dict(), lines)
        missing = ",".join(found.missing)
        show.next(f"pip install 'variegate[{missing}]'" if missing else "variegate demo")
        if not found.usable:
            raise typer.Exit(FINDINGS)
