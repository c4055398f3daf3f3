"""The page of a bench: one picture of score over milliseconds, the table, and whether pruning helped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from cellprune.bench.bench import Bench
from cellprune.bench.row import Row
from cellprune.report.drawing import BLUE, FAINT, GREEN, GRID, ORANGE, beside, drawing, spread_out, svg
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.wording import shortened

_ENGINES = {"torch": (BLUE, "o"), "onnx": (ORANGE, "s"), "openvino": (GREEN, "^")}
_FILL: Any = {"fp32": "full", "bf16": "none", "int8": "left"}
_LEAST_SPREAD = 0.03  # of the axis of scores: less is between seeds
_HEIGHT = 3.8  # inches
_LONGEST_NAME = 26  # signs; the table has the whole name
Points = Sequence[tuple[Row, float]]  # each with its score
_LINE = 12 / (72 * 0.75 * _HEIGHT)  # of the height of the axes, that a name takes


def write(path: Path, bench: Bench) -> None:
    """Write the page; what is there is replaced."""
    drawn = [row for row in bench.rows if row.comparable]
    names = list(dict.fromkeys(row.network for row in bench.rows))
    told = {
        **vars(bench),
        "figure": source(picture(drawn, names)) if drawn else None,
        "names": names,
        "has_seg": any(row.seg is not None for row in bench.rows),
    }
    atomic.write_text(path, render("bench.html.jinja", told))


def picture(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Draw SEG, where it is known, and mean IoU over milliseconds: a point for each row, a line for each network.

    Args:
        rows: whose scores are comparable.
        names: of all networks, numbered in this order.
    """
    of_cells = [(row, row.seg) for row in rows if row.seg is not None]
    panels = {"SEG": of_cells} if of_cells else {}
    panels["Mean IoU over the held-out images, native size" if not of_cells else "Mean IoU, native size"] = [
        (row, row.score) for row in rows if row.score is not None
    ]
    with drawing(height=_HEIGHT, columns=len(panels)) as (figure, drawn):
        for axes, (title, points) in zip(drawn, panels.items(), strict=True):
            _draw(axes, points)
            _name(axes, points, names, _LONGEST_NAME // len(panels))
            axes.set_title(title)
            axes.set_xlabel("milliseconds per image")
        for engine, precision in dict.fromkeys((row.engine, row.precision) for row in rows):
            colour, marker = _ENGINES[engine]
            drawn[0].plot([], [], marker, color=colour, fillstyle=_FILL[precision], label=f"{engine} {precision}")
        drawn[0].legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=3)
    return svg(figure)


def _draw(axes: Axes, points: Points) -> None:
    spread_out(axes, [row.milliseconds for row, _ in points])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for row, score in points:
        colour, marker = _ENGINES[row.engine]
        style: Any = {"color": colour, "fillstyle": _FILL[row.precision], "markersize": 8, "zorder": 3}
        axes.plot(row.milliseconds, score, marker, **style)
    axes.margins(x=0.08, y=0.16)
    low, high = axes.get_ylim()
    missing = max(0.0, _LEAST_SPREAD - (high - low))
    axes.set_ylim(low - missing / 2, high + missing / 2)


def _name(axes: Axes, points: Points, names: Sequence[str], longest: int) -> None:
    """Join the points of each network by a line and write its name at the slowest, names of like scores apart."""
    by_name: dict[str, list[tuple[float, float]]] = {}
    for row, score in points:
        by_name.setdefault(row.network, []).append((row.milliseconds, score))
    low, high = axes.get_ylim()
    at = -1.0
    for name, own in sorted(by_name.items(), key=lambda one: one[1][0][1]):
        (first, score), (last, _) = min(own), max(own)
        axes.plot([first, last], [score, score], color=GRID, linewidth=2.2, zorder=1)
        here = (score - low) / (high - low)
        at = max(here, at + _LINE)
        lifted = {"xytext": (9, 72 * 0.75 * _HEIGHT * (at - here))}
        axes.annotate(
            _short(names.index(name) + 1, name, longest), (last, score), **beside(9) | lifted,
            color=FAINT if at > here else "black",
        )  # fmt: skip


def _short(number: int, name: str, longest: int) -> str:
    """Give the number and the beginning of a name: longer ones leave no room for the points."""
    return f"{number}: {shortened(name.partition(',')[0], longest)}"
