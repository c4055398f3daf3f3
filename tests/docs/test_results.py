"""The pages of results say what was measured."""

import sys

import pages
import pytest


def test_the_tables_are_those_of_the_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(pages.DOCS.parent / "benchmarks"), *sys.path])
    results = pytest.importorskip("results")
    for name, tables in results.PAGES.items():
        page = (pages.DOCS / name).read_text(encoding="utf-8")
        assert results.with_tables(page, tables()) == page, "run benchmarks/results.py"
        assert "ANSWER" not in page
