"""The command line: documents, exit codes, messages, streams and interruption."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from variegate.cli.main import app
from variegate.errors import StoreError

ROOT = Path(__file__).resolve().parents[2]
TOY = ["--trials", "2", "--seeds", "2", "--epochs", "1", "--workers", "1"]
DIGITS = ["digits", "--train-per-class", "4", "--epochs", "1", "--threads", "1"]


def call(*arguments: object) -> Result:
    """Run one command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def environment() -> dict[str, str]:
    """The environment of a child process: no terminal tricks, the package on the path."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "CI": "1"}


def start(arguments: Sequence[object]) -> subprocess.Popen[str]:
    """Start one command in its own process."""
    return subprocess.Popen(
        [sys.executable, "-m", "variegate.cli.main", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo has run, toy-sized."""
    pytest.importorskip("torch")
    pytest.importorskip("optuna")
    out = tmp_path_factory.mktemp("demo")
    done = call("demo", *TOY, "--out", out)
    assert done.exit_code == 0, done.output
    return out


def check_document(result: Result, verb: str) -> dict[str, Any]:
    """Stdout is one JSON document of the verb's schema."""
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["schema"] == f"variegate.{verb}/1"
    return document


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("doctor", []),
        ("ops", []),
        ("ops", ["Rotate"]),
        ("preview", ["digits", "--images", "2", "--out", "{run}/preview.png"]),
        ("report", ["{run}"]),
        ("demo", [*TOY, "--out", "{run}"]),
    ],
)
def test_json_is_one_document_with_the_verb_s_schema(
    run: Path, verb: str, arguments: list[str]
) -> None:
    result = call(verb, *(text.format(run=run) for text in arguments), "--json")
    assert result.exit_code == 0, result.output
    check_document(result, verb)


def test_search_and_compare_as_json_resume_and_name_the_next_command(tmp_path: Path) -> None:
    arguments = [*DIGITS, "--out", tmp_path, "--json"]
    first = call("search", *arguments, "--trials", 1, "--method", "random")
    document = check_document(first, "search")
    assert first.exit_code == 0
    assert document["best"]["value"] > 0
    next_line = first.stderr.splitlines()[-1]
    flags = "--train-per-class 4 --epochs 1"
    assert next_line == f"next: variegate compare digits {flags} --out {tmp_path}"
    compare = [*arguments, "--arm", "none", "--arm", "found", "--seeds", 1, "--workers", 1]
    second = call("compare", *compare)
    assert check_document(second, "compare")["trained"] == 2
    assert check_document(call("compare", *compare), "compare")["trained"] == 0
    required = call("compare", *compare, "--require-gain")
    assert required.exit_code == 1
    assert check_document(required, "compare")["gain_proven"] is False


def test_a_search_by_class_says_what_it_kept_and_compare_has_both(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    few = [*DIGITS, "--validation", "0.05"]
    search = ["search", *few, "--method", "random", "--trials", "1", "--out", tmp_path]
    done = call(*search, "--per-class", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["per_class"]["schema"] == "variegate.per_class/1"
    assert json.loads((tmp_path / "global.json").read_text()) == document["best"]["policy"]
    chosen = document["per_class"]["candidates"][document["per_class"]["chosen"]]
    assert json.loads((tmp_path / "best.json").read_text()) == chosen["policy"]
    compare = ["compare", *few, "--seeds", "1", "--out", tmp_path, "--json"]
    said = json.loads(call(*compare, "--arm", "global", "--arm", "found").stdout)
    assert [row["arm"] for row in said["summary"]["arms"]] == ["global", "found"]


def test_a_human_reads_what_was_understood_first_and_the_next_command_last(run: Path) -> None:
    result = call("demo", *TOY, "--out", run)
    lines = result.stderr.splitlines()
    assert lines[0].startswith("demo: ")
    assert any(line.startswith("digits: 1,797 images, 8 x 8 pixels") for line in lines)
    assert result.stdout.splitlines()[-1] == f"next: open {run}/report.html in a browser"
    assert (run / "report.html").exists()


def test_quiet_prints_the_result_only(run: Path) -> None:
    result = call("report", run, "--quiet")
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 2


def write_images(root: Path, sides: Sequence[int] = (12,) * 6) -> Path:
    """A folder of two classes."""
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number, side in enumerate(sides):
            picture = np.full((side, side, 3), 20 * number, np.uint8)
            Image.fromarray(picture).save(root / name / f"{number}.png")
    return root


def test_each_kind_of_error_has_its_code_path_and_next_step(tmp_path: Path) -> None:
    corrupt = write_images(tmp_path / "corrupt")
    (corrupt / "dog" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    sizes = write_images(tmp_path / "sizes", (12, 14, 16))
    (tmp_path / "bad.json").write_text('{"format": "variegate-policy", "version": 1, "steps": [3]}')
    (tmp_path / "new.json").write_text('{"format": "variegate-policy", "version": 9, "steps": []}')
    out = tmp_path / "out"
    cases: list[tuple[int, list[object], list[str]]] = [
        (2, ["search", "digits", "--trials", "none"], ["--trials"]),
        (2, ["search", "digits", "--trails", "3"], ["--trails"]),
        (2, ["preview", "digits", "--size", "big"], ["96x128"]),
        (2, ["preview", "digits", "--magnitudes"], ["--op"]),
        (2, ["compare", "digits", "--arm", "nothing", "--out", out], ["unknown arm 'nothing'"]),
        (3, ["search", tmp_path / "nowhere", "--out", out], ["nowhere", "give 'digits'"]),
        (3, ["search", corrupt, "--out", out], ["3.png", "E10", "--on-error skip"]),
        (3, ["search", sizes, "--out", out], ["14 x 14", "--size 96"]),
        (4, ["ops", "Rotat"], ["did you mean 'Rotate'"]),
        (4, ["preview", "digits", "--policy", tmp_path / "bad.json"], ["bad.json", "steps[0]"]),
        (4, ["preview", "digits", "--policy", tmp_path / "new.json"], ["newer", "update"]),
        (5, ["report", tmp_path], ["comparison.json", "variegate compare"]),
    ]
    for code, arguments, texts in cases:
        result = call(*arguments)
        assert result.exit_code == code, (arguments, result.output)
        assert "Traceback" not in result.output
        assert result.stdout == ""
        flat = " ".join(result.stderr.replace("│", " ").split())
        for text in texts:
            assert text in flat, (arguments, flat)
    assert not out.exists()


def test_an_error_as_json_is_one_document_too(tmp_path: Path) -> None:
    result = call("search", tmp_path / "nowhere", "--json")
    problem = check_document(result, "search")["error"]
    assert result.exit_code == problem["code"] == 3
    assert problem["kind"] == "DataError"


def test_an_unexpected_error_is_short_unless_debug_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from variegate import workflow

    def broken() -> None:
        raise RuntimeError("odd\nsecond line")

    monkeypatch.setattr(workflow, "doctor", broken)
    short = call("doctor")
    assert short.exit_code == 70
    assert "RuntimeError: odd. " in short.stderr
    assert "--debug" in short.stderr
    assert "second line" not in short.stderr
    assert isinstance(call("doctor", "--debug").exception, RuntimeError)


def test_doctor_ends_with_1_only_when_something_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("doctor").exit_code == 0
    module = importlib.import_module("variegate.workflow.doctor")
    monkeypatch.setattr(module, "CORE", ("no-such-package",))
    broken = call("doctor")
    assert broken.exit_code == 1
    assert "pip install no-such-package" in broken.stdout


def test_help_lists_every_command_and_exit_code_and_loads_nothing_heavy() -> None:
    text = call("--help").output
    for verb in ("doctor", "ops", "preview", "search", "compare", "report", "demo"):
        assert f" {verb} " in text
        assert call(verb, "--help").exit_code == 0
    flat = " ".join(text.split())
    assert "130 interrupted" in flat
    assert "4 the policy is not legal" in flat
    probe = (
        "import sys; import variegate.cli.main, variegate.workflow; "
        "print([m for m in ('torch', 'optuna', 'PIL', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout == "[]\n"


def test_ctrl_c_says_what_is_saved_and_the_same_command_resumes(tmp_path: Path) -> None:
    arguments = ["search", *DIGITS, "--trials", "400", "--out", tmp_path, "--method", "random"]
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    bare = time.monotonic() - began
    child = start(arguments)
    first = child.stderr.readline() if child.stderr else ""
    # Two seconds, or in proportion on a machine that is busy with something else.
    assert time.monotonic() - began - bare < max(2.0, 10 * bare)
    assert first == "search digits\n"
    while not (tmp_path / "best.json").exists() and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=300)
    lines = error.splitlines()
    assert child.returncode == 130, error
    assert out == ""
    assert "Traceback" not in error
    assert f"trials are saved in {tmp_path}/study.db" in lines[-2]
    assert lines[-1].startswith("resume: variegate search digits --train-per-class 4")
    assert str(tmp_path) in lines[-1]
    saved = len(json.loads((tmp_path / "search.json").read_text())["history"])
    short = [*DIGITS, "--trials", saved + 1, "--out", tmp_path, "--method", "random", "--json"]
    again = json.loads(call("search", *short).stdout)
    assert len(again["history"]) == saved + 1


def test_plain_lines_are_few(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from variegate.cli.show import Show
    from variegate.workflow import Event

    show = Show("search", as_json=False)
    for step in range(1, 101):
        show.event(Event("progress", f"step {step}", step, 100, 30.0))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["step 1, 0:30 left", "step 100, 0:30 left"]


def test_a_store_error_ends_with_5(monkeypatch: pytest.MonkeyPatch) -> None:
    from variegate import workflow

    def refuse(*args: object, **kwargs: object) -> None:
        raise StoreError("study.db: in use by process 7")

    monkeypatch.setattr(workflow, "search", refuse)
    result = call("search", "digits")
    assert result.exit_code == 5
    assert result.stderr.splitlines()[-1] == "error: study.db: in use by process 7"
