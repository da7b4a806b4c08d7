"""A library's process as the runner sees it: requests with a time limit, and a way back when it
dies. Only the worker script is started, from a fixed list of arguments and without a shell.
"""

from __future__ import annotations

import json
import os
import select
import subprocess  # nosec B404
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from variegate.bench.peers.cases import Case

SCRIPT = Path(__file__).parent / "peers" / "worker.py"
PROJECT = Path(__file__).parents[2]
START_SECONDS = 120.0
CASE_SECONDS = 120.0


@dataclass
class Peer:
    """A library by the name of its module in `peers`, and the Python that has it."""

    name: str
    python: str = sys.executable
    script: Path = SCRIPT


def environment(peer: Peer, files: Path) -> dict[str, str]:
    """The process's environment: no network, no device, quiet, and our own code for variegate."""
    out = {**os.environ, "VARIEGATE_BENCH_FILES": str(files), "NO_ALBUMENTATIONS_UPDATE": "1"}
    out |= {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    out.pop("PYTHONPATH", None)
    if peer.name == "variegate":
        out["PYTHONPATH"] = str(PROJECT)
    return out


class Client:
    """Talks to one library's process, and starts it again where it died."""

    def __init__(self, peer: Peer, files: Path) -> None:
        self.peer = peer
        self.kinds: frozenset[str] = frozenset()
        self.versions: dict[str, str] = {}
        self.batches_only = False
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._errors: IO[bytes] | None = None
        self.failed = ""

    def start(self) -> None:
        """Start the process; afterwards `failed` says why there is none."""
        command = [self.peer.python, str(self.peer.script), self.peer.name]
        self._rest = b""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(  # nosec B603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment(self.peer, self._files),
                start_new_session=True,
            )
        except OSError as error:
            self.failed = f"cannot start {self.peer.python}: {error.strerror}"
            self._drop_errors()
            return
        answer = self._read(START_SECONDS)
        if "failed" not in answer:
            answer = self.ask({"do": "hello"})
        self.failed = answer.get("failed", "")
        self.kinds = frozenset(answer.get("kinds", ()))
        self.versions = answer.get("versions", {})
        self.batches_only = bool(answer.get("batches_only", False))

    def has(self, case: Case) -> bool:
        """Whether the library does this case."""
        return case.kind in self.kinds and (case.batch > 1 or not self.batches_only)

    def prepare(self, case: Case) -> dict[str, Any]:
        """Make a case ready; {"note": ...} or {"failed": ...}."""
        if self._process is None:
            self.start()
        return self.ask({"do": "prepare", "case": asdict(case)})

    def time(self, seconds: float) -> dict[str, Any]:
        """Run the case for about so long; {"seconds": an image, "calls", "taken"} or failed."""
        return self.ask({"do": "time", "seconds": seconds})

    def output(self, path: Path) -> dict[str, Any]:
        """Save what the case gives."""
        return self.ask({"do": "output", "path": str(path)})

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request and its answer; a dead or silent process is an answer too."""
        process = self._process
        if process is None or process.stdin is None:
            return {"failed": self.failed or "the process is not running"}
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            return self._lost("the process died")
        return self._read(CASE_SECONDS)

    def close(self) -> None:
        """End the process; it gets a moment to end its own."""
        process, self._process = self._process, None
        self._drop_errors()
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _read(self, limit: float) -> dict[str, Any]:
        """The next line; what is no JSON is the library's own chatter."""
        process, end = self._process, time.monotonic() + limit
        if process is None or process.stdout is None:
            return {"failed": "the process is not running"}
        source = process.stdout.fileno()
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([source], [], [], left)[0]:
                return self._lost(f"no answer in {limit:g} s")
            block = os.read(source, 1 << 16)
            if not block:
                return self._lost("the process died")
            self._rest += block
        line, self._rest = self._rest.split(b"\n", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _lost(self, what: str) -> dict[str, Any]:
        """Give the process up; the last line that it wrote says most."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        last = self._last_words()
        self.close()
        return {"failed": f"{what}{': ' if last else ''}{last}"[:300]}

    def _last_words(self) -> str:
        """The last line on stderr."""
        if self._errors is None:
            return ""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
        lines = self._errors.read().decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _drop_errors(self) -> None:
        if self._errors is not None:
            self._errors.close()
            self._errors = None
