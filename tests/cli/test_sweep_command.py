"""`cellprune sweep` by its command: one that is killed and gone on with, its commands for an array, every refusal."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import typed

from cellprune.runs.folder import Folder
from cellprune.tables.folder import Failure, SweepFolder

TINY = [
    "data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.batch_size=4", "training.epochs=2",
    "training.batch_size=1", "training.evaluate_every=1",
]  # fmt: skip
AXES = ["--methods", "snip", "random", "--ratios", "0.4", "0.6", "--seeds", "0:2"]
TIMES = ("milliseconds", "time_share", "scoring_s", "seconds")


def words(*more: str) -> list[str]:
    settings = [word for assignment in TINY for word in ("--set", assignment)]
    return ["sweep", *settings, "-o", "table", *more]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ID", "COUNT", "MIN"):
        monkeypatch.delenv(f"SLURM_ARRAY_TASK_{name}", raising=False)


def rows(folder: Path) -> list[dict[str, str]]:
    """The table without what two measurements of one thing differ in."""
    with (folder / "table.csv").open() as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_that_is_killed_goes_on_and_gives_the_table_of_one_that_was_not(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = ["--methods", "snip", "--ratios", "0.4", "0.6", "--seeds", "3", "--controls", "flat-params"]
    asked, n_runs = words(*axes, "--data-root", str(data_root), "--device", "cpu"), 5
    process = subprocess.Popen([sys.executable, "-m", "cellprune", *asked], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 300
    while sum(Folder(path).finished for path in tmp_path.glob("runs/*")) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert typed(*asked) == 2, "another planner's folder is not taken without --resume"
    assert "holds a sweep: go on with it by --resume" in capsys.readouterr().err
    assert typed(*asked, "--resume", "--json") == 0
    captured = capsys.readouterr()
    made = json.loads(captured.out)
    assert (made["runs"], made["finished"], made["missing"], made["failed"]) == (n_runs, n_runs, [], {})
    n_before = int(captured.err.split(f" of {n_runs} runs finished already")[0].split()[-1])
    assert 2 <= n_before < n_runs
    assert len(list(tmp_path.glob("runs/*"))) == n_runs
    killed = rows(tmp_path / "table")
    whole = [word.replace("table", "whole") for word in [*asked, "--runs", "others"]]
    for number in (2, 1):
        assert typed(*whole, "--shard", f"{number}/2") == 0
    assert [{**row, "run": ""} for row in rows(tmp_path / "whole")] == [{**row, "run": ""} for row in killed]
    again = [word.replace("table", "again") for word in asked]
    assert typed(*again, "--gather") == 0
    for name in ("table.csv", "table.tex"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "table" / name).read_bytes()
    assert typed(*asked, "--resume", "--dry-run") == 0
    assert f"all {n_runs} runs are finished: nothing is left to train" in capsys.readouterr().out


def test_what_failed_twice_ends_with_code_1_once_the_table_is_made(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"dense, seed 0": Failure("crashed", "NaN")}
    monkeypatch.setattr(SweepFolder, "failures", lambda folder: failed)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "3")
    asked = words("--ratios", "0.5", "--seeds", "0", "--data-root", str(data_root), "--device", "cpu", "--gather")
    assert typed(*asked) == 1
    told = capsys.readouterr()
    assert "cellprune: 1 run of 2 failed twice, first dense, seed 0 (NaN): the page lists them" in told.err
    assert "shard 3/3, as SLURM's array says; --shard 1/1 trains all of the table" in told.err
    assert "0 of 2 runs are finished" in told.out
    assert "NaN" in (tmp_path / "table/table.html").read_text()
    assert (tmp_path / "table/table.csv").read_text().startswith("dataset,model,target,method,")


def test_the_list_has_a_command_for_each_training_and_opens_no_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = words(*AXES, "--dataset", "DIC-C2DH-HeLa", "--resume", "--list")
    monkeypatch.setattr(sys, "argv", ["cellprune", *asked])
    assert typed(*asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[1].endswith("-o table --methods snip random --ratios 0.4 0.6 --seeds 0:2 --dataset DIC-C2DH-HeLa "
                             "--shard 2/10  # snip, 40 % removed, seed 0")  # fmt: skip
    assert "--set 'data.size=[32, 32]'" in lines[1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--methods", "snipp", "--ratios", "0.5"], "no pruning method 'snipp'"),
        (["--ratios", "0.5", "--budgets", "macs=0.1"], "both say how much goes: give one"),
        (["--ratios", "0.5", "--method", "snip"], "pruning.method cannot be given to a sweep: --methods lists"),
        (["--ratios", "0.5", "--runs", "table/runs"], "--runs table/runs lies in --output table"),
        (["--ratios", "0.5", "--workers", "2", "--scheduler", "tcp://a:1"], "exclude each other: the scheduler"),
        (["plan.yaml", "--ratios", "0.5"], "no configuration file 'plan.yaml': check its path"),
        (["--ratios", "0.5", "--dataset", "DIC-C2DH-HeLa", "--data-root", "none"], "DIC-C2DH-HeLa is not in"),
        (["--budgets", "macs=0.001", "--granularity", "channel"], "so nothing was begun: prospr macs=0.001"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_work(
    more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*words(*more)) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
