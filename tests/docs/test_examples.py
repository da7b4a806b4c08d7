"""Every Python block of the docs runs, page by page, in order.

Pages that need a framework run in tests/frameworks/test_pages.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import WITH_CODE, needs_frameworks, run

HERE = [page for page in WITH_CODE if not needs_frameworks(page)]


@pytest.mark.parametrize("page", HERE, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path, warnings="error")
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"


def test_the_pages_that_promise_code_have_it() -> None:
    assert {"README.md", "add-an-op.md"} <= {page.name for page in HERE}
