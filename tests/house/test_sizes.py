"""How long a file and a function may be, and how deep a class may inherit."""

from __future__ import annotations

import ast

from tests.house.source import ROOT, Sources, dotted, functions, python_sources, read, report

FILE_LINES = 400
FUNCTION_LINES = 60
FOLDERS = ("variegate", "tests", "benchmarks", "examples")
FILE_RULE = f"a file has at most {FILE_LINES} lines"
FUNCTION_RULE = f"a function has at most {FUNCTION_LINES} lines, docstring included"
DEPTH_RULE = "inheritance depth 1: the base of a class of ours has no base of ours itself"


def long_files(sources: Sources) -> list[str]:
    """Return the files that are too long."""
    lengths = {path: len(source.splitlines()) for path, source in sources.items()}
    return [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > FILE_LINES]


def long_functions(sources: Sources) -> list[str]:
    """Return the functions that are too long, from `def` to the last line."""
    found = []
    for path, source in sources.items():
        for node in functions(source):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    return found


def deep_classes(sources: Sources) -> list[str]:
    """Return the classes whose base inherits from another class of the same sources."""
    bases: dict[str, set[str]] = {}
    places: dict[str, str] = {}
    for path, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                names = {dotted(base).split(".")[-1] for base in node.bases}
                bases.setdefault(node.name, set()).update(names)
                places[node.name] = f"{path}:{node.lineno}"
    found = []
    for name, parents in bases.items():
        for parent in parents & bases.keys() - {name}:
            found += [
                f"{places[name]} {name} <- {parent} <- {root}"
                for root in sorted(bases[parent] & bases.keys() - {parent})
            ]
    return found


def test_files_are_short() -> None:
    native = read(path for kind in ("*.h", "*.cpp") for path in (ROOT / "native").rglob(kind))
    found = long_files({**python_sources(*FOLDERS), **native})
    assert not found, report(found, FILE_RULE)


def test_functions_are_short() -> None:
    found = long_functions(python_sources(*FOLDERS))
    assert not found, report(found, FUNCTION_RULE)


def test_inheritance_is_shallow() -> None:
    found = deep_classes(python_sources("variegate"))
    assert not found, report(found, DEPTH_RULE)


def test_a_long_file_is_found() -> None:
    sources = {"fits.py": "\n" * FILE_LINES, "long.py": "\n" * (FILE_LINES + 1)}
    assert long_files(sources) == [f"long.py: {FILE_LINES + 1} lines"]


def test_a_long_function_is_found() -> None:
    fits = "def fits():\n" + "    pass\n" * (FUNCTION_LINES - 1)
    long = "async def long():\n" + "    pass\n" * FUNCTION_LINES
    assert long_functions({"fits.py": fits}) == []
    assert long_functions({"a.py": long}) == [f"a.py:1 long: {FUNCTION_LINES + 1} lines"]


def test_a_deep_class_is_found_across_files() -> None:
    shallow = {"a.py": "class A(Exception): ...\nclass B(A, ValueError): ...\n"}
    deep = {**shallow, "b.py": "import a\nclass C(a.B): ...\n"}
    assert deep_classes(shallow) == []
    assert deep_classes(deep) == ["b.py:2 C <- B <- A"]
