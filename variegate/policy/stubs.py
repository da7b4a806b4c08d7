"""Type stubs for the constructors, written from the registry: `python -m
variegate.policy.stubs`.
"""

from __future__ import annotations

from pathlib import Path

from variegate.ops.registry import get, names
from variegate.policy.constructors import stub

PACKAGE = Path(__file__).parents[1]
STEPS = PACKAGE / "policy" / "steps.pyi"
HEAD = "# Written by `python -m variegate.policy.stubs`; do not edit.\nfrom typing import Any\n\n"


def steps_stub() -> str:
    """The text of policy/steps.pyi."""
    lines = [stub(get(name)) for name in names()]
    return HEAD + "from variegate.policy.nodes import Step\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    STEPS.write_text(steps_stub(), encoding="utf-8")
