"""The search itself: propose a ratio, confirm it, and set the network beside its controls."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cellprune.search.judge import controls
from cellprune.search.judge.confirm import Claim, Terms, confirm, fresh_seeds, ratios_to_test
from cellprune.search.judge.controls import Beaten
from cellprune.search.judge.propose import Probe, propose
from cellprune.search.judge.trial import OutcomesOf
from cellprune.search.question import Question, Watch
from cellprune.search.tell import progress


@dataclass
class Findings:
    """What a search has come to so far, whole or cut short.

    Attributes:
        proposed: None while searching, and where not even the lowest ratio may cost nothing.
        confirmed: whether the confirmation is at its end; controls may still be missing.
        stopped: why it is not at its end; "" if it is.
    """

    probes: list[Probe] = field(default_factory=list)
    proposed: float | None = None
    claims: list[Claim] = field(default_factory=list)
    confirmed: bool = False
    beaten: list[Beaten] = field(default_factory=list)
    stopped: str = ""

    @property
    def ratio(self) -> float | None:
        """The highest ratio that passed; None if none did."""
        return max((claim.ratio for claim in self.claims if claim.passed), default=None)


def find(
    question: Question,
    look: int,
    outcomes_of: OutcomesOf,
    findings: Findings,
    *,
    watch: Watch,
    proposed: Callable[[float | None], None] = lambda ratio: None,
) -> None:
    """Propose, confirm, compare.

    Args:
        look: number of the look, from 1.
        findings: has what is known at every moment, also when this is cut short.
        proposed: hears of the proposal before anything of the confirmation is asked for.
    Raises:
        WorkError: a reference failed, or every network of a ratio crashed.
    """
    search = question.search

    def probed(probe: Probe) -> None:
        findings.probes.append(probe)
        watch.said(progress.probe(probe, search.margin))

    def tested(claim: Claim) -> None:
        findings.claims.append(claim)
        watch.said(progress.claim(claim))

    findings.proposed = propose(
        question.grid,
        outcomes_of,
        margin=search.margin,
        n_seeds=search.seeds,
        n_folds=question.n_folds,
        seen=probed,
    ).ratio
    proposed(findings.proposed)
    if findings.proposed is None:
        return
    terms = Terms(search.margin, question.alpha(look), fresh_seeds(look, search.confirm_seeds), question.n_folds)
    confirm(ratios_to_test(question.grid, findings.proposed), outcomes_of, terms, seen=tested)
    findings.confirmed = True
    if search.controls and findings.ratio is not None:
        findings.beaten = controls.compare(controls.of(question.settings), findings.ratio, outcomes_of, terms)
