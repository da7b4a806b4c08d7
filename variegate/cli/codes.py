"""Exit codes: what each means, and which error ends with which."""

from __future__ import annotations

from variegate.errors import (
    DataError,
    EngineError,
    InputError,
    PolicyError,
    StoreError,
    VariegateError,
)

FINDINGS, USAGE, UNEXPECTED, INTERRUPTED = 1, 2, 70, 130

CODES = {
    0: "done",
    FINDINGS: "done, with findings (no proven gain under --require-gain; bad data under --fail-on; "
    "nothing usable in doctor)",
    USAGE: "wrong option or argument",
    3: "the data cannot be read or divided",
    4: "the policy is not legal",
    5: "a store or output file cannot be read or written",
    6: "an optional package or an engine is missing",
    7: "a search or training failed",
    UNEXPECTED: "an error that should not happen",
    INTERRUPTED: "interrupted; what was finished is saved",
}


def code_of(error: VariegateError) -> int:
    """The exit code of an error of ours."""
    from variegate.workflow.common import MissingExtra

    for kind, code in (
        (DataError, 3),
        (PolicyError, 4),
        (StoreError, 5),
        (MissingExtra, 6),
        (EngineError, 6),
        (InputError, USAGE),
    ):
        if isinstance(error, kind):
            return code
    return 7


def codes_text() -> str:
    """The table of exit codes as one paragraph for --help."""
    return "Exit codes: " + "; ".join(f"{code} {text}" for code, text in CODES.items()) + "."
