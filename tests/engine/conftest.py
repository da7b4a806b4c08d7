"""Every engine test runs once on each instruction set that this build and this machine have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import variegate.engine._native as native


@pytest.fixture(params=native.targets(), autouse=True)
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """The instruction set in use, put back afterwards."""
    before = native.target()
    native.use_target(request.param)
    yield request.param
    native.use_target(before)
