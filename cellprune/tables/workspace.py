"""Where a sweep works: the folder of runs that it shares with others, and a folder of its own for the table."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from cellprune import experiment
from cellprune.campaign.job import Job
from cellprune.config.schema import Runtime, Settings
from cellprune.experiment import shared
from cellprune.runs.layer_times import LayerTimes
from cellprune.runs.lock import LOCK
from cellprune.runs.names import file_safe
from cellprune.runs.split import Split
from cellprune.tables.folder import SCORES
from cellprune.tables.plan import Arm, Plan, Trial

_COMMAND = ("cellprune", "sweep")  # that the runs of a sweep say they were made by


@dataclass(frozen=True)
class Workspace:
    """Where a sweep works; no number of its table depends on it.

    Attributes:
        runs: the folder of runs; whoever shares it trains once what several want.
        output: the sweep's own folder.
    """

    runs: Path
    output: Path
    data_root: Path | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    @property
    def runtime(self) -> Runtime:
        """What a run is told of it."""
        return Runtime(runs=self.runs.absolute(), data_root=self.data_root, device=self.device, resume=True)


class SharedRuns:
    """The runs that a plan wants, in a folder that it shares: which are finished, and what trains the others.

    The data are opened once for all trials that split them alike; from then on a run is known by its hash.
    """

    def __init__(self, plan: Plan, workspace: Workspace) -> None:
        """Open the data.

        Raises:
            CellpruneError: there are none, or they cannot be split so.
        """
        self.plan, self.workspace = plan, workspace
        self._splits: dict[str, Split] = {}
        self._settled = {arm: self._settle(arm) for arm in plan.arms}

    def finished(self, trial: Trial) -> Path | None:
        """Give the folder of a trial's finished run, whatever it is called; None where there is none."""
        return shared.finished_in(self._runtime.runs, self._settings_of(trial), self.split_of(trial.arm))

    def settled(self, arm: Arm) -> Settings:
        """Give an arm's settings with every choice made, also those that this machine makes."""
        return self._settled[arm]

    def split_of(self, arm: Arm) -> Split:
        """Give the parts of an arm's data."""
        return self._splits[_data(self._settled[arm])]

    def is_busy(self, trial: Trial) -> bool:
        """Tell whether a process seems to be at work on a trial; one that was killed may have left its lock."""
        folder = shared.folder_in(self._runtime.runs, self._settings_of(trial), self.split_of(trial.arm))
        return (folder / LOCK).exists()

    def job(self, trial: Trial, times: LayerTimes | None = None) -> Job:
        """Give a trial with all that a worker needs; `times` are of layers, for those whose choice asks for them."""
        name = self.plan.name(trial)
        return Job(
            key=name,
            name=name,
            settings=trial.settings,
            runs=self._runtime.runs,
            data_root=self.workspace.data_root,
            device=self.workspace.device,
            command=_COMMAND,
            is_unlike_others=True,
            scores=self._scores(trial) if self._shares_scores(trial) else None,
            times=times if trial.settings.pruning.times_layers else None,
        )

    def forget_scores(self, trial: Trial) -> None:
        """Remove the scores that a trial shared, once none of those that they are kept for is left to train."""
        if self._shares_scores(trial) and all(self.finished(other) for other in self._alike(trial)):
            shutil.rmtree(self._scores(trial), ignore_errors=True)

    def _shares_scores(self, trial: Trial) -> bool:
        """Tell whether other amounts, or controls, are made of the scores that this trial needs."""
        return not trial.arm.is_dense and len(self._alike(trial)) > 1

    def _alike(self, trial: Trial) -> list[Trial]:
        """Give the trials that differ in no more than amount and control."""
        own = trial.arm
        return [
            Trial(arm, trial.seed) for arm in self.plan.arms if (arm.group, arm.criterion) == (own.group, own.criterion)
        ]

    def _scores(self, trial: Trial) -> Path:
        arm = trial.arm
        name = "_".join(map(file_safe, (*self.plan.apart(arm.group), arm.criterion)))
        return self.workspace.output.absolute() / SCORES / f"{name}_s{trial.seed}"

    @cached_property
    def _runtime(self) -> Runtime:
        return self.workspace.runtime

    def _settle(self, arm: Arm) -> Settings:
        settings = experiment.settled(arm.settings, runtime=self._runtime)
        if (key := _data(settings)) not in self._splits:
            self._splits[key] = experiment.split_of(settings, runtime=self._runtime)
        return settings

    def _settings_of(self, trial: Trial) -> Settings:
        return self._settled[trial.arm].model_copy(update={"seed": trial.seed})


def _data(settings: Settings) -> str:
    """Name what decides how the data are split; a teacher speaks of more frames."""
    return f"{settings.task} {settings.training.is_taught} {settings.data.model_dump_json()}"
