"""Which training comes next: what others are at work on comes last, and is only read if it is finished by then."""

from pathlib import Path

import pytest
from rehearsed_sweeps import Rehearsal, planned, shared_runs, split_once

from cellprune import experiment
from cellprune.campaign.job import Report, RunFacts
from cellprune.experiment import shared
from cellprune.runs.lock import LOCK
from cellprune.tables.plan import Trial
from cellprune.tables.work import Watch, work


class Told(Watch):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def began(self, trial: Trial) -> None:
        self.lines.append(f"{trial.arm.method} {trial.seed}")

    def ended(self, trial: Trial, what: str) -> None:
        self.lines.append(what)


def test_what_another_process_is_at_work_on_comes_last(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "split_of", split_once)
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    first = whole.trials[0]
    settings = experiment.settled(first.settings, runtime=runs.workspace.runtime)
    busy = shared.folder_in(tmp_path / "runs", settings, split_once(settings, runtime=runs.workspace.runtime))
    busy.mkdir(parents=True)
    (busy / LOCK).touch()
    there = Report("done", run=RunFacts(busy.name, "here", False, 1, 1, 1, 1, 1, {}))
    watch = Told()

    def execute(jobs):
        for job in jobs:
            yield job, there if job.key == whole.name(first) else Rehearsal()._done(job)

    came = work(whole.trials[:3], runs, execute, watch)
    assert watch.lines == ["snip 0", "done", "random 0", "done", "dense 0", "there already"]
    assert came == dict.fromkeys(whole.trials[:3])
