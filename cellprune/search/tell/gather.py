"""The answer, gathered from the journal's outcomes alone."""

from collections import Counter
from collections.abc import Sequence
from os.path import relpath

from cellprune.evaluation.decide import alpha_of_look, seeds_needed
from cellprune.runs import provenance
from cellprune.runs.folder import Folder
from cellprune.search.find import Findings
from cellprune.search.journal import Journal
from cellprune.search.judge.confirm import Claim, fresh_seeds
from cellprune.search.judge.controls import CONTROLS, Beaten, missing
from cellprune.search.judge.propose import Probe
from cellprune.search.question import Question, Workspace
from cellprune.search.tell import networks
from cellprune.search.tell.answer import (
    Answer,
    AnsweredLook,
    Compute,
    Control,
    Ending,
    Evidence,
    Probed,
    Tested,
    claimed_by,
)  # fmt: skip
from cellprune.search.tell.looks import answered
from cellprune.search.tell.words import words


def gather(
    findings: Findings, journal: Journal, question: Question, workspace: Workspace, command: Sequence[str]
) -> Answer:
    """Give the answer of a search, as far as it has come.

    Args:
        workspace: networks are timed on its device, from its runs, if they still are there.
    """
    settings, search, outcomes = question.settings, question.search, journal.outcomes
    arms = networks.arms(outcomes, fresh_seeds(journal.look, search.confirm_seeds))
    by_time = question.by_time if search.unit == "latency" else None
    of_arms, timed_on = networks.networks(
        arms,
        workspace.runs,
        workspace.device,
        network=settings.model.name if settings.model.is_own else None,
        engine=settings.pruning.engine if by_time else None,
        whole_ms=by_time.whole_ms if by_time else None,
    )
    looks = answered(journal, findings.claims)
    model = _smallest(journal, looks, workspace)
    return Answer(
        made=provenance.gather(command),
        settings=settings,
        question=search,
        words=words(settings, search),
        grid=question.grid,
        reachable=question.reach.ratios,
        limit=question.reach.limit,
        frames=question.frames,
        look=journal.look,
        looks=looks,
        alpha=question.alpha(journal.look),
        stopped=findings.stopped,
        verdict=_verdict(findings),
        ratio=findings.ratio,
        proposed=findings.proposed,
        search=tuple(map(_probed, findings.probes)),
        confirmation=tuple(map(_tested, findings.claims)),
        controls=tuple(map(_control, findings.beaten)),
        controls_missing=missing(settings) if search.controls else {},
        networks=of_arms,
        timed_on=timed_on,
        crashes=journal.crashes,
        compute=_compute(journal),
        model=str(model.file("model")) if model and model.has("model") else None,
        model_file=relpath(model.file("model"), journal.folder) if model and model.has("model") else None,
        model_run=str(model.path) if model else "",
        timed_in=by_time.layers.timed_in if by_time else None,
    )


def _smallest(journal: Journal, looks: Sequence[AnsweredLook], workspace: Workspace) -> Folder | None:
    """Give the run of the first network with the highest ratio that was shown, in this look or an earlier one."""
    claimed = claimed_by(looks)
    if claimed is None:
        return None
    seeds = fresh_seeds(claimed.look, looks[claimed.look - 1].look.question.confirm_seeds)
    run = networks.first_run(networks.arms(journal.outcomes, seeds)["", claimed.ratio])
    assert run is not None, "what was shown has its run"
    return Folder(workspace.runs / run.folder)


def _verdict(findings: Findings) -> Ending:
    """Name how a look ended: "not shown" where no test passed, "none found" where there was nothing to confirm."""
    if findings.stopped and not findings.confirmed:
        return "unfinished"
    if findings.proposed is None:
        return "none found"
    return "not shown" if findings.ratio is None else "found"


def _probed(probe: Probe) -> Probed:
    return Probed(probe.ratio, probe.passes, probe.mean, probe.standard_error, Evidence.of_table(probe.table))


def _tested(claim: Claim) -> Tested:
    now, next_look = (None, None) if claim.passed else (_seeds_needed(claim, look) for look in (1, 2))
    return Tested(claim.ratio, Evidence.of_table(claim.table), claim.decision, now, next_look)


def _seeds_needed(claim: Claim, look: int) -> int | None:
    """Give the seeds that a true loss of zero takes, at the error of this look (1) or of the next (2)."""
    if claim.decision is None:
        return None
    alpha = alpha_of_look(claim.decision.alpha, look)
    return seeds_needed(claim.table.differences, margin=claim.decision.margin, alpha=alpha)


def _control(beaten: Beaten) -> Control:
    return Control(
        name=beaten.name,
        what=CONTROLS[beaten.name],
        pruned_is=beaten.verdict,
        does_as_well=beaten.does_as_well,
        evidence=Evidence.of_table(beaten.table),
        own=beaten.decision,
        against=beaten.against,
    )


def _compute(journal: Journal) -> Compute:
    outcomes = journal.outcomes.values()
    runs = [outcome.run for outcome in outcomes if outcome.run]
    return Compute(
        trainings=len(outcomes),
        trained_before=sum(not run.trained_here for run in runs),
        crashed_tries=sum(map(len, journal.crashes.values())),
        seconds=round(sum(outcome.seconds for outcome in outcomes) + journal.crashed_s, 1),
        machines=dict(Counter(run.machine for run in runs if run.machine)),
    )
