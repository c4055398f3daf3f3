"""What a planner of many runs hands to a worker, and what it gets back: a job and its report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from cellprune.campaign.floor import Floor
from cellprune.config.schema import Settings
from cellprune.runs.layer_times import LayerTimes


@dataclass(frozen=True)
class Job:
    """A run with all that a worker needs, on this machine or another.

    Attributes:
        key: tells it from the planner's other jobs.
        name: the same for people.
        settings: of the run, resolved.
        runs: the folder of runs; who shares it trains a run that several want once.
        command: what the run is said to be made by, as a user would type it.
        floor: below it the run is given up; None where it runs to its end.
        is_unlike_others: whether a refusal says nothing of the planner's other jobs, so that it is reported.
        scores: folder in which scores are kept that other jobs need, too; None where each job scores for itself.
        score: what its report's scores are, see `report.results.Results.compared_by`.
        times: what layers take, where the settings name them.
        version: of the planner's cellprune; a worker of another one refuses.
    """

    key: str
    name: str
    settings: Settings
    runs: Path
    data_root: Path | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    command: tuple[str, ...] = ()
    floor: Floor | None = None
    is_unlike_others: bool = False
    scores: Path | None = None
    score: str = "iou"
    times: LayerTimes | None = None
    version: str = field(default_factory=partial(version, "cellprune"))


@dataclass(frozen=True)
class RunFacts:
    """What a finished run says of itself, as far as planners ask.

    Attributes:
        folder: name of its folder.
        machine: where it was trained and timed.
        trained_here: whether it was trained for this job; else it was there already.
        parameters_left, parameters_total: of any kind, after pruning and before.
        macs_left, macs_dense: multiply-adds, after pruning and before.
        model_bytes: size of its model file.
        curve: epoch -> score that was watched while it was trained.
        of_budget: of a small dense network in the place of a pruned one: its size, as a share of what it might have.
        widths: of the same, channels of each level.
        layers_ms: of a network that was made by the times of layers, their sum.
    """

    folder: str
    machine: str
    trained_here: bool
    parameters_left: int
    parameters_total: int
    macs_left: int
    macs_dense: int
    model_bytes: int
    curve: Mapping[int, float]
    of_budget: float | None = None
    widths: tuple[int, ...] | None = None
    layers_ms: float | None = None


@dataclass(frozen=True)
class Report:
    """What came of a job.

    Attributes:
        state: "hopeless" fell below its floor, or was pruned until nothing reaches its output; "crashed" may be tried
            again.
        scores: held-out image -> score; empty unless done.
        reason: why it is not done, one line.
        seconds: that it took, whenever that was.
        refused: whether a crash was a refusal before any work, for a lack of memory that may pass.
        nothing: why a network that is done has learned nothing; "" if it has.
        run: what the finished run says; None unless done.
    """

    state: Literal["done", "hopeless", "crashed"]
    scores: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0
    refused: bool = False
    nothing: str = ""
    run: RunFacts | None = None
