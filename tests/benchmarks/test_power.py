"""What a confirmation can show: the page quotes what the program prints."""

from collections.abc import Callable

import pages


def test_the_page_has_the_tables_of_the_program(run_benchmark: Callable[..., str]) -> None:
    page = (pages.DOCS / "how-to/search.md").read_text(encoding="utf-8")
    quoted = [line for line in page.splitlines() if line.startswith("| ") and line[2].isdigit()]
    printed = run_benchmark("power").splitlines()
    assert len(quoted) > 12
    assert [line for line in quoted if line not in printed] == []
