"""search.json: the answer as plain values, and the one place that reads them again, from older versions too."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cellprune.config.load import completed
from cellprune.config.names import is_dense_family
from cellprune.errors import CellpruneError
from cellprune.runs import documents
from cellprune.search.judge.controls import Corrected
from cellprune.search.judge.grid import RATIOS
from cellprune.search.tell.answer import (
    Answer,
    AnsweredLook,
    Control,
    Probed,
    Tested,
)  # fmt: skip
from cellprune.search.tell.sentences import sentences
from cellprune.wording import reason

SCHEMA = 1


def content(answer: Answer) -> dict[str, object]:
    """Give the content of search.json: plain values, None where nothing is known."""
    claimed = answer.claimed
    return {
        "schema": SCHEMA,
        "made": documents.plain(answer.made),
        "settings": answer.settings.model_dump(mode="json"),
        "question": answer.question.model_dump(mode="json"),
        "words": asdict(answer.words),
        "grid": list(answer.grid),
        "reachable": list(answer.reachable),
        "limit": answer.limit,
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
        "timed_in": asdict(answer.timed_in) if answer.timed_in else None,
        "crashes": {trial: list(reasons) for trial, reasons in answer.crashes.items()},
        "compute": asdict(answer.compute),
        "claimed": asdict(claimed) if claimed else None,
        "model": answer.model,
        "model_file": answer.model_file,
        "sentences": asdict(sentences(answer)),
    }


def _look(answered: AnsweredLook) -> dict[str, object]:
    return answered.look.as_dict() | {"ratio": answered.ratio, "tested": [asdict(test) for test in answered.tested]}


def _probed(probed: Probed) -> dict[str, object]:
    own = {key: getattr(probed, key) for key in ("ratio", "passes", "mean", "standard_error")}
    return own | asdict(probed.evidence)


def _tested(tested: Tested) -> dict[str, object]:
    return {
        "ratio": tested.ratio,
        **asdict(tested.evidence),
        **(asdict(tested.decision) if tested.decision else {"verdict": tested.verdict}),
        "seeds_needed": tested.seeds_needed,
        "seeds_needed_next_look": tested.seeds_needed_next_look,
    }


def _control(control: Control) -> dict[str, object]:
    """A control minus the unpruned network, and the pruned network minus the control."""
    return {
        "name": control.name,
        "what": control.what,
        "pruned_is": control.pruned_is,
        "does_as_well": control.does_as_well,
        **asdict(control.evidence),
        **_corrected(control.own),
        "pruned_minus_control": _corrected(control.against),
    }


def _corrected(corrected: Corrected | None) -> dict[str, object]:
    """A decision with what Holm's rule makes of its p-value and verdict."""
    if corrected is None:
        return {"verdict": "undecided", "adjusted_p_value": None, "adjusted_verdict": "undecided"}
    adjusted = {"adjusted_by": "Holm", "adjusted_p_value": corrected.p_value, "adjusted_verdict": corrected.verdict}
    return asdict(corrected.decision) | adjusted


def read(path: Path) -> Answer:
    """Read a search.json of this version or an older one.

    Raises:
        CellpruneError: it is missing, damaged, or of another version.
    """
    plain = documents.read_json(path)
    if plain.get("schema") != SCHEMA:
        raise CellpruneError(f"{path} is no result of this version of cellprune: run its search again with --resume")
    try:
        return TypeAdapter(Answer).validate_python(_parts(plain))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        why = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        why = reason(error)
    raise CellpruneError(f"{path} is damaged ({why}): run its search again with --resume")


def _parts(plain: Mapping[str, Any]) -> dict[str, object]:
    """Give what `content` gave, of any version, as the parts of an answer; what is not theirs is passed over."""
    *before, last = plain["looks"]
    in_full = {tested["ratio"]: tested.get("p_value") for tested in plain["confirmation"]}
    # older versions wrote the p-values of the last look only where it is told in full
    last = last | {"tested": [{"p_value": in_full.get(test["ratio"]), **test} for test in last["tested"]]}
    return {
        "reachable": RATIOS,
        "limit": "",
        "model_file": None,
        **plain,
        "made": {**plain["made"], "machine": {"environment": {}, **plain["made"]["machine"]}},
        "settings": (settings := completed(plain["settings"])),
        "words": _named(settings["pruning"]["method"], plain["words"]),
        "looks": [{"look": look, "tested": look["tested"]} for look in (*before, last)],
        "search": [{**probed, "evidence": probed} for probed in plain["search"]],
        "confirmation": [
            {"seeds_needed_next_look": None, **tested, "evidence": tested, "decision": _decided(tested)}
            for tested in plain["confirmation"]
        ],
        "controls": [
            {**one, "evidence": one, "own": _adjusted(one), "against": _adjusted(one["pruned_minus_control"])}
            for one in plain["controls"]
        ],
        "networks": [{"of_budget": None, "time_ratio": None, **network} for network in plain["networks"]],
        "model_run": str(Path(plain["model"]).parent) if plain["model"] else "",
    }


def _named(method: str, words: Mapping[str, str]) -> Mapping[str, str]:
    """Add the words that older versions had for all methods alike."""
    return {**({"gone": "saved", "reference": "full-width"} if is_dense_family(method) else {}), **words}


def _decided(tested: Mapping[str, object]) -> Mapping[str, object] | None:
    """Give the numbers of a decision; None where they were left out, because nothing could be decided."""
    return tested if "mean" in tested else None


def _adjusted(tested: Mapping[str, object]) -> Mapping[str, object] | None:
    if _decided(tested) is None:
        return None
    return {"decision": tested, "p_value": tested["adjusted_p_value"], "verdict": tested["adjusted_verdict"]}
