"""Opening a search's folder: a new journal, or the one that is there, or a refusal. Nothing is written here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.files import listing
from cellprune.runs import atomic, documents, lock
from cellprune.runs.layer_times import LayerTimes
from cellprune.runs.searched import RESULT
from cellprune.search.content import SCHEMA, Content, Identity
from cellprune.search.judge.confirm import Terms
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial, paired
from cellprune.search.look import Look, asked

JOURNAL, PAGE = "journal.json", "search.html"


def begun(folder: Path, identity: Identity, *, resume: bool) -> Content | None:
    """Give the content of the journal that is there; None where the folder is free.

    Args:
        folder, identity, resume: as `opened` takes them.
    Raises:
        CellpruneError: a journal of another search or version, a folder with other content.
    """
    content = _read(folder, resume)
    if content is not None:
        _require_same(folder, content.identity, identity)
    return content


def opened(
    folder: Path,
    identity: Identity,
    question: Search,
    grid: tuple[float, ...],
    *,
    resume: bool,
    runs: Path,
    layer_times: LayerTimes | None = None,
) -> Content:
    """Give the journal's content with this question as its last look.

    A trial that crashed may have done so for a passing cause, so it is open again, unless something was judged without
    it: who does not like a verdict would only have to ask for another.

    Args:
        folder: absent or empty; with `resume` also a search's.
        identity: what never changes in a search.
        question, grid: what is asked now, and of which ratios.
        runs: folder of the trials' runs.
        layer_times: what layers take, where milliseconds decide.
    Raises:
        CellpruneError: what `begun` refuses, a question that only a new search may ask, other runs, other times.
    """
    content = begun(folder, identity, resume=resume) or Content(identity, layer_times=layer_times)
    if content.layer_times != layer_times:
        raise CellpruneError(f"the times of layers in {folder / JOURNAL} changed meanwhile: start again with --resume")
    _require_runs(folder, content, runs)
    looks = asked(folder, content.looks, question, grid)
    settled = {trial: one for trial, one in content.outcomes.items() if not _is_open(trial, content.outcomes, looks)}
    return replace(content, looks=looks, outcomes=settled, runs=runs)


def _read(folder: Path, resume: bool) -> Content | None:
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
    if content.get("schema") != SCHEMA or not {"identity", "looks", "trials", "crashes"} <= content.keys():
        raise CellpruneError(f"{folder / JOURNAL} is no journal of this version of cellprune: give another --output")
    try:
        return Content.of(content)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CellpruneError(
            f"{folder / JOURNAL} is damaged ({type(error).__name__}: {' '.join(str(error).split())[:80]}): restore it, "
            "or give another --output"
        ) from None


def _require_same(folder: Path, kept: Identity, asked_for: Identity) -> None:
    if kept.cellprune != asked_for.cellprune:
        raise CellpruneError(
            f"the journal in {folder} is of cellprune {kept.cellprune}, this is {asked_for.cellprune}: install that, "
            "or give another --output"
        )
    if changes := kept.changes(asked_for):
        raise CellpruneError(
            f"the journal in {folder} is of another search ({'; '.join(changes)}): ask the same, or give --output"
        )


def _require_runs(folder: Path, content: Content, runs: Path) -> None:
    """Refuse another folder of runs that holds none of this search's; runs that were thrown away are nobody's fault."""
    before = content.runs or runs
    kept = {outcome.run.folder for outcome in content.outcomes.values() if outcome.run}
    if before.absolute() != runs.absolute() and kept and not any((runs / name).is_dir() for name in kept):
        raise CellpruneError(
            f"the trainings of the search in {folder} are in {before}, and {runs} has none of them: "
            f"give --runs {before}, or the folder that they were moved to"
        )


def _is_open(trial: Trial, outcomes: Mapping[Trial, Outcome], looks: tuple[Look, ...]) -> bool:
    """Whether a trial that crashed twice may be tried again in the last look."""
    look = looks[-1]
    if outcomes[trial].state != "excluded":
        return False
    if trial.phase == "search":
        return look.proposed is None
    terms = look.terms(len(looks))
    return trial.seed in terms.seeds and not _was_judged(trial, outcomes, terms)


def _was_judged(trial: Trial, outcomes: Mapping[Trial, Outcome], terms: Terms) -> bool:
    """Whether a trial's arm of a confirmation came to a verdict without the trials that it lost."""
    arms = terms.trials(REFERENCE), terms.trials(trial.ratio, trial.control)
    if not all(one in outcomes for arm in arms for one in arm):
        return False
    return paired(*({one: outcomes[one] for one in arm} for arm in arms)).decides
