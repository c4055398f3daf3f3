"""What a search is asked, where it happens, and who watches it; settled before the first training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cellprune.campaign.folders import require_folders, require_writable
from cellprune.config import load as config
from cellprune.config import names as names_of_methods
from cellprune.config import own
from cellprune.config.schema import Settings
from cellprune.config.search import USUAL, Search
from cellprune.config.shares import COSTS
from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import alpha_of_look
from cellprune.evaluation.metric import Metric
from cellprune.experiment.by_data import told_by_data
from cellprune.runs import names
from cellprune.runs.layer_times import LayerTimes
from cellprune.runs.scores import Scores
from cellprune.search import frames
from cellprune.search.by_time import ByTime, timed
from cellprune.search.content import Identity
from cellprune.search.judge.trial import Trial
from cellprune.search.opening import begun, opened
from cellprune.search.reach import Reach, reach
from cellprune.training import progress
from cellprune.training.progress import PATIENCE_S, Event, Listener

_READING = Event("data", message="reading the data set", after_s=PATIENCE_S)


@dataclass(frozen=True)
class Workspace:
    """Where a search happens and what it may cost; no answer depends on it.

    Attributes:
        max_trials, max_hours: begin no training beyond that many, or after so long, in this call.
    """

    runs: Path = Path("runs")
    output: Path | None = None
    data_root: Path | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    resume: bool = False
    max_trials: int | None = None
    max_hours: float | None = None


@dataclass(frozen=True)
class Question:
    """All that is settled before the first training.

    Attributes:
        grid: the ratios that are asked about, rising.
        reach: the ratios that the method can reach, and why there are no higher ones.
        by_time: what layers take, where milliseconds decide; else None.
    """

    settings: Settings
    search: Search
    grid: tuple[float, ...]
    frames: frames.Frames
    output: Path
    reach: Reach
    by_time: ByTime | None = None

    @property
    def layer_times(self) -> LayerTimes | None:
        """What layers take, for every training of the search; None where milliseconds decide nothing."""
        return self.by_time.layers if self.by_time else None

    @property
    def metric(self) -> Metric[Scores]:
        """What two networks are compared by."""
        metric: Metric[Scores] = names_of_methods.resolve("results", self.settings.task).compared_by(self.search.score)
        return metric

    @property
    def n_folds(self) -> int:
        return max(1, self.search.cv)

    def alpha(self, look: int) -> float:
        """The error of the look-th confirmation, from 1."""
        return alpha_of_look(1 - self.search.confidence, look)

    @property
    def identity(self) -> Identity:
        """What one journal is about and never changes."""
        fixed = {key: getattr(self.search, key) for key in ("unit", "confidence", "cv")}
        fixed |= {"score": self.search.score} if self.search.score != USUAL else {}
        return Identity(_plain(self.settings, self.search), fixed, self.frames.sha256)


class Watch:
    """Sees a search go on; this one says nothing."""

    def known(self, n_trials: int) -> None:
        """Of so many trials that are asked for now the journal knows what came of them."""

    def began(self, trial: Trial) -> None:
        """A training begins."""

    def ended(self, trial: Trial, outcome: str, seconds: float) -> None:
        """A training is done, hopeless, crashed (and will be tried again), excluded, or there already."""

    def said(self, line: str) -> None:
        """A probe was judged, a ratio tested."""


def ask(settings: Settings, search: Search, workspace: Workspace, listeners: Sequence[Listener] = ()) -> Question:
    """Settle the question and refuse what cannot be answered; nothing is written.

    Args:
        listeners: are told of what takes long: reading the data, timing layers.
    Raises:
        CellpruneError: a unit or a score that is not the method's, a range without a ratio, too few frames, runs that
            cannot be written, a journal of another search.
    """
    lowest = _of_lowest(settings, search)
    require_writable(workspace.runs, "--runs")
    with progress.phase(listeners, _READING):
        settings = told_by_data(settings, workspace.data_root)
        chosen = frames.frames_of(settings, search, workspace.data_root)
        # what can be reached in milliseconds is known once they are measured, and decides no setting
        within = Reach(settings) if search.unit == "latency" else reach(settings, search, workspace.data_root)
    grid = within.grid(search.low, search.high)
    question = Question(within.settings, search, grid, chosen, workspace.output or Path(), within)
    if workspace.output is None:
        question = replace(question, output=_usual_output(question))
    require_folders(workspace.runs, question.output, "a search")
    if lowest.pruning.times_layers:
        question = _by_time(question, workspace, listeners)
    content = opened(
        question.output,
        question.identity,
        search,
        question.grid,
        resume=workspace.resume,
        runs=workspace.runs,
        layer_times=question.layer_times,
    )
    return replace(question, grid=content.looks[-1].grid)  # one that goes on has the grid that it began with


def _of_lowest(settings: Settings, search: Search) -> Settings:
    """Give the settings of a training at the lowest ratio; refuse a unit that is not the method's."""
    method, granularity = settings.pruning.method, settings.pruning.granularity
    if names_of_methods.is_dense_family(method) and search.unit not in COSTS:
        raise CellpruneError(
            f"--unit {search.unit} counts {search.unit}, but --method {method} removes none, it makes dense networks: "
            f"give --unit macs, params or latency"
        )
    if (search.unit, granularity) in (("weights", "channel"), ("channels", "weight")):
        raise CellpruneError(
            f"--unit {search.unit} counts {search.unit}, but --granularity {granularity} removes {granularity}s: "
            "remove one of the two flags"
        )
    try:
        return frames.settings_of_lowest(settings, search)
    except config.ConfigError as error:
        counted = "channels" if names_of_methods.method(method).channels == "always" else "weights"
        raise CellpruneError(f"--unit {search.unit} cannot be counted: {error}, or take --unit {counted}") from None


def _usual_output(question: Question) -> Path:
    """Name a search by what it asks."""
    settings, search = question.settings, question.search
    parts = [Path(settings.data.dataset).name, own.short(settings.model.name), settings.pruning.method, search.unit]
    parts += [search.score] if search.score != USUAL else []
    return Path("searches") / f"{'_'.join(map(names.file_safe, parts))}_{question.identity.digest[:8]}"


def _by_time(question: Question, workspace: Workspace, listeners: Sequence[Listener]) -> Question:
    """Add what layers take: as the search was begun with, or timed now."""
    settings, search = question.settings, question.search
    before = begun(question.output, question.identity, resume=workspace.resume)
    if before and not before.layer_times:
        raise CellpruneError(f"the journal in {question.output} has lost its times of layers: give another --output")
    within, by_time = timed(
        settings,
        search,
        before.layer_times if before else None,
        data_root=workspace.data_root,
        device=workspace.device,
        listeners=listeners,
    )
    return replace(question, reach=within, grid=within.grid(search.low, search.high), by_time=by_time)


def _plain(settings: Settings, search: Search) -> dict[str, object]:
    """The settings without what a trial decides, and with what only its budget makes count."""
    pruning = settings.pruning
    if not names_of_methods.is_dense_family(pruning.method) and search.unit != "latency":  # as older searches wrote it
        amount = {"ratio": search.low, "budget": None}
        settings = settings.model_copy(update={"pruning": pruning.model_copy(update=amount)})
    plain = settings.identity()
    for amount_of_a_trial in ("ratio", "budget"):
        plain["pruning"].pop(amount_of_a_trial, None)
    plain.pop("seed")
    if search.unit in ("params", "macs") and pruning.granularity == "channel":
        # older searches chose single channels by static prices, and did not say it
        chosen = {"round_to": pruning.round_to, "pricing": pruning.pricing}
        plain["pruning"] |= {key: value for key, value in chosen.items() if value not in (1, "static")}
    return plain
