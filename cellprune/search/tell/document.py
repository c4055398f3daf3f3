"""search.json: the answer as plain values, and the one place that reads them again, from older versions too."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from cellprune.config.load import recorded
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import Decision
from cellprune.runs import documents
from cellprune.search.frames import Frames
from cellprune.search.judge.controls import Corrected
from cellprune.search.look import Look
from cellprune.search.tell.answer import (
    Answer,
    AnsweredLook,
    Compute,
    Control,
    Evidence,
    Limits,
    Network,
    Probed,
    Tested,
    TimedOn,
)  # fmt: skip
from cellprune.search.tell.sentences import sentences
from cellprune.search.tell.words import Words
from cellprune.wording import reason

SCHEMA = 1


def content(answer: Answer) -> dict[str, Any]:
    """Give the content of search.json: plain values, None where nothing is known."""
    claimed = answer.claimed
    return {
        "schema": SCHEMA,
        "made": dict(answer.made),
        "settings": answer.settings.model_dump(mode="json"),
        "question": answer.question.model_dump(mode="json"),
        "words": asdict(answer.words),
        "grid": list(answer.grid),
        "frames": asdict(answer.frames),
        "look": answer.look,
        "looks": [_look(look) for look in answer.looks],
        "alpha": answer.alpha,
        "stopped": answer.stopped,
        "verdict": answer.verdict,
        "ratio": answer.ratio,
        "proposed": answer.proposed,
        "search": [_probed(probed) for probed in answer.search],
        "confirmation": [_tested(tested) for tested in answer.confirmation],
        "controls": [_control(control) for control in answer.controls],
        "controls_missing": dict(answer.controls_missing),
        "networks": [asdict(network) for network in answer.networks],
        "timed_on": asdict(answer.timed_on) if answer.timed_on else None,
        "crashes": {trial: list(reasons) for trial, reasons in answer.crashes.items()},
        "compute": asdict(answer.compute),
        "claimed": asdict(claimed) if claimed else None,
        "model": answer.model,
        "sentences": asdict(sentences(answer)),
    }


def read(path: Path) -> Answer:
    """Read a search.json.

    Raises:
        CellpruneError: it is missing, damaged, or of another version.
    """
    plain = documents.read_json(path)
    if plain.get("schema") != SCHEMA:
        raise CellpruneError(f"{path} is no result of this version of cellprune: run its search again with --resume")
    try:
        return answer_of(plain)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CellpruneError(f"{path} is damaged ({reason(error)}): run its search again with --resume") from None


def answer_of(plain: Mapping[str, Any]) -> Answer:
    """Give the answer that the content of a search.json tells.

    Raises:
        CellpruneError: it was asked with settings that this version does not know.
        AttributeError, LookupError, TypeError, ValueError: it is damaged.
    """
    frames, compute, timed_on = plain["frames"], plain["compute"], plain["timed_on"]
    return Answer(
        made=plain["made"],
        settings=recorded(plain["settings"], "the settings of the search"),
        question=Search.model_validate(plain["question"]),
        words=Words(**plain["words"]),
        grid=tuple(plain["grid"]),
        frames=Frames(
            n_report=frames["n_report"],
            n_select=frames["n_select"],
            recordings=tuple(frames["recordings"]),
            dropped=tuple((name, why) for name, why in frames["dropped"]),
            sha256=frames["sha256"],
            select_by_fold=tuple(frames["select_by_fold"]),
            in_folder=frames["in_folder"],
        ),
        look=plain["look"],
        looks=_read_looks(plain),
        alpha=plain["alpha"],
        stopped=plain["stopped"],
        verdict=plain["verdict"],
        ratio=plain["ratio"],
        proposed=plain["proposed"],
        search=tuple(_read_probed(probed) for probed in plain["search"]),
        confirmation=tuple(_read_tested(tested) for tested in plain["confirmation"]),
        controls=tuple(_read_control(control) for control in plain["controls"]),
        controls_missing=plain["controls_missing"],
        networks=tuple(_read_network(network) for network in plain["networks"]),
        timed_on=TimedOn(**timed_on) if timed_on else None,
        crashes={trial: tuple(reasons) for trial, reasons in plain["crashes"].items()},
        compute=Compute(**compute),
        model=plain["model"],
        model_run=str(Path(plain["model"]).parent) if plain["model"] else "",
    )


def _look(answered: AnsweredLook) -> dict[str, Any]:
    return answered.look.as_dict() | {"ratio": answered.ratio, "tested": [asdict(test) for test in answered.tested]}


def _read_looks(plain: Mapping[str, Any]) -> tuple[AnsweredLook, ...]:
    """Read every look; older versions wrote the p-values of the last one only where it was told in full."""
    in_full = {tested["ratio"]: tested.get("p_value") for tested in plain["confirmation"]}
    *before, last = plain["looks"]
    return (
        *(AnsweredLook(Look.of(look), tuple(Limits(**test) for test in look["tested"])) for look in before),
        AnsweredLook(
            Look.of(last),
            tuple(Limits(**{"p_value": in_full.get(test["ratio"]), **test}) for test in last["tested"]),
        ),
    )


def _read_evidence(plain: Mapping[str, Any]) -> Evidence:
    return Evidence(
        n_frames=plain["n_frames"],
        n_seeds=plain["n_seeds"],
        left_out=plain["left_out"],
        hopeless=plain["hopeless"],
        rows=tuple(plain["rows"]),
        differences=tuple(map(tuple, plain["differences"])),
    )


def _probed(probed: Probed) -> dict[str, Any]:
    own = {key: getattr(probed, key) for key in ("ratio", "passes", "mean", "standard_error")}
    return own | asdict(probed.evidence)


def _read_probed(plain: Mapping[str, Any]) -> Probed:
    return Probed(plain["ratio"], plain["passes"], plain["mean"], plain["standard_error"], _read_evidence(plain))


def _tested(tested: Tested) -> dict[str, Any]:
    return {
        "ratio": tested.ratio,
        **asdict(tested.evidence),
        **(asdict(tested.decision) if tested.decision else {"verdict": tested.verdict}),
        "seeds_needed": tested.seeds_needed,
        "seeds_needed_next_look": tested.seeds_needed_next_look,
    }


def _read_tested(plain: Mapping[str, Any]) -> Tested:
    return Tested(
        ratio=plain["ratio"],
        evidence=_read_evidence(plain),
        decision=_read_decision(plain),
        seeds_needed=plain["seeds_needed"],
        seeds_needed_next_look=plain.get("seeds_needed_next_look"),
    )


def _read_decision(plain: Mapping[str, Any]) -> Decision | None:
    """Read the numbers of a decision; None where they were left out, because nothing could be decided."""
    return Decision(**{field.name: plain[field.name] for field in fields(Decision)}) if "mean" in plain else None


def _control(control: Control) -> dict[str, Any]:
    """A control minus the unpruned network, and the pruned network minus the control."""
    own = {key: getattr(control, key) for key in ("name", "what", "pruned_is", "does_as_well")}
    against = {"pruned_minus_control": _corrected(control.against)}
    return own | asdict(control.evidence) | _corrected(control.own) | against


def _read_control(plain: Mapping[str, Any]) -> Control:
    return Control(
        name=plain["name"],
        what=plain["what"],
        pruned_is=plain["pruned_is"],
        does_as_well=plain["does_as_well"],
        evidence=_read_evidence(plain),
        own=_read_corrected(plain),
        against=_read_corrected(plain["pruned_minus_control"]),
    )


def _corrected(corrected: Corrected | None) -> dict[str, Any]:
    """A decision with what Holm's rule makes of its p-value and verdict."""
    if corrected is None:
        return {"verdict": "undecided", "adjusted_p_value": None, "adjusted_verdict": "undecided"}
    adjusted = {"adjusted_by": "Holm", "adjusted_p_value": corrected.p_value, "adjusted_verdict": corrected.verdict}
    return asdict(corrected.decision) | adjusted


def _read_corrected(plain: Mapping[str, Any]) -> Corrected | None:
    decision = _read_decision(plain)
    return Corrected(decision, plain["adjusted_p_value"], plain["adjusted_verdict"]) if decision else None


def _read_network(plain: Mapping[str, Any]) -> Network:
    older = {"of_budget": None, "time_ratio": None}  # what was not told before there was such a thing
    return Network(**{**older, **plain, "score_by_trial": tuple(plain["score_by_trial"])})
