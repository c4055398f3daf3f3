"""search.html: one page with the answer, its evidence and its cost."""

from collections.abc import Callable, Mapping
from math import log2
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from cellprune.report.drawing import BLUE, FAINT, INK, PALE, drawing, svg
from cellprune.report.formatting import count, share
from cellprune.report.formatting import ratio as as_ratio
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.search.tell import looks
from cellprune.search.tell.answer import Answer, Network
from cellprune.search.tell.forest import COLOURS
from cellprune.search.tell.progress import where_timed
from cellprune.search.tell.sentences import sentences
from cellprune.search.tell.words import ours

_TIME = "time"
_COSTS: dict[str, Callable[[Network], float | None]] = {
    "parameters": lambda network: network.parameters,
    "multiply-adds": lambda network: network.macs,
    _TIME: lambda network: network.time_ratio,
}
_FAR_APART = 5  # from that factor on sizes stand on a logarithmic axis, and 1, 2 and 5 mark it


def write(path: Path, answer: Answer) -> None:
    """Write the page of a search."""
    values = {
        "answer": answer,
        "sentences": sentences(answer),
        "ours": ours(answer.settings),
        "where_timed": where_timed,
        "question": answer.question.model_dump(mode="json"),
        "config": answer.settings.model_dump(mode="json"),
        "looks": [looks.sentence(look) for look in answer.looks],
        "curve_figure": source(curve(answer)),
        "cost_figure": source(costs(answer)),
    }
    atomic.write_text(path, render("search.html.jinja", values))


def curve(answer: Answer) -> str:
    """Draw the score against the ratio: what the search saw, what was tested, and the reference with its margin."""
    reference = next((network for network in answer.networks if network.ratio == 0), None)
    level, measure, margin = reference.score if reference else 0.0, answer.words.measure, answer.question.margin
    ratios = sorted({probed.ratio for probed in answer.search} | {tested.ratio for tested in answer.confirmation})
    with drawing(height=3.4, columns=1) as (figure, (axes,)):
        axes.axhspan(level - margin, level, color=PALE, alpha=0.5, linewidth=0)
        axes.axhline(level, color=INK, linewidth=1.2)
        axes.annotate(f"{answer.words.reference}, and the margin below it", (1, level),
                      xycoords=("axes fraction", "data"),
                      xytext=(-4, 4), textcoords="offset points", ha="right", color=FAINT)  # fmt: skip
        for probed in answer.search:
            if probed.mean is not None:
                axes.errorbar(_position(probed.ratio), level + probed.mean, probed.standard_error or 0, color=FAINT,
                              marker="o", markerfacecolor="white", linewidth=1)  # fmt: skip
        for tested in answer.confirmation:
            if decision := tested.decision:
                x, colour = _position(tested.ratio), COLOURS[decision.verdict]
                axes.vlines(x, level + decision.lower, level + decision.upper, color=colour, linewidth=2.4)
                axes.plot([x], [level + decision.mean], "o", color=colour, markersize=7)
        if answer.ratio is not None:
            axes.axvline(_position(answer.ratio), color=BLUE, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xticks([_position(ratio) for ratio in ratios], [as_ratio(ratio) for ratio in ratios])
        axes.set_xlabel(f"share of {answer.words.unit} {answer.words.gone}")
        axes.set_ylabel(measure if reference else f"difference of {measure}")
        axes.grid(visible=False, axis="x")
        axes.margins(x=0.08)
    return svg(figure)


def costs(answer: Answer) -> str:
    """Draw the score over kept parameters, multiply-adds and time of every network of the confirmation.

    A control of which a training was hopeless is left out: the mean of the others would flatter it.
    """
    drawn = [network for network in answer.networks if not (network.control and network.hopeless)]
    with drawing(height=2.8, columns=3, share_y=True) as (figure, panels):
        for axes, (title, cost) in zip(panels, _COSTS.items(), strict=True):
            known = {network: value for network in drawn if (value := cost(network)) is not None}
            _draw_cost(axes, known, answer, is_share=title == _TIME)
            axes.set_title(f"time beside {answer.words.reference}" if title == _TIME else title)
        panels[0].set_ylabel(answer.words.measure)
    return svg(figure)


def _draw_cost(axes: Axes, costs: Mapping[Network, float], answer: Answer, *, is_share: bool) -> None:
    """Draw each network at its cost; those of the found ratio and of none are named, as the others lie close by."""
    ratio = answer.ratio
    highest = max((network.ratio for network in costs), default=0.0)
    named = {0.0, ratio if ratio is not None else highest}
    for network, cost in costs.items():
        at = (cost, network.score)
        if network.control:
            axes.plot(*at, "s", color=FAINT, markerfacecolor="white", markersize=5)
            axes.annotate(network.control.split("-")[0], at, xytext=(5, -3), textcoords="offset points", color=FAINT)
            continue
        plain = network.ratio in (0.0, ratio)
        colour = BLUE if network.ratio else INK
        axes.plot(*at, "o", color=colour, markerfacecolor=colour if plain else "white", markersize=6)
        if network.ratio in named:
            label = as_ratio(network.ratio) if network.ratio else answer.words.reference
            axes.annotate(label, at, xytext=(0, 6), textcoords="offset points", ha="center")
    values = list(costs.values())
    if is_share:
        axes.set_xlim(0, 1.3 * max(values, default=1))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        if values and max(values) > _FAR_APART * min(values):
            axes.set_xscale("log")
            is_wide = max(values) > _FAR_APART**2 * min(values)  # labels of 1, 2 and 5 would overlap
            axes.xaxis.set_major_locator(LogLocator(subs=(1,) if is_wide else (1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: count(round(value)))
    axes.margins(x=0.25, y=0.2)


def _position(ratio: float) -> float:
    """Where a ratio stands: evenly spaced on the grid, whose density falls by a constant factor."""
    return -2 * log2(1 - ratio)
