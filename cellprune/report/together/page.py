"""One page that sets several runs side by side, made from the runs' files alone."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellprune.report import sentences
from cellprune.report.finished import Record, needed, read
from cellprune.report.template import render, source
from cellprune.report.together import figures
from cellprune.report.together.comparison import compare
from cellprune.runs import atomic

_FAINTEST = 1e-3  # share kept of a layer that is not tinted any more


def write(
    runs: Sequence[Path], output: Path, *, reference: Path | None = None, left_out: Sequence[Path] = ()
) -> list[dict[str, Any]]:
    """Compare finished runs and write the page.

    Args:
        runs: their folders.
        output: the page's path; what is there is replaced.
        reference: the run that its kind is compared with, perhaps one more than `runs`; see `comparison.compare`.
        left_out: runs that are not at their end; the page names them.
    Returns:
        The numbers of the page, as `comparison.compare` gives them.
    Raises:
        CellpruneError: a run is named twice, not finished, damaged, or no run.
    """
    added = [reference] if reference and not any(_same(path, reference) for path in runs) else []
    records = read([*runs, *added])
    wanted = next((record for record in records if reference and _same(record.path, reference)), None)
    with needed("these runs"):
        groups = compare(records, wanted)
        html = render(
            "comparison.html.jinja",
            {
                "groups": _titled([_told(group, records) for group in groups]),
                "n_runs": len(records),
                "left_out": left_out,
            },
        )
    atomic.write_text(output, html)
    return groups


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _told(group: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """What the page tells of a group: its numbers, and the figures and words made of them."""
    runs = group["runs"]
    by_path = {str(record.path): record for record in records}
    shown = [by_path[run["path"]] for run in runs]
    results, sizes = shown[0].results, _sizes(runs)
    size = next(size for size, name in sizes.items() if name)  # of the figure: all are compared at it
    compared = [run for run in runs if run["differences"]]
    return {
        **group,
        "words": results.together,
        "apart": shown[0].judged.apart,
        "scope": shown[0].judged.scope,
        "notes": sentences.pairing(group),
        "over_seeds": sentences.seeds(group["seeds"]),
        "seed_columns": sorted({seed["seed"] for row in group["seeds"] for seed in row["seeds"]}),
        "sizes": {size: name or "network's size" for size, name in sizes.items()},
        "figure_size": size,
        "colours": {run["number"]: figures.colour(run["variant"]) for run in runs},
        "hollow": {run["number"] for run in runs if figures.lap(run["variant"])},
        "scores": list(dict.fromkeys(label for run in runs for label in run["scores"])),
        "differences": _differences(compared, size),
        "pruned": [run for run in runs if by_path[run["path"]].masks],
        "tints": [[_tint(share) for share in row["kept"]] for row in group["layers"]],
        "pairs": {tuple(pair["runs"]): pair for pair in group["overlaps"]},
        "machines": list(dict.fromkeys(run["cost"]["machine"] for run in runs)),
        "curves_figure": source(
            figures.curves(
                [(r["variant"], s.metrics) for r, s in zip(runs, shown, strict=True)],
                results.measure.watched,
                results.together.curve,
            )
        ),
        "differences_figure": source(
            figures.differences(
                [(f"{run['number']}  {run['short']}", run["variant"], _values(run, size)) for run in compared],
                results.measure.name,
            )
        ),
    }


def _titled(groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name each group by its data set, and where that is the same also by what sets the groups apart."""
    datasets = [group["dataset"] for group in groups]
    return [
        group | {"title": group["dataset"] + (f", {group['apart']}" if datasets.count(group["dataset"]) > 1 else "")}
        for group in groups
    ]


def _sizes(runs: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """What each size is called; None where the runs do not agree in it."""
    names = {size: {run["sizes"][size] for run in runs} for size in runs[0]["sizes"]}
    return {size: found.pop() if len(found) == 1 else None for size, found in names.items()}


def _values(run: Mapping[str, Any], size: str) -> list[float]:
    found = run["differences"][size]
    return list(found["by_name"].values()) if found else []


def _differences(compared: Sequence[Mapping[str, Any]], size: str) -> list[dict[str, Any]]:
    """One row a name: its difference in each run, None where it is not paired."""
    found = [(run["differences"][size] or {"by_name": {}})["by_name"] for run in compared]
    return [
        {"name": name, "values": [named.get(name) for named in found]}
        for name in dict.fromkeys(name for named in found for name in named)
    ]


def _tint(share: float | None) -> float:
    """How much colour a share of kept weights gets, 0..0.5, by its logarithm: layers differ by powers of ten."""
    if share is None or share <= _FAINTEST:
        return 0.0
    return round(0.5 * (1 - math.log(share) / math.log(_FAINTEST)), 3)
