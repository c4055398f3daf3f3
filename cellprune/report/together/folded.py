"""Runs that differ in nothing but the seed, folded into one row: each score with its mean and interval over seeds."""

from collections.abc import Collection, Mapping, Sequence
from statistics import mean

from cellprune.evaluation.cells import CELL_SCORES, total
from cellprune.report.finished import FinishedRun
from cellprune.report.results import ImageKey
from cellprune.report.together.group import Folded, Seeds
from cellprune.report.together.interval import interval

CELLS = ("seg", "ap_50", "merged_share", "split_share", "missed_share", "extra_share", "count_error")
"""The scores of cells that rows tell, by their names in `CELL_SCORES`; the first one leads."""


def fold(
    variants: Sequence[Sequence[FinishedRun]],
    partner: Mapping[FinishedRun, FinishedRun | None],
    number: Mapping[FinishedRun, int],
    labels: Mapping[FinishedRun, str],
) -> tuple[Folded, ...]:
    """Fold runs into rows, the best first: by SEG, and by the score of pixels or images where there is none.

    Args:
        variants: runs of the same settings, the reference's first.
        partner: the run that each is paired with; differences are of two runs of one seed, on the images of both.
        number, labels: of each run.
    """
    rows = [_folded(runs, at, partner, number, labels) for at, runs in enumerate(variants)]
    return tuple(sorted(rows, key=_worse))


def named(run: FinishedRun) -> str:
    """Name the score that all runs of a task have, "iou" or "accuracy"."""
    return run.results.metric.name.lower()


def cells(run: FinishedRun) -> dict[str, float | None] | None:
    """Give the scores of cells of a run; None where its cells were not scored."""
    return {name: scores(run)[name] for name in CELLS} if run.judged.cells else None


def scores(run: FinishedRun, among: Collection[ImageKey] | None = None) -> dict[str, float | None]:
    """Give what rows tell of a run, at native size, of some of its images or of all; None where it is undefined."""
    counts, images = run.judged.cells or {}, run.judged.images["native"]
    counted = total([count for key, count in counts.items() if among is None or key in among])
    own = [value for key, value in images.items() if among is None or key in among]
    return {**{name: CELL_SCORES[name].of(counted) for name in CELLS}, named(run): mean(own) if own else None}


def _folded(
    runs: Sequence[FinishedRun],
    variant: int,
    partner: Mapping[FinishedRun, FinishedRun | None],
    number: Mapping[FinishedRun, int],
    labels: Mapping[FinishedRun, str],
) -> Folded:
    first = runs[0]
    pairs = [(run, other) for run in runs if (other := partner[run]) and other.seed == run.seed]
    times = [run.cost.time_ratio for run in runs if run.cost.time_ratio is not None]
    return Folded(
        label=labels[first].removesuffix(f", seed {first.seed}"),
        variant=variant,
        runs=tuple(number[run] for run in runs),
        n_seeds=len({run.seed for run in runs}),
        has_cells=any(run.judged.cells for run in runs),
        scores=_over_seeds([(run.seed, scores(run)) for run in runs]),
        differences=_over_seeds([(run.seed, _difference(run, other)) for run, other in pairs]),
        macs=mean(run.cost.macs for run in runs),
        time_ratio=1.0 if first.is_dense else mean(times) if times else None,
        macs_dense=first.cost.macs_dense,
    )


def _difference(run: FinishedRun, other: FinishedRun) -> dict[str, float | None]:
    """Give how far the scores of two runs differ on the images that both hold out."""
    shared = set(run.shared_with(other))
    ours, theirs = scores(run, shared), scores(other, shared)
    return {
        name: None if value is None or (its := theirs[name]) is None else value - its for name, value in ours.items()
    }


def _over_seeds(runs: Sequence[tuple[int, Mapping[str, float | None]]]) -> dict[str, Seeds]:
    """Give each score of each seed, the mean of its runs; undefined ones are left out."""
    names = dict.fromkeys(name for _, of_run in runs for name in of_run)
    by_seed: dict[str, dict[int, list[float]]] = {name: {} for name in names}
    for seed, of_run in sorted(runs, key=lambda one: one[0]):
        for name, value in of_run.items():
            if value is not None:
                by_seed[name].setdefault(seed, []).append(value)
    return {name: _seeds({seed: mean(values) for seed, values in of.items()}) for name, of in by_seed.items()}


def _seeds(by_seed: Mapping[int, float]) -> Seeds:
    values = list(by_seed.values())
    return Seeds(by_seed, mean(values) if values else None, interval(values))


def _worse(row: Folded) -> list[float]:
    """Give what is larger, the worse a row is."""
    leading = (row.scores[CELLS[0]].mean, list(row.scores.values())[-1].mean)
    return [float("inf") if value is None else -value for value in leading]
