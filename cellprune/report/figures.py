"""The figures of one run."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from cellprune.report.drawing import (
    BLUE,
    GRID,
    INK,
    ORANGE,
    PALE,
    RED,
    beside,
    dots,
    drawing,
    mark_epochs,
    name_rows,
    or_gap,
    svg,
    widen,
)  # fmt: skip
from cellprune.runs.metrics import Epoch
from cellprune.structure.counts import Layer

_LINES = ((BLUE, "o"), (ORANGE, "s"))
_LEAST_SPREAD = 0.05  # of an axis of IoU: less than that is between near copies
_MOST_CLASSES = 20  # whose names and shares are readable in one figure


def curves(history: Sequence[Epoch], scores: Mapping[str, str], *, title: str) -> str:
    """Draw the loss, and scores of the held-out part, over the epochs.

    Args:
        history: what came of each epoch, of all stages one after the other.
        scores: name -> what it is called; one or two.
        title: of the scores.
    """
    epochs = range(1, len(history) + 1)
    with drawing(height=2.9, columns=2) as (figure, (loss, judged)):
        loss.plot(epochs, [row.loss for row in history], color=INK)
        loss.set_title("Training loss")
        ends: list[tuple[int, float]] = []
        for (name, label), (colour, marker) in zip(scores.items(), _LINES, strict=False):
            known = [(e, s) for e, row in zip(epochs, history, strict=True) if (s := row.scores.get(name)) is not None]
            if known:
                judged.plot(*zip(*known, strict=True), color=colour, marker=marker, markersize=4, label=label)
                ends.append(known[-1])
        for at, end in enumerate(sorted(ends, key=lambda end: end[1])):  # apart, since the ends may lie on each other
            judged.annotate(f"{end[1]:.3f}", end, **beside(6) | {"xytext": (6, 10 * at - 5 * (len(ends) - 1))})
        judged.set_title(title)
        if len(scores) > 1 and judged.lines:
            judged.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2, handlelength=1.6)
        for axes in (loss, judged):
            mark_epochs(axes, len(history))
    return svg(figure)


def sparsity(history: Sequence[Epoch]) -> str | None:
    """Draw the share of weights removed at the end of each epoch; None where it never changed, or nobody wrote it."""
    removed = [epoch.sparsity for epoch in history]
    if len(set(removed)) < 2:
        return None
    with drawing(height=1.9, columns=1) as (figure, (axes,)):
        axes.step(range(1, len(removed) + 1), [or_gap(share) for share in removed], where="mid", color=BLUE)
        if removed[-1] is not None:
            axes.annotate(f"{100 * removed[-1]:.3g} %", (len(removed), removed[-1]), **beside(6))
        axes.set_title("Weights removed")
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        mark_epochs(axes, len(removed))
    return svg(figure)


def spread(scores: Mapping[str, Sequence[float]]) -> str:
    """Draw every held-out image's IoU as a dot, one row per size, with the mean as a bar.

    Args:
        scores: label of the row -> IoU of each image.
    """
    known = {label: values for label, values in scores.items() if values}
    with drawing(height=0.55 + 0.42 * len(known), columns=1) as (figure, (axes,)):
        for row, values in enumerate(known.values()):
            dots(axes, row, values, colour=BLUE, mean_colour=RED)
        name_rows(axes, list(known))
        widen(axes, _LEAST_SPREAD)
    return svg(figure)


def confusion(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Draw what each class's images were taken for: one row per class, in shares of the row.

    Args:
        names: of the classes.
        counts: [true class][class it was taken for] -> number of images.
    """
    shares = [[n / sum(row) if sum(row) else 0.0 for n in row] for row in counts]
    readable = len(names) <= _MOST_CLASSES
    with drawing(height=1.0 + (0.34 * len(names) if readable else 6.0), columns=1) as (figure, (axes,)):
        axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("shares", ["#ffffff", BLUE]), vmin=0, vmax=1)
        axes.set_aspect("auto" if readable else "equal")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.set_title("taken for")
        axes.xaxis.tick_top()
        if readable:
            axes.set_xticks(range(len(names)), list(names), rotation=35, ha="left")
            axes.set_yticks(range(len(names)), list(names))
            for row, values in enumerate(shares):
                for column, value in enumerate(values):
                    if value >= 0.005:
                        colour = "white" if value > 0.5 else INK
                        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
    return svg(figure)


def layers(rows: Sequence[Layer], *, by_channel: bool = False) -> str:
    """Draw what was pruned where and where the work is: one line per layer, the input at the top.

    Args:
        rows: the layers of cost.json. Where all is kept, the work alone is drawn.
        by_channel: whether whole channels were removed: these are drawn and counted then, in the place of weights.
    """
    pruned = any(row.kept < row.weights for row in rows)
    with drawing(height=0.9 + 0.21 * len(rows), columns=1 + pruned, share_y=True) as (figure, panels):
        if pruned:
            _draw_kept(panels[0], rows, by_channel)
        _draw_work(panels[-1], rows, pruned)
        panels[0].set_yticks(range(len(rows)), [row.name.removesuffix(".weight") for row in rows])
        panels[0].set_ylim(len(rows) - 0.4, -1.4 if pruned else -0.6)  # an empty line on top, for the words
        for axes in panels:
            axes.grid(visible=False, axis="y")
            axes.tick_params(axis="y", length=0)
            axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    return svg(figure)


def _draw_kept(axes: Axes, rows: Sequence[Layer], by_channel: bool) -> None:
    counted = [(row.channels_kept or 0, row.channels or 1) if by_channel else (row.kept, row.weights) for row in rows]
    shares = [kept / whole for kept, whole in counted]
    overall = sum(kept for kept, _ in counted) / sum(whole for _, whole in counted)
    lowest = min((share for share in shares if share > 0), default=1.0)
    edge = 0.5 * lowest if lowest < 0.1 else 0.0
    if edge:  # shares that differ by powers of ten, on a scale of such
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(lambda share, _: "")
    for row, share in enumerate(shares):
        if share > 0:
            axes.hlines(row, edge, share, color=GRID, linewidth=2.2)
            axes.plot([share], [row], "o", color=BLUE, markersize=6, clip_on=False)
            if by_channel:
                axes.annotate("{} of {}".format(*counted[row]), (1, row), **beside(8))
        else:
            axes.annotate("× all pruned", (edge, row), **beside(5), color=RED)
    axes.axvline(overall, color=ORANGE, linewidth=1.5, linestyle=(0, (4, 2)))
    axes.annotate(f"all layers {100 * overall:.3g} %", (overall, -0.9), **beside(4))
    axes.set_xlim(edge, 1)
    axes.set_title(f"{'Channels' if by_channel else 'Weights'} kept in each layer")


def _draw_work(axes: Axes, rows: Sequence[Layer], pruned: bool) -> None:
    total = sum(row.macs for row in rows) or 1
    axes.barh(
        range(len(rows)), [row.macs / total for row in rows], color=PALE if pruned else BLUE, height=0.62, label="dense"
    )
    if pruned:
        axes.barh(range(len(rows)), [row.macs_kept / total for row in rows], color=BLUE, height=0.62, label="kept")
        axes.legend(loc="upper right", ncols=2, borderaxespad=0)
    axes.set_title("Share of all multiply-adds")
