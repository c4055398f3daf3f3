"""How many threads an engine may use: what the environment says, else the cores of this process."""

import os
from pathlib import Path

import pytest

from cellprune.machine import groups, threads

QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"  # of the first version of control groups


@pytest.fixture(autouse=True)
def _eight_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing allots anything but the cores, whatever runs the tests."""
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(groups, "_GROUPS", tmp_path)
    monkeypatch.setattr(groups, "_MEMBERSHIP", tmp_path / "membership")


@pytest.mark.parametrize(("said", "n"), [("3", 3), ("4,2", 4), (" 5 ", 5)])
def test_the_environment_says_it(said: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads.count() == n


@pytest.mark.parametrize("said", ["", "0", "-1", "many", "2.5"])
def test_else_it_is_the_cores_of_this_process(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 4, 6}, raising=False)
    assert threads.count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert threads.count() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.count() == 1


@pytest.mark.parametrize(
    ("membership", "files", "asked", "n"),
    [
        ("", {}, "", 8),
        ("", {}, "2", 2),
        ("", {}, "16", 8),
        ("0::/job/step\n", {"job/cpu.max": "150000 100000", "job/step/cpu.max": "max 100000"}, "", 2),
        ("0::/job\n", {"job/cpu.max": "50000 100000"}, "4", 1),
        ("4:cpu,cpuacct:/job\n", {f"cpu/job/{QUOTA}": "300000", f"cpu/job/{PERIOD}": "100000"}, "", 3),
        ("4:cpu:/\n", {f"cpu/{QUOTA}": "-1", f"cpu/{PERIOD}": "100000"}, "", 8),
    ],
)  # fmt: skip
def test_a_batch_job_and_a_container_use_what_they_are_allotted(
    membership: str, files: dict[str, str], asked: str, n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in ({"membership": membership} | files).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", asked)
    assert threads.count() == n
    threads.settle()
    assert os.environ.get("OMP_NUM_THREADS") == (None if n == 8 else str(n))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert threads.count() == 5, "who says it decides"
