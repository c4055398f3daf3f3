"""What a search is asked, where it happens, and who watches it; settled before the first training."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cellprune.config import load as config
from cellprune.config import names as names_of_methods
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
from cellprune.search.reach import Reach, reach


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
    """

    settings: Settings
    search: Search
    grid: tuple[float, ...]
    frames: frames.Frames
    output: Path
    reach: Reach

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
    if names_of_methods.is_dense_family(settings.pruning.method) and search.unit not in ("params", "macs"):
        raise CellpruneError(
            f"--unit {search.unit} counts {search.unit}, but --method {settings.pruning.method} removes none, it makes "
            "dense networks: give --unit macs or --unit params"
        )
    granularity = settings.pruning.granularity
    if (search.unit, granularity) in (("weights", "channel"), ("channels", "weight")):
        raise CellpruneError(
            f"--unit {search.unit} counts {search.unit}, but --granularity {granularity} removes {granularity}s: "
            "remove one of the two flags"
        )
    lowest = grid_of(search.low, search.high)[0]
    try:
        config.resolve(frames.settings_of(Trial("search", lowest, 0), settings, search))
    except config.ConfigError as error:
        raise CellpruneError(f"--unit {search.unit} cannot be counted: {error}, or take --unit weights") from None
    _require_writable(workspace.runs, "--runs")
    chosen = frames.frames_of(settings, search, workspace.data_root)
    within = reach(settings, search, workspace.data_root)
    settings, grid = within.settings, within.grid(search.low, search.high)
    name = "_".join(
        names.file_safe(part)
        for part in (Path(settings.data.dataset).name, settings.model.name, settings.pruning.method, search.unit)
    )
    question = Question(settings, search, grid, chosen, workspace.output or Path(), within)
    if workspace.output is None:
        question = replace(question, output=Path("searches") / f"{name}_{question.identity.digest[:8]}")
    _require_writable(question.output, "--output")
    if workspace.runs.resolve().is_relative_to(question.output.resolve()):
        raise CellpruneError(
            f"--runs {workspace.runs} lies in --output {question.output}, which holds a search and nothing else: give "
            "them side by side"
        )
    content = opened(question.output, question.identity, search, grid, resume=workspace.resume, runs=workspace.runs)
    return replace(question, grid=content.looks[-1].grid)  # one that goes on has the grid that it began with


def _require_writable(folder: Path, flag: str) -> None:
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise CellpruneError(f"{flag} {folder}: {nearest} is a file, not a folder: give another")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise CellpruneError(f"{flag} {folder}: no permission to write in {nearest}: give another")


def _plain(settings: Settings, search: Search) -> dict[str, object]:
    """The settings without what a trial decides, and with what only its budget makes count."""
    pruning = settings.pruning
    if not names_of_methods.is_dense_family(pruning.method):  # as older searches wrote it
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
