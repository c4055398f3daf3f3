"""Workers as real processes: nobody can reach them, they end with their planner, and one may be killed at work."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tiny_jobs import job

from cellprune.campaign import workers
from cellprune.campaign.train import train
from cellprune.errors import CellpruneError, WorkError
from cellprune.runs.folder import Folder

STAY = """
import sys, time
from cellprune.campaign import workers
if __name__ == "__main__":
    with workers.local(1):
        print("there", flush=True)
        time.sleep(600)
"""


def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_ANSWER_S", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://here"):
        with pytest.raises(CellpruneError, match="no Dask scheduler answers at"), workers.cluster(address):
            pass


def test_a_lost_scheduler_and_a_lost_worker_are_told_apart() -> None:
    class Future:
        def __init__(self, status: str, error: Exception | None = None) -> None:
            self.status, self._error = status, error

        def exception(self) -> Exception | None:
            return self._error

    with pytest.raises(WorkError, match="scheduler went away"):
        workers._result(Future("cancelled"))
    with pytest.raises(CellpruneError, match="no such data"):
        workers._result(Future("error", CellpruneError("no such data")))
    assert (
        workers._result(Future("error", RuntimeError("3 workers\ndied"))).reason
        == "its worker was lost: 3 workers died"
    )


def _holder(folder: Path) -> int | None:
    """The process that works in a run folder: it has files open there."""
    for process in psutil.Process().children(recursive=True):
        try:
            if any(Path(file.path).is_relative_to(folder) for file in process.open_files()):
                return process.pid
        except psutil.Error:
            continue
    return None


def _killed_at_work(runs: Path, killed: list[Path]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for metrics in runs.glob("*/metrics.csv"):
            pid = _holder(metrics.parent)
            if pid is not None and not Folder(metrics.parent).finished:
                os.kill(pid, signal.SIGKILL)
                killed.append(metrics.parent)
                return
        time.sleep(0.1)


@pytest.mark.slow
def test_no_worker_of_this_machine_listens_to_anybody(tmp_path: Path) -> None:
    refused = replace(job(0, tmp_path, tmp_path), version="0.0.0")
    with workers.local(1) as execute:
        with pytest.raises(CellpruneError, match="a worker has cellprune"):
            list(execute([refused]))
        trainers = _trainers(psutil.Process())
        assert len(trainers) == 1
        ours = [psutil.Process(), *trainers]
        assert not [found for process in ours for found in process.net_connections() if found.status == "LISTEN"]
    assert not trainers[0].is_running()


@pytest.mark.slow
def test_workers_end_with_a_planner_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stay.py").write_text(STAY)
    with subprocess.Popen([sys.executable, tmp_path / "stay.py"], stdout=subprocess.PIPE) as planner:
        assert planner.stdout is not None
        assert planner.stdout.readline() == b"there\n"
        trainers = _trainers(psutil.Process(planner.pid))
        planner.kill()
    assert len(trainers) == 1
    assert not psutil.wait_procs(trainers, timeout=60)[1]


def _trainers(planner: psutil.Process) -> list[psutil.Process]:
    return [child for child in planner.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_workers_keep_what_they_free_unless_the_user_wants_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    with workers.local(1):
        born_with = [process.environ() for process in psutil.Process().children(recursive=True)]
    assert [found["MALLOC_ARENA_MAX"] for found in born_with if "MALLOC_TRIM_THRESHOLD_" in found] == ["2"]
    assert [found.get("MALLOC_TRIM_THRESHOLD_") for found in born_with if "MALLOC_MMAP_MAX_" in found] == [str(2**34)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_worker_loses_its_job_to_another(tmp_path: Path, data_root: Path) -> None:
    runs = tmp_path / "runs"
    jobs = [job(seed, runs, data_root, "training.epochs=12") for seed in (0, 1, 2)]
    killed: list[Path] = []
    assassin = threading.Thread(target=_killed_at_work, args=(runs, killed))
    with workers.local(2) as execute:
        assassin.start()
        reports = {done.settings.seed: report for done, report in execute(iter(jobs))}
    assassin.join()
    assert len(killed) == 1, "a worker was killed while it trained"
    assert {seed: report.state for seed, report in reports.items()} == dict.fromkeys((0, 1, 2), "done")
    assert Folder(killed[0]).read_provenance().resumed
    gc.collect()
    alone = train(replace(jobs[0], runs=tmp_path / "alone"))
    assert alone.scores == reports[0].scores, "where a trial is trained does not matter"
