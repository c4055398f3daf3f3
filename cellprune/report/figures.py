"""The report's figures as SVG text: small, sharp at any zoom, readable for colour-blind eyes, the same every time."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, RED = "#0072b2", "#e69f00", "#d55e00"  # Okabe and Ito's palette
INK, FAINT, PALE, GRID = "#1f2933", "#7b8794", "#cbd2d9", "#e4e7eb"
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

_CURVES = {
    "iou_image_mean": ("all classes", BLUE, "o"),
    "iou_cell_image_mean": ("cells", ORANGE, "s"),
}


def curves(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Draw the loss, and the held-out IoU, over the epochs.

    Args:
        metrics: rows of metrics.csv; scores are None in epochs that were not evaluated.
    """
    epochs = range(1, len(metrics) + 1)  # of all stages, one after the other
    with _drawing(height=2.9, columns=2) as (figure, (loss, iou)):
        loss.plot(epochs, [_or_gap(row.get("loss")) for row in metrics], color=INK)
        loss.set_title("Training loss")
        for name, (label, colour, marker) in _CURVES.items():
            known = [(e, row[name]) for e, row in zip(epochs, metrics, strict=True) if row.get(name) is not None]
            if known:
                iou.plot(*zip(*known, strict=True), color=colour, marker=marker, markersize=4, label=label)
                iou.annotate(f"{known[-1][1]:.3f}", known[-1], **_beside(6))
        iou.set_title("Held-out IoU")
        if iou.lines:
            iou.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2, handlelength=1.6)
        for axes in (loss, iou):
            axes.set_xlabel("epoch")
            axes.set_xlim(0, 1.1 * len(metrics) + 1)
            axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True))
    return _svg(figure)


def spread(scores: Mapping[str, Sequence[float]]) -> str:
    """Draw every held-out image's IoU as a dot, one row a size, with the mean as a bar.

    Args:
        scores: label of the row -> IoU of each image.
    """
    rows = {label: values for label, values in scores.items() if values}
    with _drawing(height=0.55 + 0.42 * len(rows), columns=1) as (figure, (axes,)):
        for y, values in enumerate(rows.values()):
            # a fixed zigzag keeps dots of equal score apart
            axes.plot(
                values, [y + 0.16 * (k % 3 - 1) for k in range(len(values))], "o", color=BLUE, alpha=0.6, ms=6, mew=0
            )
            mean = sum(values) / len(values)
            axes.plot([mean, mean], [y - 0.34, y + 0.34], color=RED, linewidth=2.4, solid_capstyle="butt")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.04)
    return _svg(figure)


def layers(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw what was pruned where and where the work is: one line a layer, the input at the top.

    Args:
        rows: the layers of cost.json. Where all is kept, the work alone is drawn.
    """
    pruned = any(row["kept"] < row["weights"] for row in rows)
    with _drawing(height=0.9 + 0.21 * len(rows), columns=1 + pruned, share_y=True) as (figure, panels):
        if pruned:
            _draw_kept(panels[0], rows)
        _draw_work(panels[-1], rows, pruned)
        panels[0].set_yticks(range(len(rows)), [row["name"].removesuffix(".weight") for row in rows])
        panels[0].set_ylim(len(rows) - 0.4, -1.4 if pruned else -0.6)  # an empty line on top, for the words
        for axes in panels:
            axes.grid(visible=False, axis="y")
            axes.tick_params(axis="y", length=0)
            axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    return _svg(figure)


def _draw_kept(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    shares = [row["kept"] / row["weights"] for row in rows]
    overall = sum(row["kept"] for row in rows) / sum(row["weights"] for row in rows)
    lowest = min((share for share in shares if share > 0), default=1.0)
    edge = 0.5 * lowest if lowest < 0.1 else 0.0
    if edge:  # shares that differ by powers of ten, on a scale of such
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(lambda share, _: "")
    for place, share in enumerate(shares):
        if share > 0:
            axes.hlines(place, edge, share, color=GRID, linewidth=2.2)
            axes.plot([share], [place], "o", color=BLUE, markersize=6, clip_on=False)
        else:
            axes.annotate("× all pruned", (edge, place), **_beside(5), color=RED)
    axes.axvline(overall, color=ORANGE, linewidth=1.5, linestyle=(0, (4, 2)))
    axes.annotate(f"all layers {100 * overall:.3g} %", (overall, -0.9), **_beside(4))
    axes.set_xlim(edge, 1)
    axes.set_title("Weights kept in each layer")


def _draw_work(axes: Axes, rows: Sequence[Mapping[str, Any]], pruned: bool) -> None:
    total = sum(row["macs"] for row in rows) or 1
    places = range(len(rows))
    axes.barh(places, [row["macs"] / total for row in rows], color=PALE if pruned else BLUE, height=0.62, label="dense")
    if pruned:
        axes.barh(places, [row["macs_kept"] / total for row in rows], color=BLUE, height=0.62, label="kept")
        axes.legend(loc="upper right", ncols=2, borderaxespad=0)
    axes.set_title("Share of the dense network's multiply-adds")


@contextmanager
def _drawing(*, height: float, columns: int, share_y: bool = False) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure without any window system, drawn in this page's style and nobody else's."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.06))
        yield figure, list(figure.subplots(1, columns, squeeze=False, sharey=share_y)[0])


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return text.getvalue()


def _beside(points: float) -> dict[str, Any]:
    """Where a short text stands: right of its point, by so many points."""
    return {"xytext": (points, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}


def _or_gap(value: float | None) -> float:
    return float("nan") if value is None else value
