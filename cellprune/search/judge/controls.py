"""What a pruned network must beat, at the found ratio: if it does not, the method is not what made it good.

Every control is one more claim over the same frames and seeds, so their verdicts are corrected by Holm's rule. Each is
set beside the unpruned network, as the pruned one was, and beside the pruned one itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cellprune.config.names import is_dense_family, method
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.controls import families
from cellprune.evaluation.decide import Decision, Verdict, decide, holm
from cellprune.models.architecture import Architecture
from cellprune.search.judge.confirm import Terms
from cellprune.search.judge.trial import REFERENCE, OutcomesOf, Table, paired

CONTROLS: dict[str, str] = {  # name -> what it is
    "shuffle": "as much in each layer, at places drawn anew",
    "random": "as much removed in all, drawn at random",
    "narrow-params": "a dense network with as many parameters, every level narrower by about one factor",
    "flat-params": "a dense network with as many parameters, every level as wide as the others",
    "narrow-macs": "a dense network with as many multiply-adds, every level narrower by about one factor",
    "flat-macs": "a dense network with as many multiply-adds, every level as wide as the others",
}


_WORDS: dict[Verdict, Literal["better", "worse", "undecided"]] = {  # of a difference that is to be above 0
    "not worse": "better",
    "worse": "worse",
    "undecided": "undecided",
}


@dataclass(frozen=True)
class Corrected:
    """One of several decisions; p-value and verdict are corrected for their number, the limits stand for themselves."""

    decision: Decision
    p_value: float
    verdict: Verdict


@dataclass(frozen=True)
class Beaten:
    """A control beside the unpruned network, and beside the pruned one.

    Attributes:
        table: control minus unpruned.
        decision: whether it is not worse than the unpruned network, corrected for the number of controls that have one;
            None where too many of its trainings came to nothing.
        against: whether the pruned network is better than the control (by more than 0), corrected alike; None with it.
        as_well: whether the control is not worse than the pruned network by the margin, corrected alike; None with it.
    """

    name: str
    table: Table
    decision: Corrected | None
    against: Corrected | None
    as_well: Corrected | None

    @property
    def does_as_well(self) -> bool:
        """Whether the control is shown to do as well as the pruned network: then the method has no merit in it."""
        return self.as_well is not None and self.as_well.verdict == "not worse"

    @property
    def verdict(self) -> Literal["better", "worse", "undecided"]:
        """What the pruned network is, seen from this control."""
        return _WORDS[self.against.verdict] if self.against else "undecided"


def of(settings: Settings) -> tuple[str, ...]:
    """Name the controls of a way to prune."""
    lacking = missing(settings)
    return tuple(name for name in CONTROLS if name not in lacking)


def missing(settings: Settings) -> dict[str, str]:
    """Name the controls that a way to prune has not, each with the reason.

    Only masks that are made before training can be shuffled before it. Those made during or after it leave a known
    number of parameters, but nobody knows beforehand how many multiply-adds.
    """
    pruning, lacking = settings.pruning, dict[str, str]()
    if pruning.control != "none":
        return dict.fromkeys(CONTROLS, "what is searched is a control itself")
    if is_dense_family(pruning.method):
        return dict.fromkeys(CONTROLS, f"{pruning.method} networks are controls themselves")
    if pruning.method == "random":
        lacking |= dict.fromkeys(("shuffle", "random"), "the masks are random already")
    elif method(pruning.method).when != "before":
        lacking["shuffle"] = f"{pruning.method} has its masks only after training: train a run, then shuffle its masks"
    if method(pruning.method).when != "before":
        why = f"nobody knows before training how many multiply-adds {pruning.method} will leave"
        lacking |= dict.fromkeys(("narrow-macs", "flat-macs"), why)
    if why := families.why_no_levels(Architecture.of(settings.model, in_channels=1, classes=2)):
        lacking |= dict.fromkeys((name for name in CONTROLS if name.startswith(("narrow", "flat"))), why)
    return lacking


def changes(name: str, pruning: Pruning) -> dict[str, str]:
    """Give the settings of pruning that make a control of a method.

    A small dense network in the place of a method around or during training has the size that random masks leave: as
    many parameters.
    """
    if name == "random":
        return {"method": "random"}
    return {"control": name} | ({} if method(pruning.method).when == "before" else {"method": "random"})


def compare(names: Sequence[str], ratio: float, outcomes_of: OutcomesOf, terms: Terms) -> list[Beaten]:
    """Train the controls at the found ratio, and test each as the pruned network was tested, and against it.

    Args:
        names: of controls.
        outcomes_of, terms: of the confirmation; its reference and the pruned networks are there already.
    """
    arms = {name: terms.trials(ratio, name) for name in names}
    pruned_trials = terms.trials(ratio)
    trials = [*terms.trials(REFERENCE), *pruned_trials, *(trial for arm in arms.values() for trial in arm)]
    outcomes = dict(zip(trials, outcomes_of(trials), strict=True))
    reference = {trial: outcomes[trial] for trial in terms.trials(REFERENCE)}
    pruned = paired(reference, {trial: outcomes[trial] for trial in pruned_trials})
    tables = {name: paired(reference, {trial: outcomes[trial] for trial in arm}) for name, arm in arms.items()}
    decided = {name: table for name, table in tables.items() if table.decides and not table.hopeless}
    own = _corrected(decided, terms.margin, terms.alpha)
    between = {name: _between(pruned, table) for name, table in decided.items()}
    against = _corrected(between, 0.0, terms.alpha)
    turned = {name: replace(table, differences=-table.differences) for name, table in between.items()}
    as_well = _corrected(turned, terms.margin, terms.alpha)
    return [Beaten(name, table, own.get(name), against.get(name), as_well.get(name)) for name, table in tables.items()]


def _between(pruned: Table, control: Table) -> Table:
    """Pruned minus control, on the frames and seeds that both have; the unpruned network is in both and goes out."""
    rows = tuple(row for row in pruned.rows if row in control.rows)
    seeds = tuple(seed for seed in pruned.seeds if seed in control.seeds)

    def common(table: Table) -> np.ndarray:
        return table.differences[np.ix_([table.rows.index(row) for row in rows], [table.seeds.index(s) for s in seeds])]

    return Table(common(pruned) - common(control), rows, seeds, {**pruned.left_out, **control.left_out}, "")


def _corrected(tables: Mapping[str, Table], margin: float, alpha: float) -> dict[str, Corrected]:
    """Decide on each that has enough, and correct for their number by Holm's rule, each side for itself."""
    decisions = {
        name: decide(table.differences, margin=margin, alpha=alpha) for name, table in tables.items() if table.decides
    }
    good = holm([decision.p_value for decision in decisions.values()])
    bad = holm([1 - decision.p_value for decision in decisions.values()])
    return {
        name: Corrected(decision, p, "not worse" if p < alpha else "worse" if q < alpha else "undecided")
        for (name, decision), p, q in zip(decisions.items(), good, bad, strict=True)
    }
