"""Scores over milliseconds: the page quotes what the program prints."""

from collections.abc import Callable

import pages


def test_the_page_has_the_tables_of_the_program(run_benchmark: Callable[..., str]) -> None:
    page = (pages.DOCS / "results/milliseconds.md").read_text(encoding="utf-8")
    quoted = [line for line in page.split("### How to read it")[0].splitlines() if line.startswith("| ")]
    file = pages.DOCS / "measurements/evidence.json"
    before = file.read_bytes()
    printed = run_benchmark("evidence", file).splitlines()
    assert len(quoted) > 50
    assert [line for line in quoted if line not in printed] == []
    assert file.read_bytes() == before, "nothing new, so nothing changes"
