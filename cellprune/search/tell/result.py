"""The answer: search.json, from the journal's outcomes alone. The page and the command line only show it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from cellprune import models
from cellprune.evaluation.decide import alpha_of_look, seeds_needed
from cellprune.runs import provenance
from cellprune.runs.documents import plain
from cellprune.runs.folder import Folder
from cellprune.search.journal import RESULT_SCHEMA, Journal
from cellprune.search.judge.confirm import Claim, fresh_seeds
from cellprune.search.judge.controls import CONTROLS, Beaten, Corrected, missing
from cellprune.search.judge.propose import Probe
from cellprune.search.judge.trial import REFERENCE, Outcome, Table, Trial
from cellprune.search.question import Place, Question
from cellprune.search.tell import looks, sentences
from cellprune.structure import timing
from cellprune.training import accelerator


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


def gather(
    found: Findings,
    journal: Journal,
    question: Question,
    place: Place,
    command: Sequence[str],
) -> dict[str, Any]:
    """Give the content of search.json: plain values, None where nothing is known.

    Args:
        place: networks are timed on its device, from its runs, if they still are there.
    """
    settings, search, outcomes = question.settings, question.search, journal.outcomes
    arms = _arms(outcomes, fresh_seeds(journal.look, search.confirm_seeds))
    networks, timed_on = _networks(arms, place.runs, place.device)
    answer: dict[str, Any] = {
        "schema": RESULT_SCHEMA,
        "made": plain(provenance.gather(command)),
        "settings": settings.model_dump(mode="json"),
        "question": search.model_dump(mode="json"),
        "words": sentences.words(settings, search),
        "grid": list(question.grid),
        "frames": asdict(question.frames),
        "look": journal.look,
        "looks": looks.told(journal, found.claims),
        "alpha": question.alpha(journal.look),
        "stopped": found.stopped,
        "verdict": _verdict(found),
        "ratio": found.ratio,
        "proposed": found.proposed,
        "search": [_probe(probe) for probe in found.probes],
        "confirmation": [_claim(claim) for claim in found.claims],
        "controls": [_control(beaten) for beaten in found.beaten],
        "controls_missing": missing(settings) if search.controls else {},
        "networks": networks,
        "timed_on": timed_on,
        "crashes": journal.crashes,
        "compute": _compute(outcomes.values(), journal),
    }
    answer["claimed"] = looks.claimed(answer["looks"])
    folder = Folder(place.runs / _smallest(answer, outcomes)) if answer["claimed"] else None
    answer["model"] = str(folder.file("model")) if folder and folder.has("model") else None
    answer["sentences"] = {
        "answer": sentences.answer(answer),
        "scope": sentences.scope(answer),
        "controls": sentences.controls(answer),
        "model": sentences.model(answer, str(folder.path)) if folder else "",
    }
    return answer


def _smallest(answer: Mapping[str, Any], outcomes: Mapping[Trial, Outcome]) -> str:
    """Name the run of the first network with the highest ratio that was shown, in this look or an earlier one."""
    ratio, number = answer["claimed"]["ratio"], answer["claimed"]["look"]
    seeds = fresh_seeds(number, answer["looks"][number - 1]["question"]["confirm_seeds"])
    return next(str(outcome.facts["run"]) for outcome in _arms(outcomes, seeds)["", ratio] if outcome.state == "done")


def _verdict(found: Findings) -> str:
    """Name how a look ended: "found", "not shown" (none passed), "none found" (nothing to confirm), or "unfinished"."""
    if found.stopped and not found.confirmed:
        return "unfinished"
    if found.proposed is None:
        return "none found"
    return "not shown" if found.ratio is None else "found"


def _probe(probe: Probe) -> dict[str, Any]:
    return {
        "ratio": probe.ratio,
        "passes": probe.passes,
        "mean": probe.mean,
        "standard_error": probe.standard_error,
        **_table(probe.table),
    }


def _claim(claim: Claim) -> dict[str, Any]:
    decision = claim.decision
    numbers = asdict(decision) if decision else {"verdict": "undecided"}
    needed: dict[str, int | None] = {"seeds_needed": None, "seeds_needed_next_look": None}
    if decision is not None and not claim.passed:
        for look, name in enumerate(needed, 1):
            alpha = alpha_of_look(decision.alpha, look)
            needed[name] = seeds_needed(claim.table.differences, margin=decision.margin, alpha=alpha)
    return {"ratio": claim.ratio, **_table(claim.table), **numbers, **needed}


def _control(beaten: Beaten) -> dict[str, Any]:
    """A control minus the unpruned network, and the pruned network minus the control."""
    named = {"name": beaten.name, "what": CONTROLS[beaten.name]}
    own = {"pruned_is": beaten.verdict, "does_as_well": beaten.does_as_well}
    against = {"pruned_minus_control": _corrected(beaten.against)}
    return named | own | _table(beaten.table) | _corrected(beaten.decision) | against


def _corrected(found: Corrected | None) -> dict[str, Any]:
    """A decision with what Holm's rule makes of its p-value and verdict."""
    if found is None:
        return {"verdict": "undecided", "adjusted_p_value": None, "adjusted_verdict": "undecided"}
    adjusted = {"adjusted_by": "Holm", "adjusted_p_value": found.p_value, "adjusted_verdict": found.verdict}
    return asdict(found.decision) | adjusted


def _table(table: Table) -> dict[str, Any]:
    n_frames, n_seeds = table.differences.shape
    return {
        "n_frames": n_frames,
        "n_seeds": n_seeds,
        "left_out": {str(seed): why for seed, why in table.left_out.items()},
        "hopeless": table.hopeless,
        "rows": [frame for _, frame in table.rows],
        "differences": table.differences.tolist(),
    }


Arm = tuple[str, float]  # control, "" for the method itself; ratio


def _arms(outcomes: Mapping[Trial, Outcome], seeds: Sequence[int]) -> dict[Arm, list[Outcome]]:
    """The trials of this look's confirmation: the method's by rising ratio, then those of the controls."""
    arms: dict[Arm, list[Outcome]] = defaultdict(list)
    for trial in sorted(outcomes, key=lambda trial: (trial.control, trial.ratio, trial.seed, trial.fold)):
        if trial.phase == "confirm" and trial.seed in seeds:
            arms[trial.control, trial.ratio].append(outcomes[trial])
    return arms


def _networks(
    arms: Mapping[Arm, Sequence[Outcome]], runs: Path, device: str
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """What each arm scores and costs, and where it was timed.

    The milliseconds are those of its first network, all measured in turn; the time ratio sets them beside the unpruned
    one's, and is None where that is gone.
    """
    done = {arm: [outcome for outcome in outcomes if outcome.state == "done"] for arm, outcomes in arms.items()}
    firsts = {arm: outcomes[0].facts for arm, outcomes in done.items() if outcomes}
    times, timed_on = _milliseconds([runs / facts["run"] for facts in firsts.values()], device)
    dense = times.get(runs / firsts["", REFERENCE]["run"]) if ("", REFERENCE) in firsts else None
    networks = [
        {
            "ratio": ratio,
            "control": control,
            "score": _mean(score for outcome in done[control, ratio] for score in outcome.scores.values()),
            "score_by_trial": [_mean(outcome.scores.values()) for outcome in done[control, ratio]],
            "hopeless": sum(outcome.state == "hopeless" for outcome in arms[control, ratio]),
            "parameters": facts["parameters"]["left"],
            "macs": facts["macs"]["masked"],
            "bytes": facts["bytes"],
            "of_budget": _mean_or_none(
                outcome.facts["of_budget"] for outcome in done[control, ratio] if "of_budget" in outcome.facts
            ),
            "milliseconds": (own := times.get(runs / facts["run"])),
            "time_ratio": own / dense if own and dense else None,
            "run": facts["run"],
        }
        for (control, ratio), facts in firsts.items()
    ]
    return networks, timed_on


def _milliseconds(folders: Iterable[Path], device: str) -> tuple[dict[Path, float], dict[str, Any] | None]:
    """Time the networks in turn, now that nothing else of the search is running; one that is gone has no time."""
    found = {str(folder): folder for folder in folders if Folder(folder).has("model")}
    if not found:
        return {}, None
    place = accelerator.start(device).device
    header, _, _ = Folder(next(iter(found.values()))).read_model()
    inputs = torch.randn(1, header["architecture"]["in_channels"], *header["network_size_px"], device=place)
    times = timing.milliseconds({name: models.load(folder).to(place) for name, folder in found.items()}, inputs)
    timed_on = {"device": str(place), "threads": torch.get_num_threads()}
    return {folder: times[name] for name, folder in found.items()}, timed_on


def _compute(outcomes: Iterable[Outcome], journal: Journal) -> dict[str, Any]:
    """Count the networks, the seconds that training and scoring them took, crashed tries too, and on what machines."""
    facts = [outcome.facts for outcome in outcomes]
    return {
        "trainings": len(facts),
        "trained_before": sum(not fact.get("trained_here", True) for fact in facts),
        "crashed_tries": sum(map(len, journal.crashes.values())),
        "seconds": round(sum(fact.get("seconds", 0.0) for fact in facts) + journal.crashed_s, 1),
        "machines": dict(Counter(fact["machine"] for fact in facts if "machine" in fact)),
    }


def _mean_or_none(values: Iterable[float]) -> float | None:
    found = list(values)
    return _mean(found) if found else None


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
