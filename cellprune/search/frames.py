"""What a search is about: which frames are chosen on, which are claimed about, and whether they are enough.

In classification an image is a row of the table, as a frame is, and its score is 1 (right) or 0 (wrong). Rows of blocks
of images would give the same mean, and the same variance of it in expectation, from fewer degrees of freedom and with
an arbitrary size. (Simulated, 1000 images and 3 seeds at a margin of 0.01: a loss of the margin passes in 2.6 % of
tables, and one of zero in 24 %; of ten blocks in 1.2 % and 17 %.) The test images are the data set's own and only a
confirmation looks at them; a search is judged on training images that its networks did not learn from.
"""

import hashlib
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cellprune import tasks
from cellprune.config import load as config
from cellprune.config.names import resolve
from cellprune.config.schema import TASK_DATA, Settings
from cellprune.config.search import USUAL, Search
from cellprune.data import parts
from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import FEWEST_FRAMES
from cellprune.runs.documents import plain
from cellprune.runs.split import FrameSplit, SplitFrame
from cellprune.search.judge import controls
from cellprune.search.judge.grid import grid
from cellprune.search.judge.trial import REFERENCE, Trial
from cellprune.tasks import AnyTask
from cellprune.wording import many

_USUAL_FOLDS = (5, 4, 3, 2)  # the first that can be had is named
SELECT_SHARE = 0.3  # of the training part, set apart to choose on


@dataclass(frozen=True)
class Frames:
    """The parts of every fold.

    Attributes:
        n_report: frames that are claimed about, over all folds; each once.
        n_select: frames that are chosen on, over all folds; one may be chosen on in several.
        recordings: what they are from; none where every image stands alone.
        dropped: frame and why its truth policy leaves it out.
        sha256: of all splits; another data set, or a changed file, has another.
        select_by_fold: frames that are chosen on in each fold.
        in_folder: whether they are of a plain folder, of which nobody knows what belongs to one recording.
    """

    n_report: int
    n_select: int
    recordings: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    sha256: str
    select_by_fold: tuple[int, ...] = ()
    in_folder: bool = False


def frames_of(settings: Settings, question: Search, data_root: Path | None) -> Frames:
    """Split the data as the trials will, and refuse what cannot be decided on.

    Raises:
        CellpruneError: too few held-out frames, folds where the data set has its own test images, a split that cannot
            be, or a score of cells where none are counted.
    """
    if question.cv and "fold" not in TASK_DATA[settings.task]:
        raise CellpruneError(
            f"--cv {question.cv} with --task {settings.task}: the test images are the data set's own, and all of them "
            "count already: remove --cv"
        )
    task = tasks.of(settings)
    on_disk = task.open(settings.data, data_root)
    _refuse_other_score(settings, question, len(on_disk.classes))
    splits = _splits(task, on_disk, settings, question)
    written = [split.written() for split in splits]
    of_frames = [split for split in written if isinstance(split, FrameSplit)]
    in_parts = (frame for split in of_frames for part in split.parts.values() for frame in part)
    frames = Frames(
        n_report=sum(len(split.part("report")) for split in splits),
        n_select=sum(len(split.part("select")) for split in splits),
        recordings=tuple(sorted({name for split in splits for name in task.recordings(split)})),
        dropped=tuple(sorted({(_name(drop), drop.reason) for split in of_frames for drop in split.dropped})),
        sha256=hashlib.sha256(json.dumps(plain(written), sort_keys=True).encode()).hexdigest(),
        select_by_fold=tuple(len(split.part("select")) for split in splits),
        in_folder=any(frame.name is not None for frame in in_parts),
    )
    if frames.n_report < FEWEST_FRAMES:
        raise CellpruneError(_too_few(frames, _folds_that_would_do(task, on_disk, settings, question)))
    return frames


def _refuse_other_score(settings: Settings, question: Search, n_classes: int) -> None:
    """Refuse a score of cells where there is none."""
    if question.score == USUAL:
        return
    if question.score not in resolve("results", settings.task).of_cells:
        raise CellpruneError(
            f"--score {question.score} compares the cells that are found, and --task {settings.task} finds none: "
            "remove --score, networks are compared by accuracy"
        )
    if n_classes != 2:
        raise CellpruneError(
            f"--score {question.score} compares the cells that are found, but labels of {settings.data.dataset} are "
            f"{n_classes} classes, which number no cells: take --score {USUAL}"
        )


def _splits(task: AnyTask, on_disk: parts.Frames, settings: Settings, question: Search) -> list[parts.Parts]:
    """Split as the trials of a search will, once a fold.

    Raises:
        CellpruneError: it cannot be.
    """
    # one after the other: the first says that there cannot be so many
    trials = (Trial("search", REFERENCE, 0, fold) for fold in range(max(1, question.cv)))
    try:
        return [task.split(on_disk, settings_of(trial, settings, question).data) for trial in trials]
    except CellpruneError as error:
        if not question.cv:
            raise
        raise CellpruneError(f"--cv {question.cv}: {error}") from error


def _folds_that_would_do(
    task: AnyTask, on_disk: parts.Frames, settings: Settings, question: Search
) -> tuple[int, int] | None:
    """Try folds: give a number of them that can be had and decides, and how many frames they hold out together."""
    if question.cv or "fold" not in TASK_DATA[settings.task]:
        return None
    for n_folds in _USUAL_FOLDS:
        try:
            splits = _splits(task, on_disk, settings, question.model_copy(update={"cv": n_folds}))
        except CellpruneError:
            continue
        n_report = sum(len(split.part("report")) for split in splits)
        if n_report >= FEWEST_FRAMES:
            return n_folds, n_report
    return None


def settings_of(trial: Trial, settings: Settings, question: Search) -> Settings:
    """Give the settings of one trial's run.

    Args:
        settings: of the search; its seed, ratio, fold and frames to choose on are the trial's.
    """
    data = settings.data.model_copy(
        update={
            "select": SELECT_SHARE if trial.phase == "search" else 0.0,
            "fold": (trial.fold, question.cv) if question.cv else None,
        }
    )
    changed = controls.changes(trial.control, settings.pruning) if trial.control else {}
    pruning = settings.pruning.model_copy(update=_amount(trial.ratio, question) | changed)
    return settings.model_copy(update={"seed": trial.seed, "data": data, "pruning": pruning})


def settings_of_lowest(settings: Settings, question: Search) -> Settings:
    """Give the settings of a training at the lowest ratio of the range, resolved.

    Raises:
        ConfigError: the unit cannot be counted.
    """
    lowest = grid(question.low, question.high)[0]
    return config.resolve(settings_of(Trial("search", lowest, 0), settings, question))


def _amount(ratio: float, question: Search) -> dict[str, object]:
    """Say how much goes, as the settings of pruning say it: a share removed of the weights, or kept of another unit."""
    if ratio == REFERENCE or question.unit == "weights":
        return {"ratio": ratio, "budget": None}
    return {"ratio": 0.0, "budget": f"{question.unit}={float(1 - Fraction(str(ratio)))!r}"}


def _too_few(frames: Frames, folds: tuple[int, int] | None) -> str:
    """Say how many frames are there, which a policy dropped, and what would do."""
    dropped = "".join(f", {name} dropped: {reason}" for name, reason in frames.dropped)
    ways = "annotate more"
    if not frames.recordings:
        ways = "test on more images"
    elif folds:
        ways = f"take --cv {folds[0]}, which counts {folds[1]} annotated frames, each once, or hold out more"
    held_out = f"{many(frames.n_report, 'held-out frame')} {'is' if frames.n_report == 1 else 'are'}"
    return f"{held_out} too few to decide anything{dropped}; it takes at least {FEWEST_FRAMES}: {ways}"


def _name(frame: SplitFrame) -> str:
    return f"{frame.sequence}/{frame.frame:03d}"
