"""What the commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

from variegate.cli.codes import INTERRUPTED, UNEXPECTED, code_of
from variegate.errors import VariegateError

if TYPE_CHECKING:
    from rich.progress import Progress

    from variegate.workflow.common import Event

# Seconds between two plain progress lines; a log is read later, not watched.
EVERY = 5.0


class Show:
    """One command's output. As a context it turns errors into a message and an exit code."""

    def __init__(self, verb: str, *, as_json: bool, quiet: bool = False, debug: bool = False):
        self.verb, self.as_json, self.quiet, self.debug = verb, as_json, quiet, debug
        self.command = shlex.join(["variegate", *sys.argv[1:]])
        self.live = sys.stderr.isatty() and not os.environ.get("CI") and not quiet
        self._last = float("-inf")
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> Show:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_bar()
        if error is None or isinstance(error, typer.Exit | SystemExit | typer.BadParameter):
            return
        if isinstance(error, BrokenPipeError):
            # Who read the output has seen enough; the flush at exit must not complain either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        if isinstance(error, KeyboardInterrupt):
            saved = getattr(error, "saved", "nothing was started that needs saving")
            self._fail(INTERRUPTED, "Interrupted", f"interrupted: {saved}")
            self.note(f"resume: {self.command}")
            raise typer.Exit(INTERRUPTED) from None
        if self.debug or not isinstance(error, Exception):
            return
        if isinstance(error, VariegateError):
            code, text = code_of(error), _for_command_line(str(error))
        else:
            code = UNEXPECTED
            first = next(iter(str(error).splitlines()), "")
            text = (
                f"{type(error).__name__}: {first}. This should not happen: run it again with "
                "--debug and report what it prints"
            )
        self._fail(code, type(error).__name__, text)
        raise typer.Exit(code) from None

    def event(self, event: Event) -> None:
        """Take an event of the workflow."""
        if event.kind == "progress":
            self._progress(event)
        elif event.kind == "remark":
            self.note(f"note: {event.text}")
        else:
            self.note(event.text)

    def note(self, text: str) -> None:
        """A line for the person who watches, on stderr."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(text, err=True)

    def result(self, document: Mapping[str, Any], lines: Iterable[str]) -> None:
        """The command's result: the document with --json, else the lines; on stdout."""
        self._end_bar()
        if self.as_json:
            typer.echo(json.dumps(document, indent=1, allow_nan=False))
            return
        for line in lines:
            typer.echo(line)

    def next(self, command: str) -> None:
        """The next useful command, as the last line."""
        self._end_bar()
        if not self.quiet:
            typer.echo(f"next: {command}", err=self.as_json)

    def _fail(self, code: int, kind: str, text: str) -> None:
        if self.as_json:
            problem = {"code": code, "kind": kind, "message": text}
            typer.echo(json.dumps({"schema": f"variegate.{self.verb}/1", "error": problem}))
        typer.echo(text if code == INTERRUPTED else f"error: {text}", err=True)

    def _progress(self, event: Event) -> None:
        if self.quiet:
            return
        if self.live:
            self._draw(event)
            return
        now = time.monotonic()
        finished = event.total > 0 and event.done >= event.total
        if now - self._last < EVERY and not finished:
            return
        self._last = now
        typer.echo(f"{event.text}{_eta(event.seconds_left)}", err=True)

    def _draw(self, event: Event) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                BarColumn(bar_width=24),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=None)
        text = f"{event.text}{_eta(event.seconds_left)}"
        total = event.total or None
        self._bar.update(self._task, description=text, completed=event.done, total=total)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _eta(seconds: float | None) -> str:
    if seconds is None or seconds < 1:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f", {clock} left"


def _for_command_line(text: str) -> str:
    """A message with its advice in the words of the command line."""
    if "size=(" in text:
        return f"{text}; on the command line: --size 96"
    if "max_pixels" in text or "E10" in text:
        return f"{text}; or leave such files out: --on-error skip"
    return text
