"""Results as pages: the tables on them are those that the measurements make."""

from collections.abc import Callable
from types import ModuleType

import pages
import pytest


@pytest.mark.parametrize("name", ["results.md", "results/cells.md", "results/milliseconds.md"])
def test_a_page_has_the_tables_of_the_measurements(name: str, benchmark: Callable[[str], ModuleType]) -> None:
    results = benchmark("results")
    page, tables = (pages.DOCS / name).read_text(encoding="utf-8"), results.PAGES[name]()
    assert len(tables) > 2
    assert results.with_tables(page, tables) == page, "run benchmarks/results.py"
