"""The figures of several runs: runs of the same settings share a colour, and the reference is black."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from cellprune.report.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    dots,
    drawing,
    mark_epochs,
    name_points,
    name_rows,
    spread_out,
    svg,
)  # fmt: skip
from cellprune.report.together.group import Folded
from cellprune.runs.metrics import Epoch

_COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
_LINES = ("solid", "dashed", "dotted")


def colour(variant: int) -> str:
    """Give the colour of the runs with the same settings, counted from the reference's 0."""
    return INK if variant == 0 else _COLOURS[(variant - 1) % len(_COLOURS)]


def lap(variant: int) -> int:
    """Count how often the colours were used up before these settings: lines are then dashed, marks hollow."""
    return max(0, variant - 1) // len(_COLOURS)


def curves(runs: Sequence[tuple[int, Sequence[Epoch]]], score: str, title: str) -> str:
    """Draw the loss and a score of all runs.

    Args:
        runs: of each, the number of its settings and what came of each epoch.
        score: its name there.
        title: what the score is called.
    """
    with drawing(height=3.3, columns=2) as (figure, (loss, judged)):
        for variant, history in runs:
            style: Any = {
                "color": colour(variant),
                "linestyle": _LINES[lap(variant) % len(_LINES)],
                "linewidth": 1.4,
            }
            loss.plot(range(1, len(history) + 1), [row.loss for row in history], **style)
            known = {at: value for at, row in enumerate(history, 1) if (value := row.scores.get(score)) is not None}
            judged.plot(list(known), list(known.values()), **style, marker="o", markersize=2.5)
        loss.set_title("Training loss")
        if all(row.loss > 0 for _, history in runs for row in history):
            loss.set_yscale("log")  # late epochs differ by little of what the first ones did
            loss.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            loss.yaxis.set_major_formatter("{x:g}")
            loss.yaxis.set_minor_locator(NullLocator())
        judged.set_title(title)
        for axes in (loss, judged):
            mark_epochs(axes, max((len(history) for _, history in runs), default=0))
    return svg(figure)


def differences(rows: Sequence[tuple[str, int, Sequence[float]]], score: str) -> str:
    """Draw every difference as a dot, one row per run, with the mean as a bar and a line at zero.

    Args:
        rows: label, number of the settings, differences; a row without any stays empty.
        score: what differs.
    """
    with drawing(height=0.75 + 0.36 * len(rows), columns=1) as (figure, (axes,)):
        axes.axvline(0, color=FAINT, linewidth=1.2)
        for row, (_, variant, values) in enumerate(rows):
            if values:
                dots(axes, row, values, colour=colour(variant), mean_colour=INK)
        name_rows(axes, [label for label, _, _ in rows])
        widest = max((abs(value) for _, _, values in rows for value in values), default=0) or 1e-3
        axes.set_xlim(-1.08 * widest, 1.08 * widest)
        axes.set_xlabel(f"worse   ←   difference of {score}   →   better")
    return svg(figure)


def over_cost(
    rows: Sequence[tuple[Folded, float]], scores: Mapping[str, str], cost: str, shown: Callable[[float], str]
) -> str:
    """Draw scores over a cost, one panel each: a point for each row, with its interval, and a faint dot for each seed.

    Args:
        rows: each with its cost.
        scores: name of the score -> title of its panel.
        cost: what it is called.
        shown: one value of it, in few letters.
    """
    with drawing(height=3.1, columns=len(scores)) as (figure, panels):
        for axes, (name, title) in zip(panels, scores.items(), strict=True):
            for row, at in rows:
                _draw_seeds(axes, at, row, name)
            spread_out(axes, [at for _, at in rows])
            axes.xaxis.set_major_formatter(lambda value, _: shown(value))
            axes.margins(x=0.1, y=0.12)
            axes.set_title(title)
            axes.set_xlabel(cost)
        figure.draw_without_rendering()  # sets the panels' places, by which labels are kept apart
        for axes, name in zip(panels, scores, strict=True):
            means = [(row.scores[name].mean, at, str(row.runs[0])) for row, at in rows]
            name_points(axes, [(at, mean, label) for mean, at, label in means if mean is not None])
    return svg(figure)


def _draw_seeds(axes: Axes, at: float, row: Folded, name: str) -> None:
    seeds, own = row.scores[name], colour(row.variant)
    if seeds.mean is None:
        return
    if len(seeds.by_seed) > 1:
        axes.plot([at] * len(seeds.by_seed), list(seeds.by_seed.values()), "o", color=own, alpha=0.35, ms=4, mew=0)
    if seeds.interval:
        axes.plot([at, at], seeds.interval, color=own, linewidth=1.4)
    fill = "none" if lap(row.variant) else own
    axes.plot([at], [seeds.mean], "o", color=own, markerfacecolor=fill, ms=8, zorder=3)
