"""The page of several searches."""

from collections.abc import Sequence
from pathlib import Path

from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.search.tell.forest import forest
from cellprune.search.tell.rows import Row, rows


def write(path: Path, folders: Sequence[Path], *, left_out: Sequence[Path] = ()) -> list[Row]:
    """Write the page of several searches, and give what it tells.

    Args:
        left_out: searches that have no result yet; the page names them.
    """
    searches = rows(folders)
    values = {
        "rows": searches,
        "confidence": searches[0].confidence,
        "figure": source(forest(searches)),
        "left_out": left_out,
    }
    atomic.write_text(path, render("searches.html.jinja", values))
    return searches
