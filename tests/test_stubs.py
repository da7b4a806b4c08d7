"""The written type stub is what the registry gives."""

from __future__ import annotations

from variegate.policy.stubs import STEPS, steps_stub


def test_the_stub_is_fresh() -> None:
    message = "run `python -m variegate.policy.stubs`: the stub is older than the ops"
    assert STEPS.read_text(encoding="utf-8") == steps_stub(), message
