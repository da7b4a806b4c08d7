"""No hidden randomness and no code run from data."""

from __future__ import annotations

import ast

from tests.house.source import Sources, dotted, python_sources, report

RANDOM_RULE = "no global random state: a draw comes from a generator made from a seed"
UNSAFE_RULE = "data is never code: no pickle, eval, exec or unsafe loading"

NUMPY_ALLOWED = {
    "BitGenerator",
    "Generator",
    "MT19937",
    "PCG64",
    "PCG64DXSM",
    "Philox",
    "SFC64",
    "SeedSequence",
    "default_rng",
}
TORCH_DRAWS = {
    "bernoulli",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
}
TENSOR_DRAWS = {"bernoulli_", "exponential_", "normal_", "random_", "uniform_"}
UNSAFE_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}


def aliases(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: {"np": "numpy", "randint": "random.randint"}."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                names[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def full_name(node: ast.AST, names: dict[str, str]) -> str:
    """Return the dotted name of an expression with imports spelled out, or ""."""
    head, dot, rest = dotted(node).partition(".")
    return f"{names.get(head, head)}{dot}{rest}"


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """Return the keyword arguments of a call."""
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def is_true(node: ast.expr | None) -> bool:
    """Tell whether an argument is the constant True."""
    return isinstance(node, ast.Constant) and node.value is True


def breaks_random_rule(node: ast.AST, names: dict[str, str]) -> bool:
    """Tell whether a name or a call draws from state that everyone shares."""
    if isinstance(node, ast.Call):
        name, given = full_name(node.func, names), keywords(node)
        if name == "numpy.random.default_rng":
            return not node.args and not given
        head, _, last = name.rpartition(".")
        drawn = head == "torch" and last in TORCH_DRAWS
        method = isinstance(node.func, ast.Attribute) and node.func.attr in TENSOR_DRAWS
        return (drawn or method) and "generator" not in given
    if not isinstance(node, ast.Attribute | ast.Name):
        return False
    name = full_name(node, names)
    if name.startswith("numpy.random."):
        return name.split(".")[2] not in NUMPY_ALLOWED
    return name.startswith("random.") and "random" in {v.split(".")[0] for v in names.values()}


def breaks_unsafe_rule(node: ast.AST, names: dict[str, str]) -> bool:
    """Tell whether a node loads or runs what could be anything."""
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in UNSAFE_MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in UNSAFE_MODULES and not node.level
    if not isinstance(node, ast.Call):
        return False
    name, given = full_name(node.func, names), keywords(node)
    if name == "torch.load":
        return not is_true(given.get("weights_only"))
    if name == "numpy.load":
        return "allow_pickle" in given and is_true(given["allow_pickle"])
    return name in UNSAFE_CALLS


def violations(sources: Sources) -> list[str]:
    """Return each place that draws from global state or runs data as code, with its rule."""
    found = []
    for path, source in sources.items():
        tree = ast.parse(source)
        names = aliases(tree)
        for node in ast.walk(tree):
            for rule, breaks in (
                (RANDOM_RULE, breaks_random_rule),
                (UNSAFE_RULE, breaks_unsafe_rule),
            ):
                if breaks(node, names):
                    found.append(f"{path}:{node.lineno} {ast.unparse(node)}: {rule}")  # type: ignore[attr-defined]
    return found


def test_no_global_random_state_and_no_unsafe_loading() -> None:
    found = violations(python_sources("variegate"))
    assert not found, report(found, f"{RANDOM_RULE}; {UNSAFE_RULE}")


def rule_for(source: str) -> set[str]:
    """Return the rules that one planted file breaks."""
    return {line.partition(": ")[2] for line in violations({"a.py": source})}


def test_global_random_state_is_found() -> None:
    planted = (
        "import random\nrandom.shuffle(x)\n",
        "from random import randint\nrandint(0, 3)\n",
        "import numpy as np\nnp.random.seed(1)\n",
        "from numpy import random\nrandom.rand(3)\n",
        "import numpy as np\nnp.random.default_rng()\n",
        "import torch\ntorch.randn(3)\n",
        "import torch as t\nt.empty(3).uniform_()\n",
    )
    assert [rule_for(source) for source in planted] == [{RANDOM_RULE}] * len(planted)


def test_unsafe_loading_is_found() -> None:
    planted = (
        "import pickle\n",
        "from pickle import loads\n",
        "eval('1')\n",
        "exec('x = 1')\n",
        "import yaml\nyaml.load(text)\n",
        "import torch\ntorch.load(path)\n",
        "import numpy as np\nnp.load(path, allow_pickle=True)\n",
    )
    assert [rule_for(source) for source in planted] == [{UNSAFE_RULE}] * len(planted)


def test_seeded_draws_and_safe_loading_pass() -> None:
    honest = (
        "import numpy as np\nnp.random.default_rng(7).random()\nnp.random.Philox(key=1)\n",
        "import torch\ntorch.rand(3, generator=g)\n",
        "import torch\ntorch.load(path, weights_only=True)\nmodel.eval()\n",
        "import numpy as np\nnp.load(path, allow_pickle=False)\n",
        "from variegate.search import random\nrandom.suggest(space)\n",
    )
    assert [rule_for(source) for source in honest] == [set()] * len(honest)
