"""A sweep's own folder: what it is about, what failed, and the table; never a run, which many may share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import sleep
from typing import Literal

from cellprune.config import load as config
from cellprune.config import own
from cellprune.errors import CellpruneError
from cellprune.files import listing
from cellprune.runs import atomic, documents, lock
from cellprune.tables.plan import Plan

SWEEP, TABLE, PAGE, LATEX, SCORES = "sweep.json", "table.csv", "table.html", "table.tex", "scores"
LAYER_TIMES = "layer_times.json"
_OURS = {SWEEP, TABLE, PAGE, LATEX, SCORES, LAYER_TIMES}
_SCHEMA = 1
_PATIENCE_S = 0.5  # between two tries of a folder that another planner is just writing to


@dataclass(frozen=True)
class Failure:
    """Why a trial has no run.

    Attributes:
        state: "hopeless": pruned until nothing reaches the output, which is an answer; "crashed" twice.
    """

    state: Literal["hopeless", "crashed"]
    reason: str


class SweepFolder:
    """The folder of one plan; several planners of the same plan may work for it at once."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self._identity = _identity(plan)

    def require(self, *, resume: bool) -> None:
        """Refuse a folder that is not free for this plan; nothing is written.

        Raises:
            CellpruneError: a file, other content, a sweep without `resume`, or a sweep of another plan.
        """
        if self.path.exists() and not self.path.is_dir():
            raise CellpruneError(f"{self.path} is a file, not a folder: give another --output")
        names = {name for name in listing.names(self.path) if not atomic.is_partial(name)} - {lock.LOCK}
        if foreign := names - _OURS:
            raise CellpruneError(
                f"{self.path} holds {min(foreign)!r}, which no sweep writes: give an absent or empty folder as --output"
            )
        if names and not resume:
            raise CellpruneError(f"{self.path} holds a sweep: go on with it by --resume, or give another --output")
        theirs = self._read().get("plan", self._identity)
        if not isinstance(theirs, dict):
            raise documents.damaged(self.path / SWEEP, "it names no plan")
        ours, others = dict(config.flat(self._identity)), dict(config.flat(theirs))
        if changed := sorted(key for key in ours.keys() | others.keys() if ours.get(key) != others.get(key)):
            told = "; ".join(f"{key}: {others.get(key)} -> {ours.get(key)}" for key in changed[:3])
            raise CellpruneError(
                f"{self.path} holds a sweep of another plan ({told}): give another --output; finished runs are shared "
                "all the same"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder while it is written to; a planner that is just writing is waited for."""
        while True:
            try:
                with lock.locked(self.path):
                    yield
                    return
            except lock.BusyError:
                sleep(_PATIENCE_S)

    def failures(self) -> dict[str, Failure]:
        """Give what failed so far, by the name of the trial."""
        failed = self._read().get("failed", {})
        assert isinstance(failed, dict)
        return {name: Failure(**one) for name, one in failed.items()}

    def note(self, failures: Mapping[str, Failure | None]) -> None:
        """Write down what failed in this call, or does no more; what other planners wrote stays. Hold the folder."""
        known = {**self.failures(), **failures}
        failed = {name: asdict(one) for name, one in sorted(known.items()) if one is not None}
        documents.write_json(self.path / SWEEP, {"schema": _SCHEMA, "plan": self._identity, "failed": failed})

    def _read(self) -> dict[str, object]:
        return documents.read_json(self.path / SWEEP) if (self.path / SWEEP).exists() else {}


def _identity(plan: Plan) -> dict[str, object]:
    """Give what a sweep is about: its axes, the settings that all its arms have in common, and the user's own code."""
    of_arms = [dict(config.flat(arm.settings.model_dump(mode="json"))) for arm in plan.arms]
    common = {key: value for key, value in of_arms[0].items() if all(arm.get(key) == value for arm in of_arms)}
    told: dict[str, object] = {"axes": plan.axes.model_dump(mode="json"), "settings": common}
    pruned = [arm.settings.pruning for arm in plan.arms]
    if of_own := {own.short(one.method): one.method_sha256 for one in pruned if one.method_sha256}:
        told["method_sha256"] = of_own
    networks = [arm.settings.model for arm in plan.arms]
    if of_own := {own.short(one.name): one.source_sha256 for one in networks if one.source_sha256}:
        told["source_sha256"] = of_own
    if (of := plan.of_paper) is None:
        return told
    table = {
        "number": of.table.number,
        "protocol": of.protocol,
        "rows": list(of.rows),
        "columns": list(of.columns),
        "changed": {" ".join(group): list(lines) for group, lines in of.changed.items()},
    }
    return {**told, "table": table}
