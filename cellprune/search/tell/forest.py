"""Every test of several searches in one picture, as trials are set beside each other: a row a tested ratio.

Source: Lewis and Clarke, Forest plots: trying to see the wood and the trees, BMJ 2001.
"""

from collections.abc import Sequence
from itertools import pairwise

from cellprune.report.drawing import GREEN, INK, ORANGE, PALE, RED, drawing, name_rows, svg
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.tell.rows import Row

COLOURS = {"not worse": GREEN, "undecided": ORANGE, "worse": RED}
_ROW = 0.25  # inches


def forest(rows: Sequence[Row]) -> str:
    """Draw the mean difference and the limits of every tested ratio, search by search, as SVG; one line without any."""
    labels: list[str] = []
    heads: list[int] = []
    with drawing(height=0.9 + _ROW * sum(1 + len(row.tested) for row in rows), columns=1) as (figure, (axes,)):
        axes.axvline(0, color=INK, linewidth=1.2)
        for row in rows:
            heads.append(len(labels))
            nothing = "" if row.tested else f": {row.verdict}"
            labels.append(f"{row.dataset}, {row.method}, {row.unit}{nothing}")
            for test in row.tested:
                colour, at = COLOURS[test.verdict], len(labels)
                axes.hlines(at, test.lower, test.upper, color=colour, linewidth=2.4)
                axes.plot([test.mean], [at], "o", color=colour, markersize=7)
                look = f", test round {test.look}" if test.look else ""
                labels.append(f"{as_ratio(test.ratio)} {row.gone}{look}")
        for row, (first, last) in zip(rows, pairwise([*heads, len(labels)]), strict=True):
            axes.fill_betweenx([first - 0.5, last - 0.5], -row.margin, 0, color=PALE, alpha=0.5, linewidth=0)
        name_rows(axes, labels)
        for head in heads:
            axes.get_yticklabels()[head].set_fontweight("bold")
        measures = {row.measure for row in rows}
        axes.set_xlabel(f"{measures.pop() if len(measures) == 1 else 'score'}, difference from the reference")
    return svg(figure)
