"""A job as a real run: tiny ones, folders that two want at once, crashes and refusals."""

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from finished_run import edited
from tiny_jobs import job

from cellprune.campaign.floor import Floor
from cellprune.campaign.job import Report
from cellprune.campaign.train import _layers_ms, _read, train
from cellprune.config.names import resolve
from cellprune.errors import CellpruneError, WorkError
from cellprune.runs import documents
from cellprune.runs.cost import Budget, StandIn, Whole
from cellprune.runs.folder import Folder


@pytest.mark.slow
def test_a_job_is_a_run_that_the_next_one_only_reads(tmp_path: Path, data_root: Path) -> None:
    wanted = job(1000, tmp_path, data_root)
    first = train(wanted)
    assert first.state == "done"
    assert len(first.scores) == 5
    assert first.run.trained_here
    assert first.run.curve.keys() == {1, 2}
    scores = Folder(tmp_path / first.run.folder).read_scores()
    assert first.nothing == resolve("results", "segmentation").metric.nothing(scores)
    time.sleep(1.1)  # times of runs are in seconds
    again = train(wanted)
    assert again.scores == first.scores
    assert not again.run.trained_here
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_the_parameters_of_removed_channels_are_those_of_the_run(tmp_path: Path, data_root: Path) -> None:
    report = train(job(1000, tmp_path, data_root, "pruning.granularity=channel"))
    counted = Folder(tmp_path / report.run.folder).read_cost().parameters
    assert (report.run.parameters_left, report.run.parameters_total) == (counted.left, counted.total)
    assert counted.left < counted.total - counted.prunable + counted.kept, "their biases and norms go, too"


@pytest.mark.slow
def test_a_run_that_two_want_at_once_is_trained_once(tmp_path: Path, data_root: Path) -> None:
    wanted = job(7, tmp_path, data_root)
    found: list[Report] = []
    train(wanted)
    (folder,) = tmp_path.iterdir()
    with Folder.open(folder, resume=True).lock():  # another process is at work there
        waiting = threading.Thread(target=lambda: found.append(train(wanted)))
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
    waiting.join(60)
    assert [report.state for report in found] == ["done"]


def test_a_hopeless_job_stops_after_half_of_the_epochs(tmp_path: Path, data_root: Path) -> None:
    asked = job(0, tmp_path, data_root, "training.epochs=4")
    asked = replace(asked, floor=Floor(dict.fromkeys((1, 2, 3, 4), 2.0), 0.05, "its reference"))
    report = train(asked)
    assert report.state == "hopeless"
    assert "after epoch 2 of 4, its reference had 2.0000" in report.reason
    assert not report.scores
    (run,) = tmp_path.iterdir()
    assert not Folder(run).finished


def test_a_network_that_is_pruned_through_is_hopeless(tmp_path: Path, data_root: Path) -> None:
    asked = job(0, tmp_path, data_root, "pruning.ratio=0.999", "pruning.method=random")
    report = train(asked)
    assert (report.state, report.scores) == ("hopeless", {})
    assert report.reason.startswith("after pruning, the output no longer depends on the input")


def test_a_crash_is_reported_and_a_refusal_raised(tmp_path: Path, data_root: Path) -> None:
    diverges = job(0, tmp_path, data_root, "training.learning_rate=1.0e+30", "training.schedule=constant")
    report = train(diverges)
    assert report.state == "crashed"
    assert "the loss became" in report.reason
    lacking = job(0, tmp_path, tmp_path / "none", "data.dataset=PhC-C2DH-U373")
    with pytest.raises(CellpruneError, match="is not in"):
        train(lacking)
    told = train(replace(lacking, is_unlike_others=True))
    assert (told.state, told.refused) == ("crashed", True), "it says nothing of the other jobs"
    with pytest.raises(CellpruneError, match=r"a worker has cellprune .*, the planner 0\.0\.0"):
        train(replace(diverges, version="0.0.0"))


@pytest.mark.slow
def test_a_lack_of_memory_may_be_the_neighbours_so_it_is_no_refusal(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = job(0, tmp_path, data_root, "pruning.method=prospr")
    with monkeypatch.context() as short:
        short.setattr("cellprune.pruning.derivatives.segments.available_bytes", lambda device: 2**20)
        report = train(wanted)
    assert (report.state, report.refused) == ("crashed", True)
    assert "but may take 1 MiB (60% of what is free for this process on cpu)" in report.reason
    assert not list(tmp_path.glob("*/config.yaml")), "nothing is left of it"
    assert train(wanted).state == "done"


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("I/O error (os error 28)")]
)
def test_a_full_disk_is_raised(
    error: OSError, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("cellprune.runs.container.save_file", fails)
    wanted = job(1000, tmp_path, data_root)
    with pytest.raises(WorkError, match=r"the disk of .* is full \(seed 1000\): free some"):
        train(wanted)


def test_a_run_that_lacks_what_is_compared_is_named(make_run: Callable[..., Folder]) -> None:
    folder = make_run(n_images=2)
    seg = resolve("results", "segmentation").compared_by("seg")
    documents.write_json(folder.file("model"), {})  # its size is told
    assert (
        _read(folder, "", seg).scores.keys()
        == _read(folder, "", resolve("results", "segmentation").metric).scores.keys()
    )
    assert not _read(folder, "", seg).run.curve, "it is not watched"
    with edited(folder, "scores") as scores:
        scores["cells"] = None
    with pytest.raises(
        CellpruneError, match=r"run cannot be compared: its scores\.json counts no cells; remove it, so"
    ):
        _read(folder, "", seg)


def test_the_layers_time_is_told_where_it_decided(make_run: Callable[..., Folder]) -> None:
    cost = make_run(n_images=1).read_cost()
    by_time = replace(cost, budget=Budget("latency", 0.5, 0.4, 5_000_000, 2_500_000, 2_000_000))
    small = StandIn("flat", "latency", 3_000_000, 1_500_000, (8, 8), Whole((16, 32), 10, 10))
    assert [_layers_ms(one) for one in (cost, by_time, replace(cost, control=small))] == [None, 2.0, 1.5]
    assert _layers_ms(replace(by_time, control=replace(small, unit="macs"))) == 2.0
