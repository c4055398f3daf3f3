"""What a search is asked, where it happens, and who watches it; settled before the first training."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cellprune.config import load as config
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import alpha_of_look
from cellprune.runs import names
from cellprune.search import frames
from cellprune.search.content import Identity
from cellprune.search.judge.grid import grid as grid_of
from cellprune.search.judge.trial import Trial
from cellprune.search.opening import opened


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
    """All that is settled before the first training."""

    settings: Settings
    search: Search
    grid: tuple[float, ...]
    frames: frames.Frames
    output: Path

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


def ask(settings: Settings, search: Search, workspace: Workspace) -> Question:
    """Settle the question and refuse what cannot be answered; nothing is written.

    Raises:
        CellpruneError: a unit that is not the method's, a range without a ratio, too few frames, runs that cannot be
            written, a journal of another search.
    """
    granularity = settings.pruning.granularity
    if (search.unit, granularity) in (("weights", "channel"), ("channels", "weight")):
        raise CellpruneError(
            f"--unit {search.unit} counts {search.unit}, but --granularity {granularity} removes {granularity}s: "
            "remove one of the two flags"
        )
    settings = _with_single_channels(settings, search)
    grid = grid_of(search.low, search.high)
    try:
        config.resolve(frames.settings_of(Trial("search", grid[0], 0), settings, search))
    except config.ConfigError as error:
        raise CellpruneError(f"--unit {search.unit} cannot be counted: {error}, or take --unit weights") from None
    _require_writable(workspace.runs, "--runs")
    chosen = frames.frames_of(settings, search, workspace.data_root)
    name = "_".join(
        names.file_safe(part)
        for part in (Path(settings.data.dataset).name, settings.model.name, settings.pruning.method, search.unit)
    )
    question = Question(settings, search, grid, chosen, workspace.output or Path())
    if workspace.output is None:
        question = replace(question, output=Path("searches") / f"{name}_{question.identity.digest[:8]}")
    _require_writable(question.output, "--output")
    if workspace.runs.resolve().is_relative_to(question.output.resolve()):
        raise CellpruneError(
            f"--runs {workspace.runs} lies in --output {question.output}, which holds a search and nothing else: give "
            "them side by side"
        )
    opened(question.output, question.identity, search, resume=workspace.resume, runs=workspace.runs)
    return question


def _with_single_channels(settings: Settings, search: Search) -> Settings:
    """Give single channels where no size of blocks is asked for: whole blocks cannot have the high ratios."""
    pruning = settings.pruning
    if search.unit not in ("params", "macs") or pruning.granularity != "channel" or pruning.round_to != "auto":
        return settings
    return settings.model_copy(update={"pruning": pruning.model_copy(update={"round_to": 1})})


def _require_writable(folder: Path, flag: str) -> None:
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise CellpruneError(f"{flag} {folder}: {nearest} is a file, not a folder: give another")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise CellpruneError(f"{flag} {folder}: no permission to write in {nearest}: give another")


def _plain(settings: Settings, search: Search) -> dict[str, object]:
    """The settings without what a trial decides, and with what only its budget makes count."""
    plain, pruning = settings.identity(), settings.pruning
    plain["pruning"].pop("ratio")
    plain.pop("seed")
    if search.unit in ("params", "macs") and pruning.granularity == "channel" and pruning.round_to != 1:
        plain["pruning"]["round_to"] = pruning.round_to  # older searches chose single channels, and did not say it
    return plain
