"""How long a search takes: judged by an epoch of its longest trials, as many at once as there will be."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cellprune.campaign import workers
from cellprune.campaign.job import Job, Report
from cellprune.config.load import load
from cellprune.config.search import Search
from cellprune.errors import CellpruneError, WorkError
from cellprune.runs.folder import Folder
from cellprune.search.question import Question, Workspace, ask
from cellprune.search.timing import seconds_of_a_training

TINY = ["data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.method=random", "pruning.ratio=0.5",
        "training.epochs=10", "training.evaluate_every=5"]  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path, data_root: Path) -> tuple[Question, Workspace]:
    workspace = Workspace(runs=tmp_path / "runs", output=tmp_path / "search", data_root=data_root, device="cpu")
    return ask(load(assignments=TINY), Search(low=0.5, high=0.9), workspace), workspace


@pytest.mark.slow
def test_the_slowest_of_the_epochs_at_once_counts(asked: tuple[Question, Workspace], tmp_path: Path) -> None:
    jobs: list[Job] = []

    def execute(given: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
        with workers.here() as train:
            for job, report in train(given):
                jobs.append(job)
                assert report.run is not None
                folder = Folder(job.runs / report.run.folder)
                times = {"scoring_s": 7.0, "training_s": 1.0 + len(jobs), "evaluation_s": 0.5}
                folder.write_provenance(replace(folder.read_provenance(), times=times))
                yield job, report

    seconds = seconds_of_a_training(*asked, execute, 2)
    assert seconds == 7.0 + 10 * 3.0 + 4 * 0.5, "two evaluations on the way, one at the end, and the scores"
    trained = [(job.key.split()[0], job.settings.pruning.ratio, job.settings.training.epochs) for job in jobs]
    assert trained == [("confirm", 0.5, 1)] * 2
    assert not list(tmp_path.iterdir())
    assert not jobs[0].runs.exists()


@pytest.mark.parametrize(
    ("report", "error", "said"),
    [
        (Report("hopeless", reason="no path"), CellpruneError, "the lowest ratio, 0.5, is impossible (no path)"),
        (Report("crashed", reason="the loss became nan"), WorkError, "that is timed, with a ratio of 0.5, failed (t"),
        (
            Report("crashed", reason="no memory", refused=True),
            CellpruneError,
            "with a ratio of 0.5, was refused: no memory",
        ),
    ],
)
def test_an_epoch_that_fails_says_why(
    report: Report, error: type[Exception], said: str, asked: tuple[Question, Workspace]
) -> None:
    with pytest.raises(error) as told:
        seconds_of_a_training(*asked, lambda jobs: ((job, report) for job in jobs), 1)
    assert type(told.value) is error
    assert said in str(told.value)
