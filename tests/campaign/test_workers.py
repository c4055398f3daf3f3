"""Real trials: tiny runs by a real local cluster, a worker killed in mid-trial, folders that two want at once."""

import errno
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import psutil
import pytest
import small_pictures

from cellprune.campaign import pool, workers
from cellprune.campaign.job import Job, Report, _Floor, train
from cellprune.config.load import load
from cellprune.config.names import resolve
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError, WorkError
from cellprune.runs.folder import Folder
from cellprune.search import frames
from cellprune.search.judge.trial import Trial
from cellprune.training.progress import Event

TINY = [
    "data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.batch_size=4", "training.epochs=2",
    "training.evaluate_every=1", "pruning.method=snip", "pruning.ratio=0.5",
]  # fmt: skip


def job(trial: Trial, folder: Path, data_root: Path, *more: str) -> Job:
    settings: Settings = load(assignments=[*TINY, *more])
    return Job(
        key=trial.key,
        name=trial.told(),
        settings=frames.settings_of(trial, settings, Search()),
        runs=folder,
        data_root=data_root,
        device="cpu",
        curve={},
        drop=0.05,
        version=version("cellprune"),
    )


@pytest.mark.slow
def test_a_trial_is_a_run_that_the_next_search_only_reads(tmp_path: Path, data_root: Path) -> None:
    wanted = job(Trial("confirm", 0.5, 1000), tmp_path, data_root)
    first = train(wanted)
    assert first.state == "done"
    assert len(first.scores) == 5
    assert first.facts["trained_here"]
    assert first.facts["curve"].keys() == {"1", "2"}
    scores = Folder(tmp_path / first.facts["run"]).read_scores()
    assert first.facts.get("nothing", "") == resolve("results", "segmentation").metric.nothing(scores)
    time.sleep(1.1)  # times of runs are in seconds
    again = train(wanted)
    assert again.scores == first.scores
    assert not again.facts["trained_here"]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_parameters_of_removed_channels_are_those_of_the_run(tmp_path: Path, data_root: Path) -> None:
    report = train(job(Trial("confirm", 0.5, 1000), tmp_path, data_root, "pruning.granularity=channel"))
    counted = Folder(tmp_path / report.facts["run"]).read_cost().parameters
    assert report.facts["parameters"] == {"left": counted.left, "total": counted.total}
    assert counted.left < counted.total - counted.prunable + counted.kept, "their biases and norms go, too"


@pytest.mark.slow
def test_a_search_among_classes_never_looks_at_the_test_images(tmp_path: Path) -> None:
    given = [
        "task=classification", "data.holdout=0.2", "pruning.method=random", "pruning.ratio=0.5",
        "training.batch_size=32", "training.epochs=1",
    ]  # fmt: skip

    def trained(phase: Literal["search", "confirm"], seed: int) -> Report:
        images = small_pictures.arrays()
        images["x_test"] = small_pictures.arrays(seed=seed)["x_test"]  # moved
        images["y_test"] = (images["y_test"] + seed) % 4
        folder = tmp_path / f"{phase} {seed}"
        folder.mkdir()
        settings = load(assignments=[*given, f"data.dataset={small_pictures.npz(folder / 'own.npz', **images)}"])
        trial = Trial(phase, 0.5, 0)
        asked = job(trial, folder / "runs", tmp_path)
        return train(replace(asked, settings=frames.settings_of(trial, settings, Search())))

    searched, confirmed = trained("search", 0), trained("confirm", 0)
    assert (searched.state, len(searched.scores), len(confirmed.scores)) == ("done", 32, 24)
    assert set(confirmed.scores.values()) <= {0, 1}
    assert searched.facts["curve"].keys() == {"1"}
    assert trained("search", 1).scores == searched.scores
    assert trained("confirm", 1).scores != confirmed.scores


@pytest.mark.slow
def test_a_reference_that_two_searches_want_at_once_is_trained_once(tmp_path: Path, data_root: Path) -> None:
    wanted = replace(job(Trial("confirm", 0.5, 1000), tmp_path, data_root), trial=Trial("confirm", 0.0, 1000))
    found: list[Report] = []
    train(replace(wanted, settings=wanted.settings.model_copy(update={"seed": 7})))
    (other,) = tmp_path.iterdir()
    with Folder.open(other, resume=True).lock():  # another process is at work there
        waiting = threading.Thread(
            target=lambda: found.append(train(replace(wanted, settings=wanted.settings.model_copy(update={"seed": 7}))))
        )
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
    waiting.join(60)
    assert [report.state for report in found] == ["done"]


def test_a_hopeless_trial_stops_after_half_of_the_epochs(tmp_path: Path, data_root: Path) -> None:
    asked = job(Trial("search", 0.5, 0), tmp_path, data_root, "training.epochs=4")
    asked = replace(asked, curve=dict.fromkeys((1, 2, 3, 4), 2.0))
    report = train(asked)
    assert report.state == "hopeless"
    assert "after epoch 2 of 4, its reference had 2.0000" in report.reason
    assert not report.scores
    (run,) = tmp_path.iterdir()
    assert not Folder(run).finished


def test_a_network_that_is_pruned_through_is_hopeless(tmp_path: Path, data_root: Path) -> None:
    asked = job(Trial("search", 0.999, 0), tmp_path, data_root, "pruning.method=random")
    report = train(asked)
    assert (report.state, report.scores) == ("hopeless", {})
    assert report.reason.startswith("after pruning, the output no longer depends on the input")


@pytest.mark.parametrize(
    ("epoch", "done", "score", "stops"),
    [(1, 10, 0.1, False), (2, 20, 0.1, True), (2, 19, 0.1, False), (2, 20, 0.8, False), (3, 30, 0.1, True),
     (4, 40, 0.1, False)],
)  # fmt: skip
def test_only_whole_epochs_of_the_second_half_are_judged(
    epoch: int, done: int, score: float, stops: bool, tmp_path: Path
) -> None:
    asked = replace(job(Trial("search", 0.5, 0), tmp_path, tmp_path), curve=dict.fromkeys((1, 2, 3, 4), 0.84))
    event = Event("training", done=done, total=40, epoch=epoch, epochs=4, scores={"iou_image_mean": score})
    assert _Floor(asked).advanced(event) is stops


def test_a_crash_is_told_and_a_refusal_ends_the_search(tmp_path: Path, data_root: Path) -> None:
    diverges = job(
        Trial("confirm", 0.5, 0), tmp_path, data_root, "training.learning_rate=1.0e+30", "training.schedule=constant"
    )
    report = train(diverges)
    assert report.state == "crashed"
    assert "the loss became" in report.reason
    with pytest.raises(CellpruneError, match="is not in"):
        train(job(Trial("confirm", 0.5, 0), tmp_path, tmp_path / "none", "data.dataset=PhC-C2DH-U373"))
    with pytest.raises(CellpruneError, match=r"a worker has cellprune .*, the planner 0\.0\.0"):
        train(replace(diverges, version="0.0.0"))


def test_a_lack_of_memory_may_be_the_neighbours_so_the_trial_is_tried_again(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = job(Trial("confirm", 0.5, 0), tmp_path, data_root, "pruning.method=prospr")
    with monkeypatch.context() as short:
        short.setattr("cellprune.pruning.derivatives.segments.available_bytes", lambda device: 2**20)
        report = train(wanted)
    assert (report.state, report.facts["refused"]) == ("crashed", True)
    assert "but may take 1 MiB (60% of what is free for this process on cpu)" in report.reason
    assert not list(tmp_path.glob("*/config.yaml")), "nothing is left of it"
    assert train(wanted).state == "done"


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("I/O error (os error 28)")]
)
def test_a_full_disk_ends_the_search_at_once(
    error: OSError, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("cellprune.runs.container.save_file", fails)
    wanted = job(Trial("confirm", 0.5, 1000), tmp_path, data_root)
    with pytest.raises(WorkError, match=r"the disk of .* is full \(confirmation, 50 % removed, seed 1000\): free some"):
        train(wanted)


def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_ANSWER_S", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://here"):
        with pytest.raises(CellpruneError, match="no Dask scheduler answers at"), workers.cluster(address):
            pass


def test_an_interrupt_waits_until_the_workers_are_there_and_reaches_none_of_them() -> None:
    asks = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    said = []

    def interrupted() -> None:
        with pool._deaf_to_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            said.append(subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True).stdout)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert said == ["True\n"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


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


class _Worker:
    """Answers at once, as it was told; None is a death."""

    def __init__(self, *answers: Report | CellpruneError | None) -> None:
        self._answers, self.jobs, self.is_stopped = list(answers), [], False
        self.pipe, self._far = multiprocessing.Pipe()

    def give(self, job: Job) -> None:
        self.jobs.append(job)
        if self._answers:
            self._far.send(self._answers.pop(0))

    def answer(self) -> Report | CellpruneError | None:
        return self.pipe.recv()

    def stop(self) -> None:
        self.is_stopped = True


def test_a_trial_that_outlives_its_worker_is_given_to_the_next_and_not_for_ever(tmp_path: Path) -> None:
    done = Report("done", {}, "", {})
    first, second = (job(Trial("confirm", 0.5, seed), tmp_path, tmp_path) for seed in range(2))
    worker = _Worker(None, done, None, None, done)
    assert list(pool.spread([worker], [first, second])) == [(first, done), (second, done)]
    assert worker.jobs == [first, first, second, second, second]
    (_, crashed), last = pool.spread([_Worker(None, None, None, done)], [first, second])
    assert crashed.state == "crashed"
    assert "its worker was lost 3 times" in crashed.reason
    assert last == (second, done)


def test_a_refusal_ends_the_other_workers_and_no_job_is_taken_before_its_time(tmp_path: Path) -> None:
    refused, busy = _Worker(CellpruneError("no such data")), _Worker()
    waiting = iter(job(Trial("confirm", 0.5, seed), tmp_path, tmp_path) for seed in range(9))
    with pytest.raises(CellpruneError, match="no such data"):
        list(pool.spread([refused, busy], waiting))
    assert (refused.is_stopped, busy.is_stopped) == (False, True)
    assert len(list(waiting)) == 7


def _holder(folder: Path) -> int | None:
    """The process that works in a run folder: it has files open there."""
    for process in psutil.Process().children(recursive=True):
        try:
            if any(Path(file.path).is_relative_to(folder) for file in process.open_files()):
                return process.pid
        except psutil.Error:
            continue
    return None


def _killed_in_mid_trial(runs: Path, killed: list[Path]) -> None:
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
    refused = replace(job(Trial("confirm", 0.5, 0), tmp_path, tmp_path), version="0.0.0")
    with workers.local(1) as execute:
        with pytest.raises(CellpruneError, match="a worker has cellprune"):
            list(execute([refused]))
        trainers = _trainers(psutil.Process())
        assert len(trainers) == 1
        ours = [psutil.Process(), *trainers]
        assert not [found for process in ours for found in process.net_connections() if found.status == "LISTEN"]
    assert not trainers[0].is_running()


STAY = """
import sys, time
from cellprune.search import workers
if __name__ == "__main__":
    with workers.local(1):
        print("there", flush=True)
        time.sleep(600)
"""


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
def test_a_killed_worker_loses_its_trial_to_another(tmp_path: Path, data_root: Path) -> None:
    runs = tmp_path / "runs"
    jobs = [job(Trial("confirm", 0.5, seed), runs, data_root, "training.epochs=12") for seed in (0, 1, 2)]
    killed: list[Path] = []
    assassin = threading.Thread(target=_killed_in_mid_trial, args=(runs, killed))
    with workers.local(2) as execute:
        assassin.start()
        reports = {done.settings.training.seed: report for done, report in execute(iter(jobs))}
    assassin.join()
    assert len(killed) == 1, "a worker was killed while it trained"
    assert {seed: report.state for seed, report in reports.items()} == dict.fromkeys((0, 1, 2), "done")
    assert Folder(killed[0]).read_provenance().resumed
    gc.collect()
    alone = train(replace(jobs[0], runs=tmp_path / "alone"))
    assert alone.scores == reports[0].scores, "where a trial is trained does not matter"
