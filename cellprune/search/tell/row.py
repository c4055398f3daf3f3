"""One search among several: its answer, with the p-value that it has beside the others."""

from dataclasses import dataclass

from cellprune.evaluation.decide import Verdict
from cellprune.search.tell.answer import Ending, Network


@dataclass(frozen=True)
class Decided:
    """A ratio that was decided on.

    Attributes:
        look: the number of the look that did; None where there is but one.
    """

    ratio: float
    verdict: Verdict
    mean: float
    lower: float
    upper: float
    look: int | None


@dataclass(frozen=True)
class Row:
    """A search's answer with the p-value that it has among so many.

    Attributes:
        folder: of the search.
        ratio: the highest that any of its looks has shown; None if none.
        holds: whether the claim stands in this table.
        scope: what the claim is about.
        pruned, unpruned: the network with the found ratio, and the unpruned one, as the last look has them; None where
            it has none.
    """

    folder: str
    dataset: str
    network: str
    method: str
    unit: str
    measure: str
    margin: float
    confidence: float
    verdict: Ending
    ratio: float | None
    p_value: float
    adjusted_p_value: float
    holds: bool
    scope: str
    tested: tuple[Decided, ...]
    pruned: Network | None
    unpruned: Network | None
