"""variegate bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.bench.documents import document
from variegate.bench import runner
from variegate.bench.peers.cases import SUITES
from variegate.bench.schema import check_document
from variegate.cli.main import app

CASE = "limits/Lookup/224x224/64"


def call(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bench", *arguments])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[str], bool]]:
    """What is asked of a runner that measures nothing: libraries, suites, quick."""
    seen = []

    def measure(peers: Any, suites: Any, settings: Any, say: Any) -> dict[str, Any]:
        seen.append(([peer.name for peer in peers], list(suites), settings.quick))
        say("a line")
        result = document({CASE: {"variegate": 1e-4, "opencv": 5e-5, "pillow": 1e-3}})
        result["peers"]["dali"] = {"failed": "not here"}
        return result

    monkeypatch.setattr(runner, "measure", measure)
    return seen


def test_the_table_has_ratios_and_losses(asked: list[Any]) -> None:
    result = call("--against", "opencv,dali", "--suite", "limits", "--quick")
    assert result.exit_code == 0
    assert asked == [(["variegate", "opencv", "dali"], ["limits"], True)]
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert f"{CASE} 100 0.50x 10.00x" in lines
    assert "faster elsewhere: 1" in lines
    assert f"{CASE}: opencv takes 50 % of the time" in lines
    assert "failed: dali: not here" in lines


def test_without_against_only_what_is_installed_is_shown(asked: list[Any]) -> None:
    result = call()
    assert result.exit_code == 0
    assert asked == [(list(runner.KNOWN), list(SUITES), False)]
    assert "dali" not in result.stdout


def test_json_and_file_are_legal_documents(asked: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    result = call("--against", "opencv", "--json", "--out", str(out))
    assert result.exit_code == 0
    check_document(json.loads(result.stdout))
    assert json.loads(out.read_text(encoding="utf-8")) == json.loads(result.stdout)


def test_an_unknown_library_or_suite_names_the_known_ones() -> None:
    library, suite = call("--against", "foo"), call("--suite", "foo")
    assert (library.exit_code, suite.exit_code) == (2, 2)
    assert "unknown library 'foo'; known: variegate, albumentations" in library.stderr
    assert "unknown suite 'foo'; known: ops, pipelines, annotated, files, limits" in suite.stderr


def test_a_file_that_cannot_be_written(asked: list[Any], tmp_path: Path) -> None:
    result = call("--out", str(tmp_path / "no" / "speed.json"))
    assert result.exit_code == 5
    assert "cannot be written" in result.stderr


def test_it_measures() -> None:
    result = call("--against", "opencv", "--suite", "limits", "--quick", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    check_document(found)
    assert len(found["cases"]) == 8
    assert all(case["results"]["variegate"]["median"] > 0 for case in found["cases"])
