"""Searches that train nothing: simulated scores, counted trainings, crashes and deaths as asked for."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from simulated_worlds import world

from cellprune.campaign.job import Job, Report, RunFacts
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.search.frames import Frames
from cellprune.search.judge.grid import grid
from cellprune.search.judge.trial import Trial
from cellprune.search.plan import Plan, plan
from cellprune.search.question import Question, Workspace
from cellprune.search.reach import Reach
from cellprune.search.run import search_max_ratio
from cellprune.search.tell import document
from cellprune.search.tell.answer import Answer

ASKED = Search(low=0.6, high=0.97, seeds=2, confirm_seeds=3, margin=0.02)
SMALL = ASKED.model_copy(update={"low": 0.8, "high": 0.95, "seeds": 1})
FACTS = RunFacts(
    folder="run", machine="a processor; cpu, threads: 2", trained_here=True, parameters_left=10, parameters_total=100,
    macs_left=1, macs_dense=9, model_bytes=5, curve={1: 0.9},
)  # fmt: skip
SCORES = world(lambda ratio: 0.0 if ratio < 0.9 else 0.1, seed=7, n_select=4, n_report=6)


class Cut(BaseException):
    """The planner is killed."""


def question(output: Path, search: Search = ASKED) -> Question:
    frames = Frames(6, 4, ("01",), (("01/007", "no gold mask"),), "f" * 64)
    return Question(Settings(), search, grid(search.low, search.high), frames, output, Reach(Settings()))


def planned_in(folder: Path, time_a_training: Callable[[], float], margin: float = ASKED.margin) -> Plan:
    """Plan a search in a folder."""
    workspace = Workspace(folder / "runs", folder / "search", resume=True)
    asked = question(folder / "search", ASKED.model_copy(update={"margin": margin}))
    asked = replace(asked, frames=replace(asked.frames, select_by_fold=(4,)))
    return plan(asked, workspace, time_a_training=time_a_training, n_at_once=2, timed_here_alone=False)


class Rehearsal:
    """Trains nothing: gives simulated scores, counts, and crashes or dies as told."""

    def __init__(
        self,
        *,
        dies_after: int | None = None,
        crashes: dict[str, list[str]] | None = None,
        hopeless: Iterable[str] = (),
        there: Iterable[str] = (),
        nothing: Iterable[str] = (),
    ) -> None:
        self.trained: Counter[str] = Counter()
        self._left, self._crashes, self._hopeless, self._there = dies_after, crashes or {}, hopeless, there
        self._nothing = dict.fromkeys(nothing, "its IoU of cell is 0")
        self.jobs: dict[str, Job] = {}

    @contextmanager
    def __call__(self) -> Iterator:
        def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
            for job in jobs:
                if self._left is not None:
                    self._left -= 1
                    if self._left < 0:
                        raise Cut
                self.trained[job.key] += 1
                self.jobs[job.key] = job
                yield job, self._report(job)

        yield execute

    def _report(self, job: Job) -> Report:
        trial, key = trial_of(job), job.key
        if self._crashes.get(key):
            return Report("crashed", reason=self._crashes[key].pop(0), seconds=1.0)
        if key in self._hopeless:
            return Report("hopeless", reason="far below", seconds=1.0)
        of_budget = 0.81 if trial.control == "flat-macs" else None
        facts = replace(FACTS, folder=key, trained_here=key not in self._there, of_budget=of_budget)
        return Report("done", SCORES(trial), seconds=1.0, nothing=self._nothing.get(key, ""), run=facts)


def trial_of(job: Job) -> Trial:
    """Read a job's key, "confirm shuffle 0.5 seed 1002 fold 0"."""
    phase, *control, ratio, _, seed, _, fold = job.key.split()
    return Trial(phase, float(ratio), int(seed), int(fold), " ".join(control))  # type: ignore[arg-type]


def searched(output: Path, rehearsal: Rehearsal, search: Search = ASKED, **workspace: object) -> Answer:
    where = Workspace(runs=output.parent / "runs", output=output, resume=True, **workspace)  # type: ignore[arg-type]
    return search_max_ratio(question(output, search), where, execute=rehearsal())


def lasting(answer: Answer) -> str:
    """Give what must not depend on where a search was cut: all but times and versions."""
    content = document.content(answer)
    return json.dumps({key: value for key, value in content.items() if key not in ("made", "looks")}, sort_keys=True)
