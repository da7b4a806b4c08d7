"""Which engine is taken, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import variegate.engine
from variegate.engine.choose import COMPILED, choose
from variegate.engine.tolerance import EXACT, INTERPOLATED
from variegate.errors import EngineError


def test_the_fastest_engine_is_the_default() -> None:
    assert choose(None).name == ("native" if find_spec(COMPILED) else "reference")
    assert choose("reference").name == "reference"


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(EngineError, match="'native' or 'reference' or 'torch', got 'cuda'"):
        choose("cuda")


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undoes the import of the native engine."""
    for name in ("_native", "native"):
        monkeypatch.delattr(variegate.engine, name, raising=False)
        monkeypatch.delitem(sys.modules, f"variegate.engine.{name}", raising=False)


def test_a_missing_engine_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)
    monkeypatch.setitem(sys.modules, COMPILED, None)
    assert choose(None).name == "reference"
    with pytest.raises(EngineError, match=r"reinstall variegate, or take engine='reference'"):
        choose("native")


def test_an_engine_that_does_not_load_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            if name == COMPILED:
                raise ImportError("undefined symbol")

    forget(monkeypatch)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    for name in (None, "native"):
        with pytest.raises(EngineError, match="does not load"):
            choose(name)


def test_the_tolerance_finds_what_is_off() -> None:
    level = np.full((40, 50), 9, dtype=np.uint8)
    off = level.copy()
    off[0, 0] += 1
    assert EXACT.broken(level, level) == ""
    assert "off by up to 1" in EXACT.broken(off, level)
    assert INTERPOLATED.broken(off, level) == ""
    off[0, 0] += 2
    assert "off by up to 3" in INTERPOLATED.broken(off, level)
    assert "within a level" in INTERPOLATED.broken(level + np.uint8(2), level)
    assert INTERPOLATED.broken(level + np.uint8(1), level).startswith("0.00000 equal")
    assert INTERPOLATED.broken(level[:1], level).startswith("uint8 (1, 50)")
    floats = level / np.float32(255)
    assert INTERPOLATED.broken(floats + np.float32(1e-3), floats) == "off by 0.001"


def test_without_the_compiled_module_pipelines_run_on_the_reference() -> None:
    program = (
        "import sys; sys.modules['variegate.engine._native'] = None; import variegate as vg; "
        "print(vg.Pipeline([vg.Rotate()]).engine)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "reference", done.stderr
