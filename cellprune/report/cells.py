"""Scores of cells as people read them, on pages and at a terminal."""

from typing import NamedTuple

from cellprune.evaluation.cells import CELL_SCORES, CellCount
from cellprune.report import formatting


class CellRow(NamedTuple):
    """One score: its name, its value with the counts behind it, and what it means."""

    label: str
    value: str
    meaning: str


def rows(total: CellCount) -> list[CellRow]:
    """Give every score of cells in the order of its table; "undefined" where nothing is to be judged."""
    return [CellRow(score.label, _shown(name, total), score.meaning) for name, score in CELL_SCORES.items()]


def found_of_true(total: CellCount) -> str:
    """Give "431 cells found, 444 true"."""
    return f"{total.found:,} cells found, {total.true:,} true"


def _shown(name: str, total: CellCount) -> str:
    score = CELL_SCORES[name]
    value = score.of(total)
    if value is None:
        return "undefined"
    if not score.is_fault:
        return f"{value:.4f}"
    part = score.part(total)
    return formatting.share(value) + (f" ({part:,} / {score.whole(total):,})" if isinstance(part, int) else "")
