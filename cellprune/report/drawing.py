"""How every figure is drawn: as SVG text, sharp at any zoom, readable for colour-blind eyes, the same every time."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

# Okabe and Ito's palette
BLUE, ORANGE, RED, GREEN, PURPLE, SKY = "#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"
INK, FAINT, PALE, GRID = "#1f2933", "#7b8794", "#cbd2d9", "#e4e7eb"
_LOG_FROM = 4  # times the smallest: from there on an even axis would press most points together
_LABEL = (14, 9)  # points: how far apart two labels of a digit or two must be, across and up
_WIDTH = 8.2  # inches, at 72 px an inch; a page shows it half as large again

_STYLE: Any = {  # Any: matplotlib types its keys one by one
    "svg.fonttype": "none",  # letters stay letters: selectable, in the reader's own font
    "svg.hashsalt": "cellprune",
    "font.family": ["sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # names come from outside: "$" is a letter
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


@contextmanager
def drawing(*, height: float, columns: int, share_y: bool = False) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure without any window system, drawn in this page's style and nobody else's."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.06))
        yield figure, list(figure.subplots(1, columns, squeeze=False, sharey=share_y)[0])


def svg(figure: Figure) -> str:
    """The figure as text, equal for equal content."""
    text = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return text.getvalue()


def beside(points: float) -> dict[str, Any]:
    """Where a short text stands: right of its point, by so many points."""
    return {"xytext": (points, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}


def name_points(axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Write a short label right of each point; where points lie close together, labels move up, none over another.

    Args:
        points: x, y and label of each.
    """
    unit = axes.figure.dpi / 72  # pixels of a point
    placed: list[tuple[float, float]] = []
    for x, y, label in sorted(points, key=lambda point: point[1]):
        across, own = axes.transData.transform((x, y)) / unit
        up = own
        for other, taken in sorted(placed, key=lambda at: at[1]):
            if abs(across - other) < _LABEL[0] and abs(up - taken) < _LABEL[1]:
                up = taken + _LABEL[1]
        placed.append((across, up))
        axes.annotate(label, (x, y), **{**beside(7), "xytext": (7, up - own)})


def or_gap(value: float | None) -> float:
    """An absent value as matplotlib leaves it out."""
    return float("nan") if value is None else value


def mark_epochs(axes: Axes, n: int) -> None:
    """Mark the epochs below a curve, with room for a word at its end."""
    axes.set_xlabel("epoch")
    axes.set_xlim(0, 1.1 * n + 1)
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True))


def spread_out(axes: Axes, values: Sequence[float]) -> None:
    """Give the x axis powers of ten where its values lie so far apart."""
    if max(values) > _LOG_FROM * min(values) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())


def dots(axes: Axes, row: int, values: Sequence[float], *, colour: str, mean_colour: str) -> None:
    """Draw one row of values as dots, and their mean as a bar."""
    # a fixed zigzag keeps dots of equal value apart
    zigzag = [row + 0.16 * (k % 3 - 1) for k in range(len(values))]
    axes.plot(values, zigzag, "o", color=colour, alpha=0.6, ms=6, mew=0)
    mean = sum(values) / len(values)
    axes.plot([mean, mean], [row - 0.34, row + 0.34], color=mean_colour, linewidth=2.4, solid_capstyle="butt")


def widen(axes: Axes, least: float) -> None:
    """Let the x axis span so much at least, so that differences of nothing do not look like some."""
    low, high = axes.get_xlim()
    if (missing := least - (high - low)) > 0:
        axes.set_xlim(low - missing / 2, high + missing / 2)


def name_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows of dots, the first at the top."""
    axes.set_yticks(range(len(labels)), list(labels))
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.04)
