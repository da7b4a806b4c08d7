"""Times variegate against other libraries and writes one JSON file a suite.

    python benchmarks/speed.py --python dali=PATH --python keras=PATH ... [--suite ops,pipelines]
        [--peers albumentations,opencv] [--rounds 7] [--quick] [--only TEXT] [--out FOLDER]

--python names the Python of an environment that has a library; without it this one is asked.
README.md says how the environments are made, speed_page.py makes the page of the files.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from variegate.bench.runner import (
    KNOWN,
    QUICK,
    Settings,
    default_peers,
    default_suites,
    measure,
)
from variegate.bench.schema import check_document
from variegate.errors import InputError

RESULTS = Path(__file__).parent / "results"


def read_pythons(given: list[str]) -> dict[str, str]:
    """{"dali": path} from ["dali=path"]."""
    out = {}
    for text in given:
        names, _, path = text.partition("=")
        if not path:
            raise InputError(f"--python: expected NAME=PATH or NAME,NAME=PATH, got {text!r}")
        out |= dict.fromkeys(names.split(","), path)
    return out


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--suite", default="")
    parser.add_argument("--peers", default=",".join(KNOWN))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


def main() -> None:
    """Runs suite by suite, so that a stop loses no finished suite."""
    given = parse()
    settings = QUICK if given.quick else Settings()
    if given.rounds is not None:
        settings = dataclasses.replace(settings, rounds=given.rounds)
    peers = default_peers(read_pythons(given.python), filter(None, given.peers.split(",")))
    start = time.monotonic()
    for suite in default_suites(filter(None, given.suite.split(","))):
        document: dict[str, Any] = measure(peers, [suite], settings, say, given.only)
        check_document(document)
        given.out.mkdir(parents=True, exist_ok=True)
        path = given.out / f"{suite}.json"
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        say(f"{time.monotonic() - start:.0f} s: wrote {path.name}")


def say(text: str) -> None:
    """A line for the person who watches."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
