"""The figure of a sweep: a score over what is removed, over multiply-adds and over time; every dot leads to its run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from cellprune.report.drawing import FAINT, INK, PALE, drawing, svg
from cellprune.report.formatting import ratio as as_ratio
from cellprune.report.formatting import share as as_share
from cellprune.report.published import Curve
from cellprune.report.together.figures import colour, lap
from cellprune.tables.links import to_report
from cellprune.tables.result import Result
from cellprune.tables.standing import Standing

_LEAST_KEPT = 1e-4  # of the axis: what keeps less stands at its end
_WIDE = 8  # times: from there on places are marked by their logarithm
_CONTROL_LINES = ("dashed", "dotted", "dashdot")


@dataclass(frozen=True)
class _Line:
    """The arms of one method, or of one control of it, in the order of what they keep."""

    label: str
    colour: str
    style: str
    standings: Sequence[Standing]


@dataclass(frozen=True)
class _Axis:
    """What is drawn below.

    Attributes:
        title: what it is.
        at: where a run stands on it; None where it does not.
        shown: how a place on it is written.
        falls: whether it is drawn from its largest value to its smallest.
    """

    title: str
    at: Callable[[Result], float | None]
    shown: Callable[[float], str]
    falls: bool = False


def over_costs(
    standings: Sequence[Standing], score: str, label: str, folder: Path, published: Sequence[Curve] = ()
) -> str:
    """Draw a score over three costs, as SVG whose dots are links.

    Args:
        standings: of one model and target, the dense network among them.
        score, label: its name, and what it is called.
        folder: of the page.
        published: curves to set beside, over what is removed.
    """
    lines = _lines(standings)
    with drawing(height=3.9, columns=3, share_y=True) as (figure, panels):
        for axes, axis in zip(panels, _axes(standings), strict=True):
            for standing in standings:
                if standing.arm.is_dense:
                    _draw_dense(axes, standing, score)
            for line in lines:
                _draw(axes, axis, line, score, folder)
            _scale(axes, axis)
        for curve in published:
            own = next((line.colour for line in lines if line.label == curve.method), FAINT)
            kept = [max(_LEAST_KEPT, 1 - removed) for removed in curve.removed]
            panels[0].plot(kept, curve.values, color=own, linestyle=(0, (1, 1.5)), linewidth=1.2, marker="x",
                           markersize=4, label=f"{curve.method}, published")  # fmt: skip
        panels[0].set_ylabel(label)
        panels[0].set_ylim(*_span(standings, score, published))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, max(1, len(labels))))
    return svg(figure)


def _lines(standings: Sequence[Standing]) -> list[_Line]:
    pruned = [standing for standing in standings if not standing.arm.is_dense]
    criteria = list(dict.fromkeys(standing.arm.criterion for standing in pruned))
    controls = list(dict.fromkeys(standing.arm.control for standing in pruned if standing.arm.control))
    lines = []
    for criterion, control in dict.fromkeys((standing.arm.criterion, standing.arm.control) for standing in pruned):
        number = 1 + criteria.index(criterion)
        style = _CONTROL_LINES[controls.index(control) % len(_CONTROL_LINES)] if control else "solid"
        own = [s for s in pruned if (s.arm.criterion, s.arm.control) == (criterion, control) and s.results]
        if own:
            shade = colour(number) if lap(number) == 0 else FAINT
            lines.append(_Line(own[0].arm.label, shade, style, own))
    return lines


def _axes(standings: Sequence[Standing]) -> tuple[_Axis, ...]:
    dense = [result.milliseconds for s in standings if s.arm.is_dense for result in s.results]
    whole = median(dense) if dense else None

    def time(result: Result) -> float | None:
        share = result.cost.time_ratio
        return None if share is None or whole is None else share * whole

    return (
        _Axis("removed", lambda result: max(_LEAST_KEPT, 1 - result.sparsity), _removed, falls=True),
        _Axis("multiply-adds left", lambda result: result.cost.macs / result.cost.macs_dense, as_share),
        _Axis("milliseconds", time, lambda value: f"{value:.3g}"),
    )


def _removed(kept: float) -> str:
    return as_ratio(1 - kept) if kept <= 1 else ""


def _draw_dense(axes: Axes, standing: Standing, score: str) -> None:
    level, limits = standing.mean(score), standing.interval(score)
    if level is not None:
        axes.axhline(level, color=INK, linewidth=1.2, label="dense")
    if limits is not None:
        axes.axhspan(*limits, color=PALE, alpha=0.4, linewidth=0)


def _draw(axes: Axes, axis: _Axis, line: _Line, score: str, folder: Path) -> None:
    points: list[tuple[float, float, float, float]] = []
    for standing in line.standings:
        seeds = [
            (x, value, result.folder)
            for result in standing.results
            if (x := axis.at(result)) is not None and (value := result.score(score)) is not None
        ]
        if not seeds:
            continue
        xs, values = [x for x, _, _ in seeds], [value for _, value, _ in seeds]
        dots = axes.scatter(xs, values, s=16, color=line.colour, alpha=0.35, linewidths=0, zorder=3)
        dots.set_urls([to_report(run, folder) for _, _, run in seeds])
        low, high = standing.interval(score) or (mean(values), mean(values))
        points.append((mean(xs), mean(values), mean(values) - low, high - mean(values)))
    if not points:
        return
    at, level, below, above = ([point[k] for point in sorted(points)] for k in range(4))
    face = line.colour if line.style == "solid" else "white"
    axes.errorbar(at, level, yerr=(below, above), color=line.colour, linestyle=line.style, marker="o", markersize=5,
                  markerfacecolor=face, capsize=2, elinewidth=1.0, linewidth=1.4, label=line.label)  # fmt: skip


def _span(standings: Sequence[Standing], score: str, published: Sequence[Curve]) -> tuple[float, float]:
    """Give the range of what was measured, with room; intervals of few seeds may reach beyond it."""
    values = [value for standing in standings for value in standing.values(score)]
    values += [value for curve in published for value in curve.values]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max(0.01, 0.25 * (high - low))
    return max(-0.02, low - room), min(1.02, high + room)


def _scale(axes: Axes, axis: _Axis) -> None:
    axes.set_title(axis.title)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.3, high * 1.3)
    is_wide = axis.falls or high > _WIDE * low
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if is_wide else MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: axis.shown(value)))
    if axis.falls:
        axes.invert_xaxis()
