"""Tests that cannot fail are no tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import Sources, dotted, functions, python_sources, report

EMPTY_RULE = "every test has an assert, pytest.raises, or a call to a check_ or assert_ helper"
HELPER_RULE = "a check_ or assert_ helper has an assert, or raises, or calls another such helper"
CHOICE_RULE = "no assert of a conditional expression: one of its branches may hold for nothing"
IF_RULE = "no assert under an `if` in a test: it may never run"
CONSTANT_RULE = "no assert of a constant"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_helper_call(node: ast.AST) -> bool:
    """Tell whether a node calls pytest.raises, pytest.warns, pytest.fail or a checking helper."""
    if not isinstance(node, ast.Call):
        return False
    name = dotted(node.func) or getattr(node.func, "attr", "")
    last = name.split(".")[-1]
    return last.startswith(("check_", "assert_")) or name in (
        "pytest.fail",
        "pytest.raises",
        "pytest.warns",
    )


def can_fail(function: Function) -> bool:
    """Tell whether anything in a test can make it fail on purpose."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    return any(isinstance(node, ast.Assert) or is_helper_call(node) for node in nodes)


def asserts_under_if(function: Function) -> Iterator[ast.Assert]:
    """Yield the asserts that only run when a condition holds."""
    for node in ast.walk(function):
        if isinstance(node, ast.If):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assert):
                    yield inner


def broken_rules(function: Function) -> Iterator[tuple[int, str]]:
    """Yield the line and rule of each weak spot of one function."""
    is_test = function.name.startswith("test_")
    is_helper = function.name.startswith(("check_", "assert_"))
    if is_test and not can_fail(function):
        yield function.lineno, EMPTY_RULE
    if is_helper and not can_fail(function):
        raises = any(isinstance(node, ast.Raise) for node in ast.walk(function))
        if not raises:
            yield function.lineno, HELPER_RULE
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.IfExp):
            yield node.lineno, CHOICE_RULE
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant):
            yield node.lineno, CONSTANT_RULE
    if is_test:
        yield from ((node.lineno, IF_RULE) for node in asserts_under_if(function))


def weak_tests(sources: Sources) -> list[str]:
    """Return each test or helper that could pass without checking anything."""
    found = {
        f"{path}:{line} {function.name}: {rule}"
        for path, source in sources.items()
        for function in functions(source)
        for line, rule in broken_rules(function)
    }
    return sorted(found)


def test_every_test_can_fail() -> None:
    found = weak_tests(python_sources("tests"))
    assert not found, report(found, "a test must be able to fail")


def rules_for(source: str) -> list[str]:
    """Return the rules that one planted file breaks."""
    return [line.partition(": ")[2] for line in weak_tests({"a.py": source})]


def test_an_empty_test_is_found() -> None:
    assert rules_for("def test_a():\n    run()\n") == [EMPTY_RULE]
    assert rules_for("class TestA:\n    def test_a(self):\n        run()\n") == [EMPTY_RULE]


def test_a_helper_that_checks_nothing_is_found() -> None:
    assert rules_for("def check_equal(a, b):\n    return a == b\n") == [HELPER_RULE]


def test_asserts_that_may_not_run_are_found() -> None:
    assert rules_for("def test_a():\n    if x:\n        assert y\n") == [IF_RULE]
    assert rules_for("def test_a():\n    assert (y if x else True)\n") == [CHOICE_RULE]
    assert rules_for("def test_a():\n    assert True\n") == [CONSTANT_RULE]


def test_honest_tests_pass() -> None:
    honest = (
        "def test_a():\n    assert x\n",
        "def test_a():\n    with pytest.raises(ValueError):\n        run()\n",
        "def test_a():\n    np.testing.assert_array_equal(a, b)\n",
        "def test_a():\n    check_op(op)\n\ndef check_op(op):\n    assert op\n",
    )
    assert [rules_for(source) for source in honest] == [[]] * len(honest)
