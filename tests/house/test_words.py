"""One word a thing, American spelling, and nothing that belongs to one machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.source import Sources, python_sources, report, text_sources

# Word -> the word this project uses.
NAMES = {
    "rng": "seed",
    "random_state": "seed",
    "cval": "fill",
    "pad_value": "fill",
    "fill_value": "fill",
}
NAME_RULE = "parameters and attributes say seed and fill: never " + ", ".join(NAMES)
# Adapters take another library's arguments under that library's names.
ADAPTERS = "variegate/adapters/"

STEMS = (
    "binar|capital|character|discret|emphas|equal|final|general|initial|local|maxim|memor|minim"
    "|normal|optim|organ|parallel|parametr|penal|quant|random|real|recogn|regular|serial|special"
    "|stabil|standard|summar|synchron|util|vector|visual"
)
BRITISH = re.compile(
    rf"(?:{STEMS})is(?:e|ed|er|es|ing|ation)(?![a-z])"
    r"|colour|grey|centre|behaviour|neighbour|favour|honour|flavour|artefact|whilst|licence|defence"
    r"|analys(?:e[dr]?|ing)(?![a-z])|(?:label|model|cancel|travel|channel|signal)l(?:ed|ing)"
    r"|(?<![a-z])(?:fibre|litre|programme)s?(?![a-z])",
    re.IGNORECASE,
)
SPELLING_RULE = "American spelling"

MACHINE_PATH = re.compile(r"(?<![\w.$}*/\\-])/(?:work|root|tmp|home|opt)(?![\w.-])(?:/[\w.-]+)*")
PATH_RULE = "no absolute path of one machine in a tracked file"

HOSTS = re.compile(
    r"pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.org|npmjs\.(?:org|com)"
    r"|deb\.debian\.org|crates\.io|(?:extra-)?index-url|--find-links",
    re.IGNORECASE,
)
HOST_RULE = "no package registry or index is named: the machine's own pip settings decide"

# The files that must spell out what they forbid.
EXEMPT = {"tests/house/test_words.py"}


def defined_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and name of each parameter, attribute that is set, and field of a class."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ClassDef):
            for field in ast.walk(node):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    yield field.lineno, field.target.id


def name_violations(sources: Sources) -> list[str]:
    """Return the parameters and attributes that go by a word the project does not use."""
    return [
        f"{path}:{line} {name}: say {NAMES[name]}"
        for path, source in sources.items()
        if not path.startswith(ADAPTERS)
        for line, name in defined_names(source)
        if name in NAMES
    ]


def matches(sources: Sources, pattern: re.Pattern[str]) -> list[str]:
    """Return the places of a pattern in texts, one a line of text."""
    return [
        f"{path}:{number} {found.group()}"
        for path, source in sources.items()
        if path not in EXEMPT
        for number, line in enumerate(source.splitlines(), start=1)
        if (found := pattern.search(line))
    ]


def test_names_are_the_project_s_words() -> None:
    found = name_violations(python_sources("variegate"))
    assert not found, report(found, NAME_RULE)


def test_spelling_is_american() -> None:
    found = matches(text_sources(), BRITISH)
    assert not found, report(found, SPELLING_RULE)


def test_no_file_names_a_path_of_one_machine() -> None:
    found = matches(text_sources(), MACHINE_PATH)
    assert not found, report(found, PATH_RULE)


def test_no_file_names_a_package_registry() -> None:
    found = matches(text_sources(), HOSTS)
    assert not found, report(found, HOST_RULE)


def test_a_parameter_an_attribute_and_a_field_are_found() -> None:
    source = "class A:\n    cval: int = 0\n    def f(self, rng):\n        self.random_state = rng\n"
    lines = name_violations({"a.py": source})
    assert lines == [
        "a.py:2 cval: say fill",
        "a.py:3 rng: say seed",
        "a.py:4 random_state: say seed",
    ]


def test_another_library_s_keyword_is_not_ours() -> None:
    assert (
        name_violations({"a.py": "split(x, random_state=seed)\nnp.full(3, fill_value=1)\n"}) == []
    )


def test_british_words_are_found_and_american_ones_are_not() -> None:
    british = ["colour", "Greyscale", "normalise", "vectorised", "centre", "labelled", "analyse"]
    american = ["color", "gray", "normalize", "center", "analyses", "precise", "optimistic"]
    assert all(BRITISH.search(word) for word in british)
    assert not [word for word in american if BRITISH.search(word)]


def test_machine_paths_are_found_and_relative_ones_are_not() -> None:
    machine = ["cd /work/main", '"/root/.cache"', "(/tmp)", "=/home/me/x", "file:///opt/a"[7:]]
    relative = ["/workflows", "docs/tmp/", "../work/x", "{out}/root", "a/home", "{tmp_path}/tmp"]
    assert all(MACHINE_PATH.search(text) for text in machine)
    assert not [text for text in relative if MACHINE_PATH.search(text)]


def test_registries_are_found() -> None:
    places = matches({"a.md": "fine\nsee https://pypi.org/project/x\n"}, HOSTS)
    assert places == ["a.md:2 pypi.org"]
