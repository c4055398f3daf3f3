"""What a pruned network must beat, at the found ratio: if it does not, the method is not what made it good.

Every control is one more claim over the same frames and seeds, so their verdicts are corrected by Holm's rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cellprune.config.names import BEFORE_TRAINING
from cellprune.config.schema import Pruning, Settings
from cellprune.models import small
from cellprune.search.confirm import Terms
from cellprune.search.decide import Decision, decide, holm
from cellprune.search.trial import REFERENCE, Measure, Table, paired

CONTROLS: dict[str, str] = {  # name -> what it is
    "shuffle": "as much in each layer, at places drawn anew",
    "random": "as much removed in all, drawn at random",
    "narrow-params": "a dense network with as many parameters, every level narrower by one factor",
    "flat-params": "a dense network with as many parameters, every level as wide as the others",
    "narrow-macs": "a dense network with as many multiply-adds, every level narrower by one factor",
    "flat-macs": "a dense network with as many multiply-adds, every level as wide as the others",
}


@dataclass(frozen=True)
class Beaten:
    """A control beside the unpruned network.

    Attributes:
        decision: None where too many of its trainings came to nothing.
        p_value: the decision's, adjusted for the number of controls that have one.
    """

    name: str
    table: Table
    decision: Decision | None
    p_value: float | None


def of(settings: Settings) -> tuple[str, ...]:
    """Name the controls of a way to prune.

    Only masks that are made before training can be shuffled before it. Those made during or after it leave a known
    number of parameters, but nobody knows beforehand how many multiply-adds.
    """
    pruning = settings.pruning
    if pruning.control != "none":
        return ()
    before = pruning.method in BEFORE_TRAINING
    lacking = {"random"} if pruning.method == "random" else set()
    if not before or pruning.method == "random":
        lacking |= {"shuffle"}
    if not before:
        lacking |= {"narrow-macs", "flat-macs"}
    if not small.has_levels(settings.model.model_dump()):
        lacking |= {name for name in CONTROLS if name.startswith(("narrow", "flat"))}
    return tuple(name for name in CONTROLS if name not in lacking)


def changes(name: str, pruning: Pruning) -> dict[str, str]:
    """Give the settings of pruning that make a control of a method.

    A small dense network in the place of a method around or during training has the size that random masks leave: as
    many parameters.
    """
    if name == "random":
        return {"method": "random"}
    return {"control": name} | ({} if pruning.method in BEFORE_TRAINING else {"method": "random"})


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
    return [Beaten(name, table, found.get(name), adjusted.get(name)) for name, table in tables.items()]
