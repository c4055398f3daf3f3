"""The journal: what was asked before the first training, and what came of every trial since.

One JSON file, written whole after every step, so that a search that is cut anywhere goes on where it stopped. Proposal
and verdicts are not kept but found again from the outcomes: they follow from them.

A *look* is one question with its confirmation. Once a confirmation has begun, its question is frozen; a smaller margin,
more seeds or a wider range then begin another look, which is listed and has half the error.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cellprune.config.load import completed, flat
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import alpha_of_look
from cellprune.files import listing
from cellprune.runs import atomic, documents, lock, provenance
from cellprune.search.judge.confirm import Terms, fresh_seeds, ratios_to_test
from cellprune.search.judge.grid import grid
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial, paired

JOURNAL, RESULT, PAGE = "journal.json", "search.json", "search.html"
RESULT_SCHEMA = 1
_SCHEMA = 1
_MAY_MOVE = {"margin": (-1,), "seeds": (1,), "confirm_seeds": (1,), "low": (-1,), "high": (-1, 1)}  # down, up
_FREE = {"controls"}  # adds trainings, changes no answer


class LackingError(LookupError):
    """The journal does not know what came of a trial."""


class Journal:
    """A search's own folder, held by one planner; `held` gives it."""

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder = folder
        self._content = content

    @classmethod
    @contextmanager
    def held(
        cls, folder: Path, identity: Mapping[str, Any], question: Search, *, resume: bool, runs: Path
    ) -> Iterator["Journal"]:
        """Open or begin the journal in a folder, and keep other planners out of it.

        Args:
            folder: absent or empty; with `resume` also a search's.
            identity: what never changes in a search: settings, data, method; plain values.
            question: what is asked now.
            runs: folder of the trials' runs.
        Raises:
            CellpruneError: another planner is at work, a journal of another search or version, a question that only
                a new search may ask, a folder with other content, other runs. Nothing was written then.
        """
        opened(folder, identity, question, resume=resume, runs=runs)
        with lock.locked(folder):
            content = opened(folder, identity, question, resume=resume, runs=runs)  # as the last planner left it
            journal = cls(folder, content)
            journal._write()
            yield journal

    @property
    def look(self) -> int:
        """Number of the look under way, from 1."""
        return len(self._content["looks"])

    @property
    def looks(self) -> list[dict[str, Any]]:
        """Every look: its question, error and grid, once it is frozen the proposal and when, and what it replaced."""
        return list(self._content["looks"])

    @property
    def crashes(self) -> dict[str, list[str]]:
        """Trial -> why it crashed, each time."""
        return dict(self._content["crashes"])

    def freeze(self, proposed: float | None) -> None:
        """Write down what the search proposes, before anything of the confirmation is trained."""
        look = self._content["looks"][-1]
        if look.get("proposed") is None:  # nothing was confirmed, and what had crashed may have come through now
            look |= {"proposed": proposed, "frozen": provenance.now()}
            self._write()
        assert look["proposed"] == proposed, "the same outcomes lead to the same proposal"

    def outcome(self, trial: Trial) -> Outcome | None:
        """Give what came of a trial; None if nothing yet."""
        kept = self._content["trials"].get(trial.key)
        return None if kept is None else Outcome(**kept["outcome"])

    def measure(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Give outcomes as a `trial.Measure` does, and train nothing.

        Raises:
            LackingError: of one of them nothing is known yet.
        """
        outcomes = [self.outcome(trial) for trial in trials]
        known = [outcome for outcome in outcomes if outcome is not None]
        if len(known) < len(outcomes):
            raise LackingError(f"{len(outcomes) - len(known)} of {len(outcomes)} trials are not in the journal")
        return known

    @property
    def outcomes(self) -> dict[Trial, Outcome]:
        """Every outcome so far, in the order they came."""
        kept = self._content["trials"].values()
        return {Trial(**entry["trial"]): Outcome(**entry["outcome"]) for entry in kept}

    def record(self, trial: Trial, outcome: Outcome) -> None:
        """Keep what came of a trial."""
        self._content["trials"][trial.key] = {"trial": asdict(trial), "outcome": asdict(outcome)}
        self._write()

    @property
    def crashed_s(self) -> float:
        """Seconds that went into tries that crashed."""
        return float(self._content.get("crashed_s", 0.0))

    def record_crash(self, trial: Trial, reason: str, seconds: float) -> None:
        """Note that a trial crashed; it has no outcome by that."""
        self._content["crashes"].setdefault(trial.key, []).append(reason)
        self._content["crashed_s"] = round(self.crashed_s + seconds, 1)
        self._write()

    def _write(self) -> None:
        documents.write_json(self.folder / JOURNAL, self._content)


def opened(folder: Path, identity: Mapping[str, Any], question: Search, *, resume: bool, runs: Path) -> dict[str, Any]:
    """Give the journal's content with this question as its last look; nothing is written.

    A trial that crashed may have done so for a passing cause, so it is open again, unless something was judged without
    it: who does not like a verdict would only have to ask for another.

    Raises:
        CellpruneError: as `Journal.held`, but for another planner.
    """
    identity = {"cellprune": version("cellprune"), **identity}
    content = _read(folder, resume)
    if content is None:
        content = {"schema": _SCHEMA, "identity": identity, "looks": [], "trials": {}, "crashes": {}}
    _require_same(folder, content, identity)
    _require_runs(folder, content, runs)
    looks = _asked(folder, content["looks"], question)
    trials = {key: kept for key, kept in content["trials"].items() if not _is_open(kept, content["trials"], looks)}
    return content | {"looks": looks, "trials": trials, "runs": str(runs)}


def _read(folder: Path, resume: bool) -> dict[str, Any] | None:
    """Give the content of the journal that is there; None where the folder is free."""
    if folder.exists() and not folder.is_dir():
        raise CellpruneError(f"{folder} is a file, not a folder: give another --output")
    names = {name for name in listing.names(folder) if not atomic.is_partial(name)} - {lock.LOCK}
    if foreign := names - {JOURNAL, RESULT, PAGE}:
        raise CellpruneError(
            f"{folder} holds {min(foreign)!r}, which no search writes: give an absent or empty folder as --output"
        )
    if JOURNAL not in names:
        if names:
            raise CellpruneError(
                f"{folder} holds {min(names)!r} of a search whose {JOURNAL} is gone: give another --output"
            )
        return None
    if not resume:
        raise CellpruneError(f"{folder} holds a search: go on with it by --resume, or give another --output")
    content = documents.read_json(folder / JOURNAL)
    if content.get("schema") != _SCHEMA or not {"identity", "looks", "trials", "crashes"} <= content.keys():
        raise CellpruneError(f"{folder / JOURNAL} is no journal of this version of cellprune: give another --output")
    try:
        _require_whole(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CellpruneError(
            f"{folder / JOURNAL} is damaged ({type(error).__name__}: {' '.join(str(error).split())[:80]}): restore it, "
            "or give another --output"
        ) from None
    return content


def _require_whole(content: Mapping[str, Any]) -> None:
    """Read everything as a search will, so that what was damaged is told before any work."""
    dict(flat({**content["identity"], "settings": completed(content["identity"]["settings"])}))
    dict(content["crashes"])
    for kept in content["trials"].values():
        Trial(**kept["trial"])
        dict(Outcome(**kept["outcome"]).facts)
    for number, look in enumerate(content["looks"], 1):
        Search.model_validate(look["question"])
        terms(look, number)
        if look.get("proposed") is not None:
            ratios_to_test(look["grid"], look["proposed"])


def _require_same(folder: Path, content: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    made, here = content["identity"].get("cellprune"), identity["cellprune"]
    if made != here:
        raise CellpruneError(
            f"the journal in {folder} is of cellprune {made}, this is {here}: install that, or give another --output"
        )
    kept, asked = (
        dict(flat({**its, "settings": completed(its["settings"])})) for its in (content["identity"], identity)
    )
    changed = sorted(key for key in kept.keys() | asked.keys() if kept.get(key) != asked.get(key))
    if changed:
        told = "; ".join(
            "data: other files" if key == "data" else f"{key}: {kept.get(key)} -> {asked.get(key)}" for key in changed
        )
        raise CellpruneError(f"the journal in {folder} is of another search ({told}): ask the same, or give --output")


def _require_runs(folder: Path, content: Mapping[str, Any], runs: Path) -> None:
    """Refuse another folder of runs that holds none of this search's; runs that were thrown away are nobody's fault."""
    before = Path(content.get("runs", runs))
    kept = {entry["outcome"]["facts"].get("run") for entry in content["trials"].values()} - {None}
    if before.absolute() != runs.absolute() and kept and not any((runs / name).is_dir() for name in kept):
        raise CellpruneError(
            f"the trainings of the search in {folder} are in {before}, and {runs} has none of them: "
            f"give --runs {before}, or the folder that they were moved to"
        )


def _asked(folder: Path, looks: list[dict[str, Any]], question: Search) -> list[dict[str, Any]]:
    """Give the looks with this question as the last: one goes on, is replaced, or comes after it.

    Another range may be asked for, also a lower one: whatever is claimed there is held to the later look's error.
    """
    asked = question.model_dump(mode="json")
    if not looks:
        return [_look(question, 1)]
    *before, last = looks
    changed = [key for key, value in asked.items() if last["question"][key] != value and key not in _FREE]
    if not changed:
        return [*before, last | {"question": asked}]
    moved = {key: 1 if asked[key] > last["question"][key] else -1 for key in changed}
    wrong = [key for key, way in moved.items() if way not in _MAY_MOVE.get(key, ())]
    if wrong:
        told = "; ".join(f"{key}: {last['question'][key]} -> {asked[key]}" for key in wrong)
        raise CellpruneError(
            f"the journal in {folder} was asked something else ({told}): a smaller margin, more seeds, a lower --low "
            "or another --high may follow, anything else needs another --output"
        )
    if last.get("proposed") is not None:
        return [*before, last, _look(question, len(looks) + 1)]
    asked_before = [*last.get("asked_before", ()), last["question"]]  # in the open, though nothing was confirmed
    return [*before, _look(question, len(looks)) | {"asked_before": asked_before}]


def terms(look: Mapping[str, Any], number: int) -> Terms:
    """Give what the confirmation of a look is held to; the first look has number 1."""
    question = look["question"]
    seeds = fresh_seeds(number, question["confirm_seeds"])
    return Terms(question["margin"], look["alpha"], seeds, max(1, question["cv"]))


def _is_open(kept: Mapping[str, Any], trials: Mapping[str, Any], looks: list[dict[str, Any]]) -> bool:
    """Whether a trial that crashed twice may be tried again in the last look."""
    trial, look = Trial(**kept["trial"]), looks[-1]
    if kept["outcome"]["state"] != "excluded":
        return False
    if trial.phase == "search":
        return look.get("proposed") is None
    held_to = terms(look, len(looks))
    return trial.seed in held_to.seeds and not _was_judged(trial.ratio, trial.control, trials, held_to)


def _was_judged(ratio: float, control: str, trials: Mapping[str, Any], held_to: Terms) -> bool:
    """Whether an arm of a confirmation came to a verdict without the trials that it lost."""
    arms = held_to.trials(REFERENCE), held_to.trials(ratio, control)
    if not all(trial.key in trials for arm in arms for trial in arm):
        return False
    return paired(*({trial: Outcome(**trials[trial.key]["outcome"]) for trial in arm} for arm in arms)).decides


def _look(question: Search, number: int) -> dict[str, Any]:
    """Give what is settled before the first training of a look."""
    return {
        "question": question.model_dump(mode="json"),
        "alpha": alpha_of_look(1 - question.confidence, number),
        "grid": list(grid(question.low, question.high)),
    }
