"""The one family of errors that variegate raises."""

from __future__ import annotations

__all__ = [
    "DataError",
    "EngineError",
    "InputError",
    "PolicyError",
    "StoreError",
    "VariegateError",
]


class VariegateError(Exception):
    """Base of every error that variegate raises on purpose."""


class PolicyError(VariegateError):
    """A policy, step or parameter is not legal."""


class InputError(VariegateError, ValueError):
    """An argument of a call is not legal: wrong type, shape, range or name."""


class DataError(VariegateError):
    """A data set or a file of it cannot be read or split as asked.

    `path`, `code` (E101 and so on) and `reason` are set where one file is to blame.
    """

    path: str | None = None
    code: str | None = None
    reason: str | None = None


class EngineError(VariegateError):
    """An engine is missing, cannot be built or cannot carry out a plan."""


class StoreError(VariegateError):
    """A study's store cannot be read or written."""
