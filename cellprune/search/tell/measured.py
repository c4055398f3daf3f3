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
from typing import Any

from cellprune.config.load import completed
from cellprune.config.names import resolve
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.report.results import Measure
from cellprune.runs.folder import Folder
from cellprune.search.judge.power import Spread, spread_of
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial, paired

_DECIDED_BY_A_TRIAL = {"data": {"select", "fold", "holdout"}, "training": {"precision"}}  # or by its machine
_FEWEST = 3  # seeds: of fewer a spread says next to nothing

Pair = tuple[Folder, Folder]  # pruned, unpruned
Judged = tuple[int, float]  # folds, and the share that is set apart to choose on


@dataclass(frozen=True)
class Measured:
    """A spread, and from how many frames and seeds."""

    spread: Spread
    n_frames: int
    n_seeds: int


def spread_in(runs: Path, settings: Settings) -> Measured | None:
    """Measure the spread in finished runs of the same data, network and training; None where too few are there."""
    pairs = _pairs(runs, settings)
    kinds = [kind for kind, found in pairs.items() if len({seed for seed, _ in found}) >= _FEWEST]
    if not kinds:
        return None
    measure: Measure = resolve("results", settings.task).measure
    best = pairs[min(kinds, key=lambda kind: (-len(pairs[kind]), kind))]
    try:
        table = paired(*(_outcomes(best, which, measure) for which in (1, 0)))
    except (CellpruneError, LookupError, TypeError, ValueError):  # a damaged run, or one that learned nothing
        return None
    n_frames, n_seeds = table.differences.shape
    return Measured(spread_of(table.differences), n_frames, n_seeds) if min(n_frames, n_seeds) > 1 else None


def _pairs(runs: Path, settings: Settings) -> dict[tuple[float, str, Judged], dict[tuple[int, int], Pair]]:
    """Share removed, how, and judged on what -> seed and fold -> the runs of both arms; only seeds with every fold."""
    wanted = _trained_as(settings.model_dump(mode="json"))
    dense: dict[Judged, dict[tuple[int, int], Folder]] = defaultdict(dict)
    pruned: dict[tuple[float, str, Judged], dict[tuple[int, int], Folder]] = defaultdict(dict)
    for folder in (Folder(path) for path in sorted(runs.iterdir()) if path.is_dir()) if runs.is_dir() else ():
        config = _config(folder)
        if config is None or _trained_as(completed(config)) != wanted or "control" in config["pruning"]:
            continue
        fold, n_folds = config["data"].get("fold") or (0, 1)
        judged_on, at = (n_folds, config["data"].get("select", 0)), (config["seed"], fold)
        if config["pruning"]["method"] == "dense":
            dense[judged_on][at] = folder
        else:
            how = json.dumps(config["pruning"], sort_keys=True)
            pruned[_removed(config["pruning"]), how, judged_on][at] = folder
    return {
        (removed, how, judged_on): _whole(
            {at: (folder, dense[judged_on][at]) for at, folder in found.items() if at in dense[judged_on]},
            n_folds=judged_on[0],
        )
        for (removed, how, judged_on), found in pruned.items()
    }


def _config(folder: Folder) -> dict[str, Any] | None:
    try:
        config = folder.read_config() if folder.finished else None
    except CellpruneError:  # damaged: whoever uses that run will be told
        return None
    return config if config and {"seed", "data", "pruning"} <= config.keys() else None


def _trained_as(config: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs must have in common."""
    common = {key: config.get(key) for key in ("task", "model", "data", "training")}
    return {
        key: {name: part for name, part in value.items() if name not in _DECIDED_BY_A_TRIAL.get(key, ())}
        if isinstance(value, dict)
        else value
        for key, value in common.items()
    }


def _removed(pruning: Mapping[str, Any]) -> float:
    budget = pruning.get("budget")
    return 1 - float(budget.split("=")[1]) if budget else float(pruning["ratio"])


def _whole(found: Mapping[tuple[int, int], Pair], *, n_folds: int) -> dict[tuple[int, int], Pair]:
    return {at: pair for at, pair in found.items() if all((at[0], fold) in found for fold in range(n_folds))}


def _outcomes(pairs: Mapping[tuple[int, int], Pair], which: int, measure: Measure) -> dict[Trial, Outcome]:
    """Read one arm as a search would have it."""
    outcomes = {}
    for (seed, fold), pair in pairs.items():
        scores = pair[which].read_scores()
        ratio = REFERENCE if which else 1.0  # any but the reference's
        trial, nothing = Trial("confirm", ratio, seed, fold), measure.nothing(scores)
        outcomes[trial] = Outcome("done", measure.of_each(scores), nothing=nothing)
    return outcomes
