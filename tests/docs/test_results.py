"""The page of results says what was measured."""

import sys

import pages
import pytest


def test_the_tables_are_those_of_the_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(pages.DOCS.parent / "benchmarks"), *sys.path])
    results = pytest.importorskip("results")
    page = (pages.DOCS / "results.md").read_text(encoding="utf-8")
    assert results.with_tables(page) == page, "run benchmarks/results.py"
    assert "ANSWER" not in page
