"""The page of a bench: one picture of score over milliseconds, the table, and whether pruning helped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from cellprune.bench.bench import Bench
from cellprune.bench.row import Row
from cellprune.report.drawing import BLUE, FAINT, GREEN, GRID, ORANGE, beside, drawing, or_gap, svg
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.wording import shortened

_ENGINES = {"torch": (BLUE, "o"), "onnx": (ORANGE, "s"), "openvino": (GREEN, "^")}
_FILL: Any = {"fp32": "full", "bf16": "none", "int8": "left"}
_LOG_FROM = 4  # times the fastest: from there on an even axis would press most points together
_LEAST_SPREAD = 0.03  # of the axis of scores: less is between seeds
_HEIGHT = 3.8  # inches
_LONGEST_NAME = 26  # signs; the table has the whole name
_LINE = 12 / (72 * 0.75 * _HEIGHT)  # of the height of the axes, that a name takes


def write(path: Path, bench: Bench) -> None:
    """Write the page; what is there is replaced."""
    drawn = [row for row in bench.rows if row.comparable]
    names = list(dict.fromkeys(row.network for row in bench.rows))
    told = {
        **vars(bench),
        "figure": source(picture(drawn, names)) if drawn else None,
        "names": names,
    }
    atomic.write_text(path, render("bench.html.jinja", told))


def picture(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Draw score over milliseconds: a point for each row, a line and a name for each network.

    Args:
        rows: whose scores are comparable.
        names: of all networks, numbered in this order.
    """
    with drawing(height=_HEIGHT, columns=1) as (figure, (axes,)):
        times = [row.milliseconds for row in rows]
        if max(times) > _LOG_FROM * min(times):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        for row in rows:
            colour, marker = _ENGINES[row.engine]
            style: Any = {"color": colour, "fillstyle": _FILL[row.precision], "markersize": 8, "zorder": 3}
            axes.plot(row.milliseconds, or_gap(row.score), marker, **style)
        axes.margins(x=0.08, y=0.16)
        low, high = axes.get_ylim()
        missing = max(0.0, _LEAST_SPREAD - (high - low))
        axes.set_ylim(low - missing / 2, high + missing / 2)
        _name(axes, rows, names)
        for engine, precision in dict.fromkeys((row.engine, row.precision) for row in rows):
            colour, marker = _ENGINES[engine]
            axes.plot([], [], marker, color=colour, fillstyle=_FILL[precision], label=f"{engine} {precision}")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
        axes.set_title("Mean IoU over the held-out images, native size")
        axes.set_xlabel("milliseconds per image")
    return svg(figure)


def _name(axes: Axes, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Join the points of each network by a line and write its name at the slowest, names of like scores apart."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.network, []).append(row)
    low, high = axes.get_ylim()
    at = -1.0
    for name, own in sorted(by_name.items(), key=lambda one: one[1][0].score or 0.0):
        ends = sorted(own, key=lambda row: row.milliseconds)
        score = ends[-1].score or 0.0
        axes.plot([ends[0].milliseconds, ends[-1].milliseconds], [score, score], color=GRID, linewidth=2.2, zorder=1)
        here = (score - low) / (high - low)
        at = max(here, at + _LINE)
        lifted = {"xytext": (9, 72 * 0.75 * _HEIGHT * (at - here))}
        axes.annotate(
            _short(names.index(name) + 1, name), (ends[-1].milliseconds, score), **beside(9) | lifted,
            color=FAINT if at > here else "black",
        )  # fmt: skip


def _short(number: int, name: str) -> str:
    """Give the number and the beginning of a name: longer ones leave no room for the points."""
    return f"{number}: {shortened(name.partition(',')[0], _LONGEST_NAME)}"
