"""One page that sets several runs side by side, made from the runs' files alone."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprune.evaluation.cells import CELL_SCORES, CellScore
from cellprune.report.files import needed
from cellprune.report.finished import FinishedRun, read
from cellprune.report.formatting import count, share
from cellprune.report.sentences import CLEARLY_FASTER
from cellprune.report.template import render, source
from cellprune.report.together import figures, sentences
from cellprune.report.together.comparison import compare
from cellprune.report.together.folded import CELLS, named
from cellprune.report.together.group import ComparedRun, Folded, Group
from cellprune.runs import atomic

_FAINTEST = 1e-3  # share kept of a layer that is not tinted any more


@dataclass(frozen=True)
class _Row:
    """A name that images are shown by: its difference in each run, None where it is not paired."""

    name: str
    values: tuple[float | None, ...]


def write(
    runs: Sequence[Path], output: Path, *, reference: Path | None = None, left_out: Sequence[Path] = ()
) -> list[Group]:
    """Compare finished runs and write the page.

    Args:
        runs: their folders.
        output: the page's path; what is there is replaced.
        reference: the run that its kind is compared with, perhaps one more than `runs`; see `comparison.compare`.
        left_out: runs that are not at their end; the page names them.
    Returns:
        The numbers of the page.
    Raises:
        CellpruneError: a run is named twice, not finished, damaged, or no run.
    """
    added = [reference] if reference and not any(_same(path, reference) for path in runs) else []
    finished = read([*runs, *added])
    wanted = next((run for run in finished if reference and _same(run.path, reference)), None)
    with needed("these runs"):
        groups = compare(finished, wanted)
        datasets = [group.dataset for group in groups]
        html = render(
            "comparison.html.jinja",
            {
                "groups": [_content(group, finished, is_one_of=datasets.count(group.dataset)) for group in groups],
                "n_runs": len(finished),
                "left_out": left_out,
            },
        )
    atomic.write_text(output, html)
    return groups


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _content(group: Group, finished: Sequence[FinishedRun], *, is_one_of: int) -> Mapping[str, object]:
    """What the page tells of a group: its numbers, and the figures and words made of them."""
    runs = group.runs
    by_path = {str(run.path): run for run in finished}
    shown = [by_path[run.path] for run in runs]
    results, judged, sizes = shown[0].results, shown[0].judged, _sizes(runs)
    size = next(size for size, name in sizes.items() if name)  # of the figure: all are compared at it
    compared = [run for run in runs if run.differences]
    return {
        **vars(group),
        "title": group.dataset + (f", {judged.apart}" if is_one_of > 1 else ""),
        "words": results.together,
        "scope": judged.scope,
        "notes": sentences.pairing(group),
        "about_methods": sentences.methods(group, of_cells=judged.cells is not None),
        "has_intervals": any(row.n_seeds > 1 for row in group.methods),
        "over_seeds": sentences.seeds(group.seeds),
        "seed_columns": sorted({seed.seed for row in group.seeds for seed in row.seeds}),
        "sizes": {size: name or "network's size" for size, name in sizes.items()},
        "figure_size": size,
        "cell_columns": _cell_columns(group),
        "named": named(shown[0]),
        "over_macs_figure": _over_macs(group),
        "over_time_figure": _over_time(group),
        "colours": {run.number: figures.colour(run.variant) for run in runs},
        "hollow": {run.number for run in runs if figures.lap(run.variant)},
        "scores": list(dict.fromkeys(label for run in runs for label in run.scores)),
        "differences": _differences(compared, size),
        "pruned": [run for run in runs if by_path[run.path].masks],
        "tints": [[_tint(share) for share in row.kept] for row in group.layers],
        "pairs": {pair.runs: pair for pair in group.overlaps},
        "machines": list(dict.fromkeys(run.cost.machine for run in runs)),
        "curves_figure": source(
            figures.curves(
                [(run.variant, said.epochs) for run, said in zip(runs, shown, strict=True)],
                results.metric.watched,
                results.together.curve,
            )
        ),
        "differences_figure": source(
            figures.differences(
                [(f"{run.number}  {run.short}", run.variant, list(_by_name(run, size).values())) for run in compared],
                results.metric.name,
            )
        ),
    }


def _cell_columns(group: Group) -> Mapping[str, CellScore]:
    """The scores of cells that the rows tell; none where no run has any."""
    return {name: CELL_SCORES[name] for name in CELLS} if any(row.has_cells for row in group.methods) else {}


def _over_macs(group: Group) -> str | None:
    zeros = ", zeros left out" if any(run.cost.has_zeros for run in group.runs) else ""
    rows = [(row, row.macs) for row in group.methods]
    return _over_cost(group, rows, f"multiply-adds per image{zeros}", lambda n: count(round(n)))


def _over_time(group: Group) -> str | None:
    """Draw scores over the time, of rows with the most frequent whole network: each time is a share of its own."""
    of_whole = Counter(row.macs_dense for row in group.methods if row.time_ratio is not None)
    most, _ = next(iter(of_whole.most_common(1)), (None, 0))
    timed = [(row, row.time_ratio) for row in group.methods if row.time_ratio is not None and row.macs_dense == most]
    times = [at for _, at in timed]
    if not times or min(times) > CLEARLY_FASTER * max(times):  # passes of one network differ as much
        return None
    return _over_cost(group, timed, "time of an image, as a share of the dense network's", share)


def _over_cost(
    group: Group, rows: Sequence[tuple[Folded, float]], cost: str, shown: Callable[[float], str]
) -> str | None:
    """Draw SEG where it is known, and the score of pixels or images, over a cost; None where no two rows differ."""
    if len({at for _, at in rows}) < 2:
        return None
    at_size = ", native size" if len(group.runs[0].sizes) > 1 else ""
    names = {"seg": "SEG", group.score.lower(): f"Mean {group.score}{at_size}"}
    known = {name: title for name, title in names.items() if any(row.scores[name].mean is not None for row, _ in rows)}
    return source(figures.over_cost(rows, known, cost, shown)) if known else None


def _sizes(runs: Sequence[ComparedRun]) -> dict[str, str | None]:
    """What each size is called; None where the runs do not agree in it."""
    names = {size: {run.sizes[size] for run in runs} for size in runs[0].sizes}
    return {size: called.pop() if len(called) == 1 else None for size, called in names.items()}


def _by_name(run: ComparedRun, size: str) -> Mapping[str, float]:
    difference = run.difference(size)
    return difference.by_name if difference else {}


def _differences(compared: Sequence[ComparedRun], size: str) -> list[_Row]:
    """One row per name."""
    of_runs = [_by_name(run, size) for run in compared]
    names = dict.fromkeys(name for by_name in of_runs for name in by_name)
    return [_Row(name, tuple(by_name.get(name) for by_name in of_runs)) for name in names]


def _tint(kept: float | None) -> float:
    """How much colour a share of kept weights gets, 0..0.5, by its logarithm: layers differ by powers of ten."""
    if kept is None or kept <= _FAINTEST:
        return 0.0
    return round(0.5 * (1 - math.log(kept) / math.log(_FAINTEST)), 3)
