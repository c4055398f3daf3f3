"""search.html: one page with the answer, its evidence and its cost, from the content of search.json alone."""

from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from cellprune.report.drawing import BLUE, FAINT, INK, PALE, drawing, svg
from cellprune.report.formatting import count, share
from cellprune.report.formatting import ratio as as_ratio
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.search.tell import sentences
from cellprune.search.tell.forest import COLOURS

_FAR_APART = 5  # from that factor on sizes stand on a logarithmic axis, and 1, 2 and 5 mark it


def write(path: Path, answer: Mapping[str, Any]) -> None:
    """Write the page of a search.

    Args:
        answer: the content of search.json.
    """
    figures = {"curve_figure": source(curve(answer)), "cost_figure": source(costs(answer))}
    looks = [sentences.look(look) for look in answer["looks"]]
    atomic.write_text(path, render("search.html.jinja", {"found": answer, "looks": looks, **figures}))


def curve(answer: Mapping[str, Any]) -> str:
    """Draw the score against the ratio: what the search saw, what was tested, and the reference with its margin."""
    reference = next((network for network in answer["networks"] if network["ratio"] == 0), None)
    level, measure = reference["score"] if reference else 0.0, answer["words"]["measure"]
    margin = answer["question"]["margin"]
    ratios = sorted({entry["ratio"] for part in ("search", "confirmation") for entry in answer[part]})
    with drawing(height=3.4, columns=1) as (figure, (axes,)):
        axes.axhspan(level - margin, level, color=PALE, alpha=0.5, linewidth=0)
        axes.axhline(level, color=INK, linewidth=1.2)
        axes.annotate("unpruned, and the margin below it", (1, level), xycoords=("axes fraction", "data"),
                      xytext=(-4, 4), textcoords="offset points", ha="right", color=FAINT)  # fmt: skip
        for probe in answer["search"]:
            if probe["mean"] is not None:
                axes.errorbar(_place(probe["ratio"]), level + probe["mean"], probe["standard_error"] or 0, color=FAINT,
                              marker="o", markerfacecolor="white", linewidth=1)  # fmt: skip
        for claim in answer["confirmation"]:
            if "mean" in claim:
                x, colour = _place(claim["ratio"]), COLOURS[claim["verdict"]]
                axes.vlines(x, level + claim["lower"], level + claim["upper"], color=colour, linewidth=2.4)
                axes.plot([x], [level + claim["mean"]], "o", color=colour, markersize=7)
        if answer["ratio"] is not None:
            axes.axvline(_place(answer["ratio"]), color=BLUE, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xticks([_place(ratio) for ratio in ratios], [as_ratio(ratio) for ratio in ratios])
        axes.set_xlabel(f"share of {answer['words']['unit']} removed")
        axes.set_ylabel(measure if reference else f"difference of {measure}")
        axes.grid(visible=False, axis="x")
        axes.margins(x=0.08)
    return svg(figure)


def costs(answer: Mapping[str, Any]) -> str:
    """Draw the score over kept parameters, multiply-adds and time of every network of the confirmation.

    A control of which a training was hopeless is left out: the mean of the others would flatter it.
    """
    drawn = [network for network in answer["networks"] if not (network["control"] and network["hopeless"])]
    with drawing(height=2.8, columns=3, share_y=True) as (figure, panels):
        for axes, (key, title) in zip(
            panels,
            (("parameters", "kept parameters"), ("macs", "multiply-adds left"), ("time_ratio", "time beside unpruned")),
            strict=True,
        ):
            _draw_cost(axes, [network for network in drawn if network[key] is not None], key, answer["ratio"])
            axes.set_title(title)
        panels[0].set_ylabel(answer["words"]["measure"])
    return svg(figure)


def _draw_cost(axes: Axes, networks: Sequence[Mapping[str, Any]], key: str, found: float | None) -> None:
    highest = max((network["ratio"] for network in networks), default=0.0)
    named = {0.0, found if found is not None else highest}  # the others lie close beside them
    for network in networks:
        at = (network[key], network["score"])
        if network["control"]:
            axes.plot(*at, "s", color=FAINT, markerfacecolor="white", markersize=5)
            axes.annotate(network["control"].split("-")[0], at, xytext=(5, -3), textcoords="offset points", color=FAINT)
            continue
        plain = network["ratio"] in (0.0, found)
        colour = BLUE if network["ratio"] else INK
        axes.plot(*at, "o", color=colour, markerfacecolor=colour if plain else "white", markersize=6)
        if network["ratio"] in named:
            label = as_ratio(network["ratio"]) if network["ratio"] else "unpruned"
            axes.annotate(label, at, xytext=(0, 6), textcoords="offset points", ha="center")
    values = [network[key] for network in networks]
    if key == "time_ratio":
        axes.set_xlim(0, 1.3 * max(values, default=1))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        if values and max(values) > _FAR_APART * min(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: count(round(value)))
    axes.margins(x=0.25, y=0.2)


def _place(ratio: float) -> float:
    """Where a ratio stands: evenly spaced on the grid, whose density falls by a constant factor."""
    return -2 * log2(1 - ratio)
