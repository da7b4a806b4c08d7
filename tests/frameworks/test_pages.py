"""Every Python block of the pages about frameworks runs, page by page, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import WITH_CODE, needs_frameworks, run

HERE = [page for page in WITH_CODE if needs_frameworks(page)]


@pytest.mark.parametrize("page", HERE, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path, warnings="ignore")
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"
