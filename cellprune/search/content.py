"""What a journal holds, as values, and the one place that turns them into JSON and back, older journals too."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cellprune.campaign.job import RunFacts
from cellprune.config.load import completed, flat
from cellprune.config.search import USUAL
from cellprune.config.shares import COSTS
from cellprune.runs import documents
from cellprune.runs.layer_times import LayerTimes
from cellprune.search.judge.trial import Outcome, Trial
from cellprune.search.look import Look

SCHEMA = 1
_TIMES = TypeAdapter(LayerTimes)


@dataclass(frozen=True)
class Identity:
    """What one journal is about and never changes.

    Attributes:
        settings: those of all trials, as plain values, without what a trial decides.
        search: the part of the question that stays; the usual score is not named, as in older journals.
        data: hash of all splits.
        cellprune: version that the search is made by.
    """

    settings: Mapping[str, object]
    search: Mapping[str, str | float]
    data: str
    cellprune: str = field(default_factory=lambda: version("cellprune"))

    @property
    def digest(self) -> str:
        """A hash of what is searched, whatever version searches it (hex, sha256)."""
        own = {"settings": self.settings, "search": self.search, "data": self.data}
        return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()

    def changes(self, other: "Identity") -> list[str]:
        """Say in what another search differs, "key: ours -> its"; the version apart, which says it by itself."""
        ours, its = (
            dict(flat({**asdict(one), "settings": completed(one._told()), "search": {"score": USUAL, **one.search}}))
            for one in (self, other)
        )
        keys = sorted(key for key in ours.keys() | its.keys() if ours.get(key) != its.get(key) and key != "cellprune")
        return ["data: other files" if key == "data" else f"{key}: {ours.get(key)} -> {its.get(key)}" for key in keys]

    def _told(self) -> Mapping[str, object]:
        """Give the settings with the single channels that a search by cost removes where it says nothing of blocks."""
        pruning = self.settings["pruning"]
        assert isinstance(pruning, Mapping)
        by_cost = self.search["unit"] in COSTS and pruning.get("granularity") == "channel"
        return {**self.settings, "pruning": {**({"round_to": 1} if by_cost else {}), **pruning}}


@dataclass(frozen=True)
class Content:
    """All that a journal holds.

    Attributes:
        outcomes: what came of each trial, in that order.
        crashes: name of a trial -> why it crashed, each time.
        crashed_s: seconds that went into tries that crashed.
        runs: folder of the trials' runs; None in a journal that is older than this entry.
        layer_times: what layers take, where milliseconds decide: the same for all trainings.
    """

    identity: Identity
    looks: tuple[Look, ...] = ()
    outcomes: Mapping[Trial, Outcome] = field(default_factory=dict)
    crashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    crashed_s: float = 0.0
    runs: Path | None = None
    layer_times: LayerTimes | None = None

    def as_dict(self) -> dict[str, object]:
        """Give the plain values of journal.json."""
        own = self.identity
        return {
            "schema": SCHEMA,
            "identity": {
                "cellprune": own.cellprune, "settings": own.settings, "search": own.search, "data": own.data,
            },
            "looks": [look.as_dict() for look in self.looks],
            "trials": {
                trial.key: {"trial": asdict(trial), "outcome": _plain(outcome)}
                for trial, outcome in self.outcomes.items()
            },
            "crashes": {key: list(reasons) for key, reasons in self.crashes.items()},
            **({"runs": str(self.runs)} if self.runs else {}),
            **({"crashed_s": self.crashed_s} if self.crashes else {}),
            **({"layer_times": documents.plain(self.layer_times)} if self.layer_times else {}),
        }  # fmt: skip

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Content":
        """Read what `as_dict` gave; everything, so that what was damaged is told before any work.

        Raises:
            AttributeError, LookupError, TypeError, ValueError: it is damaged.
        """
        own = content["identity"]
        identity = Identity(own["settings"], own["search"], own["data"], own["cellprune"])
        completed(identity.settings)
        return cls(
            identity=identity,
            looks=tuple(map(Look.of, content["looks"])),
            outcomes={Trial(**kept["trial"]): _outcome(kept["outcome"]) for kept in content["trials"].values()},
            crashes={key: tuple(reasons) for key, reasons in content["crashes"].items()},
            crashed_s=float(content.get("crashed_s", 0.0)),
            runs=Path(content["runs"]) if "runs" in content else None,
            layer_times=_TIMES.validate_python(content["layer_times"]) if "layer_times" in content else None,
        )


def _plain(outcome: Outcome) -> dict[str, object]:
    return {
        "state": outcome.state,
        "scores": dict(outcome.scores),
        "reason": outcome.reason,
        "facts": _facts(outcome),
    }


def _facts(outcome: Outcome) -> dict[str, object]:
    run = outcome.run
    if run is None:
        return {"seconds": outcome.seconds} if outcome.seconds else {}
    return {
        "run": run.folder,
        "seconds": outcome.seconds,
        "machine": run.machine,
        "trained_here": run.trained_here,
        "parameters": {"left": run.parameters_left, "total": run.parameters_total},
        "macs": {"dense": run.macs_dense, "masked": run.macs_left},
        "bytes": run.model_bytes,
        **({"nothing": outcome.nothing} if outcome.nothing else {}),
        **({"of_budget": run.of_budget} if run.of_budget is not None else {}),
        **({"widths": run.widths} if run.widths is not None else {}),
        **({"layers_ms": run.layers_ms} if run.layers_ms is not None else {}),
        "curve": {str(epoch): score for epoch, score in run.curve.items()},
    }


def _outcome(content: Mapping[str, Any]) -> Outcome:
    facts = content["facts"]
    run = None
    if "run" in facts:
        run = RunFacts(
            folder=facts["run"],
            machine=facts.get("machine", ""),  # journals from before it was kept
            trained_here=facts.get("trained_here", True),
            parameters_left=facts["parameters"]["left"],
            parameters_total=facts["parameters"]["total"],
            macs_left=facts["macs"]["masked"],
            macs_dense=facts["macs"]["dense"],
            model_bytes=facts["bytes"],
            curve={int(epoch): score for epoch, score in facts["curve"].items()},
            of_budget=facts.get("of_budget"),
            widths=tuple(facts["widths"]) if "widths" in facts else None,
            layers_ms=facts.get("layers_ms"),
        )
    return Outcome(
        state=content["state"],
        scores=dict(content["scores"]),
        reason=content["reason"],
        nothing=facts.get("nothing", ""),
        seconds=facts.get("seconds", 0.0),
        run=run,
    )
