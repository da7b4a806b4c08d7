"""Every Python block of the pages about frameworks runs, page by page, in order."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from benchmarks import torchvision_import
from tests.docs.pages import WITH_CODE, needs_frameworks, run

# Lightning imports torchvision where it finds one.
FIRST = f"{inspect.getsource(torchvision_import)}\nimport_torchvision()"
HERE = [page for page in WITH_CODE if needs_frameworks(page)]


@pytest.mark.parametrize("page", HERE, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path, "ignore", FIRST if "lightning" in page.name else "")
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"
