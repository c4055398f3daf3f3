"""What fewer channels save: the table that is printed, and the page that shows what was kept of it."""

import json
from collections.abc import Callable
from types import ModuleType

import pages
import pytest


def test_ratios_are_of_the_dense_network_and_stand_beside_what_was_asked(
    benchmark: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    told = benchmark("shrunk").told
    rows = told("width 4", {"dense": 40.0, "flat": 10.0}, 0.3)
    assert [(row["network"], row["of_dense"], row["asked"]) for row in rows] == [
        ("dense", 1, None),
        ("flat", 0.25, 0.3),
    ]
    assert capsys.readouterr().out.splitlines()[2].split() == ["flat", "10.0", "0.250", "0.30"]
    assert [row["asked"] for row in told("a", {"dense": 4.0, "b": 1.0}, {"b": 0.7})] == [None, 0.7]


def test_the_page_shows_what_is_kept() -> None:
    rows = json.loads((pages.DOCS / "measurements/shrunk.json").read_text(encoding="utf-8"))["rows"]
    page = (pages.DOCS / "results/milliseconds.md").read_text(encoding="utf-8")
    for row in rows:
        shown = f"{row['ms']:.0f}" if row["network"] == "dense" else f"{row['of_dense']:.3f}"
        assert shown in page, row
