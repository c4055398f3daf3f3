"""Worker processes of this machine: jobs that outlive them, refusals, interrupts."""

import multiprocessing
from pathlib import Path

import pytest
from tiny_jobs import job

from cellprune.campaign import pool
from cellprune.campaign.job import Job, Report
from cellprune.errors import CellpruneError


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


def test_a_job_that_outlives_its_worker_is_given_to_the_next_and_not_for_ever(tmp_path: Path) -> None:
    done = Report("done")
    first, second = (job(seed, tmp_path, tmp_path) for seed in range(2))
    worker = _Worker(None, done, None, None, done)
    assert list(pool.spread([worker], [first, second])) == [(first, done), (second, done)]
    assert worker.jobs == [first, first, second, second, second]
    (_, crashed), last = pool.spread([_Worker(None, None, None, done)], [first, second])
    assert crashed.state == "crashed"
    assert "its worker was lost 3 times" in crashed.reason
    assert last == (second, done)


def test_a_refusal_ends_the_other_workers_and_no_job_is_taken_before_its_time(tmp_path: Path) -> None:
    refused, busy = _Worker(CellpruneError("no such data")), _Worker()
    waiting = iter(job(seed, tmp_path, tmp_path) for seed in range(9))
    with pytest.raises(CellpruneError, match="no such data"):
        list(pool.spread([refused, busy], waiting))
    assert (refused.is_stopped, busy.is_stopped) == (False, True)
    assert len(list(waiting)) == 7
