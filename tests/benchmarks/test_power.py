"""What a confirmation can show: the page quotes what the program prints."""

from collections.abc import Callable

import pages


def test_the_page_has_the_tables_of_the_program(run_benchmark: Callable[..., str]) -> None:
    page = (pages.DOCS / "how-to/search.md").read_text(encoding="utf-8")
    rows = [line for line in run_benchmark("power").splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) > 12
    missing = [row for row in rows if row.replace(" – |", "") not in page and "0.02 |" not in row]
    assert not missing
