"""What a sweep would take: judged by finished runs, or by one epoch where there are none."""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from rehearsed_sweeps import Rehearsal, leave, planned, shared_runs, split_once

from cellprune import experiment
from cellprune.campaign.job import Job, Report
from cellprune.campaign.timing import Forecast, size_of
from cellprune.errors import WorkError
from cellprune.tables.forecast import failed, outlook
from cellprune.tables.sweep import sweep


@pytest.fixture(autouse=True)
def _opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "split_of", split_once)


def test_where_nothing_is_there_the_first_pruned_arm_is_timed_once(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    timed = []

    def time_one(jobs: list) -> Forecast:
        timed.append([job.key for job in jobs])
        return Forecast(60.0, 1000)

    told = outlook(whole, runs, time_one, 2)
    assert timed == [["snip, 50\u00a0% removed, seed 0", "snip, 50\u00a0% removed, seed 1"]]
    assert (told.n_runs, told.n_finished, told.seconds, told.n_bytes) == (6, 0, 6 * 60.0 / 2, 6000)
    assert told.lines()[1].startswith("time: about 3 min 0 s, 2 at once; judged by one epoch of snip, 50")
    assert not (tmp_path / "runs").exists()


def test_an_arm_of_which_nothing_is_left_is_named_and_the_next_is_timed(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    timed = []

    def time_one(jobs: list[Job]) -> Forecast:
        timed.append(jobs[0].settings.pruning.method)
        if timed[-1] == "snip":
            raise failed(Report("hopeless", reason="nothing reaches the output"))
        return Forecast(60.0, 1000)

    told = outlook(whole, runs, time_one, 1)
    assert timed == ["snip", "random"]
    said = told.lines()[1]
    assert (
        "snip, 50\u00a0% removed is hopeless (nothing reaches the output) and takes its scoring alone; judged by"
        in said
    )
    with pytest.raises(WorkError, match="came to nothing"):
        outlook(whole, runs, lambda jobs: raised(failed(Report("crashed", reason="NaN"))), 1)
    over = [whole.name(trial) for trial in whole.trials if trial.arm.method == "snip"]
    assert outlook(whole, runs, lambda jobs: Forecast(60.0, 1000), 1, over).lines()[0] == (
        "6 runs: 0 finished, 2 hopeless, 4 left"
    )


def raised(error: Exception) -> NoReturn:
    raise error


def test_finished_runs_tell_of_their_own_arm_first(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    dense, snip = (leave(runs.job(trial)) for trial in whole.trials[:2])
    for run, seconds in ((dense, 100.0), (snip, 300.0)):
        run.write_provenance(replace(run.read_provenance(), times={"training_s": seconds}))
    told = outlook(whole, runs, lambda jobs: pytest.fail("nothing is timed"), 1)
    assert told.seconds == 100.0 + 300.0 + 2 * 300.0, "an arm without a run is judged by the slowest beside it"
    assert told.n_bytes >= size_of(dense.path) + 3 * size_of(snip.path)
    assert told.how == ("judged by 2 finished runs",)
    sweep(whole, runs, execute=Rehearsal()())
    assert outlook(whole, runs, lambda jobs: pytest.fail("nothing is left"), 1).lines() == [
        "all 6 runs are finished: nothing is left to train"
    ]
