"""The room of many runs: a job is planned from settings alone, and nothing there knows what the runs are for."""

import pickle
import re
from importlib.metadata import version
from pathlib import Path

import cellprune.campaign
from cellprune.campaign.floor import Floor
from cellprune.campaign.job import Job
from cellprune.config.load import load


def test_a_planner_needs_to_give_little_and_a_worker_gets_all() -> None:
    settings = load(assignments=["pruning.ratio=0.5", "seed=3"])
    job = Job("snip seed 3", "snip, seed 3", settings, Path("runs"), floor=Floor({1: 0.5}, 0.05, "its twin"))
    assert job.version == version("cellprune")
    assert pickle.loads(pickle.dumps(job)) == job, "it travels to another process as it is"


def test_the_room_has_no_word_of_what_its_runs_are_for() -> None:
    for file in Path(cellprune.campaign.__file__).parent.glob("*.py"):
        text = file.read_text(encoding="utf-8").replace("cellprune[search]", "")  # the extra that brings Dask
        assert not re.search(r"search|\bratios?\b|reference|\blooks?\b|\btrials?\b", text), file.name
