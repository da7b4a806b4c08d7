"""The rooms of the package and who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import Sources, python_sources, report

# From left to right. A room may import itself, the rooms before it and errors; search stands aside.
CHAIN = (
    "ops",
    "policy",
    "plan",
    "engine",
    "targets",
    "pipeline",
    "data",
    "bench",
    "tta",
    "adapters",
    "train",
    "evaluate",
    "workflow",
    "cli",
)
FRONT_DOOR = "variegate/__init__.py"
DIRECTION = f"{' <- '.join(CHAIN)}: left never imports right"
ERRORS_RULE = "errors imports no other room"
SEARCH_RULE = "search imports only policy, ops and errors: it never sees a model, an engine or data"
SEARCH_USERS = ("evaluate", "workflow", "cli")
SEARCHED_RULE = f"only {', '.join(SEARCH_USERS)} import search"
TESTING = CHAIN[: CHAIN.index("pipeline") + 1]
TESTING_RULE = "testing imports up to pipeline, search and errors; no room imports testing"
DOOR_RULE = "only cli imports the package's front door; a room imports the room that has the name"
ROOM_RULE = "every room is named in DIRECTION, or is search, testing or errors"
ROOMS = (*CHAIN, "search", "testing", "errors")


def room_of(path: str) -> str:
    """Return the room that a file is in; "" for the front door, which may import every room."""
    first = path.split("/")[1].removesuffix(".py")
    return "" if first in ("__init__", "__main__") else first


def broken_rule(room: str, imported: str) -> str:
    """Return the rule that the import of one room by another breaks, or ""."""
    if room in ("", imported) or imported == "errors":
        return ""
    if room not in ROOMS or (imported and imported not in ROOMS):
        return ROOM_RULE
    if room == "errors":
        return ERRORS_RULE
    if imported == "":
        return "" if room == "cli" else DOOR_RULE
    if room == "search":
        return "" if imported in ("policy", "ops") else SEARCH_RULE
    if room == "testing" or imported == "testing":
        return "" if imported in (*TESTING, "search") else TESTING_RULE
    if imported == "search":
        return "" if room in SEARCH_USERS else SEARCHED_RULE
    return "" if CHAIN.index(imported) <= CHAIN.index(room) else DIRECTION


def imported_names(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and dotted name of everything a file imports, relative imports resolved."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def file_of(name: str, sources: Sources) -> str:
    """Return the file that a dotted name inside the package comes from."""
    parts = name.split(".")
    while len(parts) > 1:
        stem = "/".join(parts)
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if path in sources:
                return path
        parts.pop()
    second = name.split(".")[1:2]
    is_room = second and second[0] in ROOMS
    return f"variegate/{second[0]}" if is_room else FRONT_DOOR


def import_violations(sources: Sources) -> list[str]:
    """Return one line for each import against the direction: the two files and the rule."""
    found = []
    for path, source in sources.items():
        for line, name in imported_names(path, source):
            if name.split(".")[0] != "variegate":
                continue
            target = file_of(name, sources)
            if rule := broken_rule(room_of(path), room_of(target)):
                found.append(f"{path}:{line} imports {target}: {rule}")
    return sorted(set(found))


def test_imports_follow_the_direction_of_the_rooms() -> None:
    found = import_violations(python_sources("variegate"))
    assert not found, report(found, DIRECTION)


def planted(path: str, source: str) -> list[str]:
    """Check one planted file beside a few honest ones."""
    rooms = {f"variegate/{room}/__init__.py": "" for room in ROOMS if room != "errors"}
    return import_violations({**rooms, FRONT_DOOR: "", path: source})


def test_an_import_to_the_right_is_found_with_both_files_and_the_rule() -> None:
    found = planted("variegate/ops/tone.py", "from variegate.plan import draw\n")
    assert found == [f"variegate/ops/tone.py:1 imports variegate/plan/__init__.py: {DIRECTION}"]


def test_relative_imports_and_imports_in_functions_are_found() -> None:
    relative = planted("variegate/plan/draw.py", "from ..engine import choose\n")
    nested = planted("variegate/plan/draw.py", "def f():\n    import variegate.cli.main\n")
    assert [DIRECTION in line for line in relative + nested] == [True, True]


def test_search_sees_policies_only() -> None:
    assert SEARCH_RULE in planted("variegate/search/study.py", "import variegate.train\n")[0]
    assert SEARCH_RULE in planted("variegate/search/study.py", "from variegate import data\n")[0]
    assert SEARCHED_RULE in planted("variegate/train/loop.py", "import variegate.search\n")[0]
    assert planted("variegate/search/study.py", "from variegate.policy import Policy\n") == []


def test_rooms_do_not_use_the_front_door_nor_unnamed_rooms() -> None:
    assert DOOR_RULE in planted("variegate/plan/draw.py", "from variegate import Pipeline\n")[0]
    assert ROOM_RULE in planted("variegate/helpers/a.py", "from variegate.ops import op\n")[0]
    assert TESTING_RULE in planted("variegate/ops/op.py", "import variegate.testing\n")[0]
    assert ERRORS_RULE in planted("variegate/errors.py", "import variegate.ops\n")[0]


def test_honest_imports_pass() -> None:
    source = "import numpy as np\nfrom variegate.errors import DataError\nfrom .op import Op\n"
    assert planted("variegate/ops/tone.py", source) == []
    assert planted("variegate/cli/main.py", "import variegate as vg\n") == []
