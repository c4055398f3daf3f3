"""What a pruned network must beat, at the found ratio: if it does not, the method is not what made it good.

Every control is one more claim over the same frames and seeds, so their verdicts are corrected by Holm's rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cellprune.config.names import BEFORE_TRAINING
from cellprune.config.schema import Pruning
from cellprune.search.confirm import Terms
from cellprune.search.decide import Decision, decide, holm
from cellprune.search.trial import REFERENCE, Measure, Table, paired

# name -> what it is, and the settings of pruning that make it
CONTROLS: dict[str, tuple[str, dict[str, str]]] = {
    "shuffle": ("as many weights in each layer, at places drawn anew", {"control": "shuffle"}),
    "random": ("as many weights in all, drawn at random", {"method": "random"}),
}


@dataclass(frozen=True)
class Beaten:
    """A control beside the unpruned network.

    Attributes:
        decision: None where too many of its trainings came to nothing.
        p_value: the decision's, adjusted for the number of controls that have one.
    """

    name: str
    what: str
    table: Table
    decision: Decision | None
    p_value: float | None


def of(pruning: Pruning) -> tuple[str, ...]:
    """Name the controls of a way to prune; only a mask made before training can be shuffled before it."""
    if pruning.method == "random" or pruning.control != "none":
        return ()
    return tuple(CONTROLS) if pruning.method in BEFORE_TRAINING else ("random",)


def compare(names: Sequence[str], ratio: float, measure: Measure, terms: Terms) -> list[Beaten]:
    """Train the controls at the found ratio, and test each as the pruned network was tested.

    Args:
        names: of controls.
        measure, terms: of the confirmation; its reference is there already.
    """
    arms = {name: terms.trials(ratio, name) for name in names}
    trials = [*terms.trials(REFERENCE), *(trial for arm in arms.values() for trial in arm)]
    outcomes = dict(zip(trials, measure(trials), strict=True))
    reference = {trial: outcomes[trial] for trial in terms.trials(REFERENCE)}
    tables = {name: paired(reference, {trial: outcomes[trial] for trial in arm}) for name, arm in arms.items()}
    found = {
        name: decide(table.differences, margin=terms.margin, alpha=terms.alpha)
        for name, table in tables.items()
        if table.decides and not table.hopeless
    }
    adjusted = dict(zip(found, holm([decision.p_value for decision in found.values()]), strict=True))
    return [
        Beaten(name, CONTROLS[name][0], table, found.get(name), adjusted.get(name)) for name, table in tables.items()
    ]
