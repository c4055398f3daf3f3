"""Several searches as rows: k methods or units are k claims, so their p-values are corrected by Holm's rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import Verdict, holm
from cellprune.search.opening import RESULT
from cellprune.search.tell import document
from cellprune.search.tell.answer import Answer, Ending, Limits, Network
from cellprune.search.tell.scope import scope


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
        gone: what becomes of the unit: "removed" or "saved".
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
    gone: str = "removed"


def rows(folders: Sequence[Path]) -> list[Row]:
    """Give the row of each search.

    Args:
        folders: of searches, finished or not; each counts as a claim.
    Raises:
        CellpruneError: a folder holds no search, or one of another version, or the searches were asked at several
            confidences.
    """
    answers = [document.read(folder / RESULT) for folder in folders]
    confidences = {answer.question.confidence for answer in answers}
    if len(confidences) > 1:
        listed = " and ".join(f"{confidence:g}" for confidence in sorted(confidences))
        raise CellpruneError(f"these searches have --confidence {listed}: name searches of one confidence")
    p_values = [p_value(answer) for answer in answers]
    return [
        _row(folder, answer, plain, adjusted)
        for folder, answer, plain, adjusted in zip(folders, answers, p_values, holm(p_values), strict=True)
    ]


def p_value(answer: Answer) -> float:
    """Give the p-value of a search's claim, the highest ratio that any of its looks has shown; 1 where none has.

    Every ratio below it had to pass in the same look, too: the largest p-value counts. It is divided by the look's part
    of the error of all looks, so that one of several looks is wrong no more often than a single one.
    """
    claimed = answer.claimed
    if claimed is None:
        return 1.0
    tested = answer.looks[claimed.look - 1].tested
    passed = [test.p_value for test in tested if test.ratio <= claimed.ratio and test.p_value is not None]
    errors = [look.look.alpha for look in answer.looks]
    return float(min(1.0, max(passed) * sum(errors) / errors[claimed.look - 1]))


def _row(folder: Path, answer: Answer, plain: float, adjusted: float) -> Row:
    question, words, claimed = answer.question, answer.words, answer.claimed
    ratio = claimed.ratio if claimed else None
    networks = {network.ratio: network for network in answer.networks if not network.control}
    several = len(answer.looks) > 1
    return Row(
        folder=str(folder),
        dataset=answer.settings.data.dataset,
        network=words.network,
        method=answer.settings.pruning.method,
        unit=words.unit,
        measure=words.measure,
        margin=question.margin,
        confidence=question.confidence,
        verdict="found" if claimed else answer.verdict,
        ratio=ratio,
        p_value=plain,
        adjusted_p_value=adjusted,
        holds=adjusted < 1 - question.confidence,
        scope=scope(answer),
        tested=tuple(
            decided
            for number, look in enumerate(answer.looks, 1)
            for test in look.tested
            if (decided := _decided(test, number if several else None))
        ),
        pruned=networks.get(ratio) if ratio is not None else None,
        unpruned=networks.get(0.0),
        gone=words.gone,
    )


def _decided(test: Limits, look: int | None) -> Decided | None:
    if test.mean is None or test.lower is None or test.upper is None:
        return None
    return Decided(test.ratio, test.verdict, test.mean, test.lower, test.upper, look)
