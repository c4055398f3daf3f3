"""The spread of differences that runs in the folder of runs already show: pruned and unpruned networks of equal seeds.

Runs count that were trained as the search would train, on the same data, by whatever pruning: how far pairs of networks
vary depends on images and network first. Which ratio they have matters little while nothing breaks, so the lowest
counts where several are equally often there.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cellprune.config.load import recorded
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.evaluation.metric import Metric
from cellprune.runs.folder import Folder
from cellprune.runs.scores import Scores
from cellprune.search.judge.power import Spread, spread_of
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial, paired

_DECIDED_BY_A_TRIAL = ("select", "fold", "holdout")  # of the section data
_FEWEST = 3  # seeds: of fewer a spread says next to nothing

Fold = tuple[int, int]  # seed and fold
Pair = tuple[Folder, Folder]  # pruned, unpruned


@dataclass(frozen=True)
class Measured:
    """A spread, and from how many frames and seeds."""

    spread: Spread
    n_frames: int
    n_seeds: int


@dataclass(frozen=True, order=True)
class Judged:
    """On what a run is judged: how many folds there are, and the share that is set apart to choose on."""

    n_folds: int
    select: float


@dataclass(frozen=True, order=True)
class Kind:
    """What pairs of one kind have in common: the share removed, how, and on what they are judged."""

    removed: float
    how: str
    judged: Judged


def spread_in(runs: Path, settings: Settings, metric: Metric[Scores]) -> Measured | None:
    """Measure how a metric varies in finished runs of the same data, network and training; None where too few are."""
    pairs = _pairs(runs, settings)
    kinds = [kind for kind, folds in pairs.items() if len({seed for seed, _ in folds}) >= _FEWEST]
    if not kinds:
        return None
    best = pairs[min(kinds, key=lambda kind: (-len(pairs[kind]), kind))]
    try:
        table = paired(*(_outcomes(best, which, metric) for which in (1, 0)))
    except (CellpruneError, LookupError, TypeError, ValueError):  # a damaged run, or one that learned nothing
        return None
    n_frames, n_seeds = table.differences.shape
    return Measured(spread_of(table.differences), n_frames, n_seeds) if min(n_frames, n_seeds) > 1 else None


def _pairs(runs: Path, settings: Settings) -> dict[Kind, dict[Fold, Pair]]:
    """Find the runs of both arms, of each kind; only of seeds that have every fold."""
    wanted = _trained_as(settings)
    dense: dict[Judged, dict[Fold, Folder]] = defaultdict(dict)
    pruned: dict[Kind, dict[Fold, Folder]] = defaultdict(dict)
    for folder in (Folder(path) for path in sorted(runs.iterdir()) if path.is_dir()) if runs.is_dir() else ():
        own = _settings(folder)
        if own is None or _trained_as(own) != wanted or own.pruning.control != "none":
            continue
        fold, n_folds = own.data.fold or (0, 1)
        judged, at = Judged(n_folds, own.data.select), (own.seed, fold)
        if own.pruning.method == "dense":
            dense[judged][at] = folder
        else:
            how = json.dumps(own.pruning.model_dump(mode="json"), sort_keys=True)
            pruned[Kind(_removed(own.pruning), how, judged)][at] = folder
    return {
        kind: _whole({at: (folder, unpruned[at]) for at, folder in folds.items() if at in unpruned}, kind)
        for kind, folds in pruned.items()
        for unpruned in [dense[kind.judged]]
    }


def _settings(folder: Folder) -> Settings | None:
    """Give the settings of a finished run; None of a damaged one, as whoever uses that run will be told."""
    try:
        return recorded(folder.read_config()) if folder.finished else None
    except CellpruneError:
        return None


def _trained_as(settings: Settings) -> Settings:
    """Give what two runs must have in common: the settings without what a trial, or its machine, decides."""
    usual = Settings()
    data = settings.data.model_copy(update={key: getattr(usual.data, key) for key in _DECIDED_BY_A_TRIAL})
    training = settings.training.model_copy(update={"precision": usual.training.precision})
    return settings.model_copy(update={"seed": 0, "data": data, "pruning": usual.pruning, "training": training})


def _removed(pruning: Pruning) -> float:
    return 1 - float(pruning.budget.split("=")[1]) if pruning.budget else pruning.ratio


def _whole(pairs: Mapping[Fold, Pair], kind: Kind) -> dict[Fold, Pair]:
    """Leave out the seeds that lack a fold."""
    folds = range(kind.judged.n_folds)
    return {(seed, fold): pair for (seed, fold), pair in pairs.items() if all((seed, one) in pairs for one in folds)}


def _outcomes(pairs: Mapping[Fold, Pair], which: int, metric: Metric[Scores]) -> dict[Trial, Outcome]:
    """Read one arm as a search would have it."""
    outcomes = {}
    for (seed, fold), pair in pairs.items():
        scores = pair[which].read_scores()
        ratio = REFERENCE if which else 1.0  # any but the reference's
        trial, nothing = Trial("confirm", ratio, seed, fold), metric.nothing(scores)
        outcomes[trial] = Outcome("done", metric.of_each(scores), nothing=nothing)
    return outcomes
