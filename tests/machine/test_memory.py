import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest
import torch

from cellprune.campaign import workers
from cellprune.errors import CellpruneError
from cellprune.machine import groups
from cellprune.machine import memory as free_memory

CPU = torch.device("cpu")
MIB = 2**20


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Mapping[str, str]], None]:
    """Make a machine with 1000 MiB free of this membership and these files of control groups."""

    def make(membership: str, files: Mapping[str, str]) -> None:
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        monkeypatch.setattr(groups, "_MEMBERSHIP", tmp_path / "membership")
        monkeypatch.setattr(groups, "_GROUPS", tmp_path)
        memory = psutil.virtual_memory()._replace(available=1000 * MIB)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)

    return make


def test_without_a_limit_it_is_what_the_machine_has(machine):
    machine("0::/user\n", {"user/memory.max": "max\n"})
    assert free_memory.available_bytes(CPU) == 1000 * MIB


def test_a_system_without_control_groups_has_none(machine, monkeypatch, tmp_path):
    machine("", {})
    monkeypatch.setattr(groups, "_MEMBERSHIP", tmp_path / "no such file")
    assert free_memory.available_bytes(CPU) == 1000 * MIB


def test_the_nearest_limit_of_a_batch_job_counts_and_its_page_cache_is_free(machine):
    machine(
        "0::/slurm/job/step\n",
        {
            "slurm/job/memory.max": f"{300 * MIB}\n",
            "slurm/job/memory.current": f"{250 * MIB}\n",
            "slurm/job/memory.stat": f"anon {200 * MIB}\ninactive_file {50 * MIB}\n",
            "slurm/job/step/memory.max": "max\n",
        },
    )
    assert free_memory.available_bytes(CPU) == 100 * MIB


def test_groups_of_the_first_version_are_read_too(machine):
    machine(
        "9:cpu:/a\n4:memory:/a\n0::/\n",
        {
            "memory/a/memory.limit_in_bytes": f"{300 * MIB}\n",
            "memory/a/memory.usage_in_bytes": f"{400 * MIB}\n",
            "memory/a/memory.stat": f"total_inactive_file {150 * MIB}\n",
        },
    )
    assert free_memory.available_bytes(CPU) == 50 * MIB


def test_a_container_sees_its_limit_at_the_root(machine):
    files = {"memory.max": f"{20 * MIB}\n", "memory.current": f"{30 * MIB}\n", "memory.stat": ""}
    machine("0::/not/mounted/here\n", files)
    assert free_memory.available_bytes(CPU) == 0


def test_workers_of_one_machine_share_what_is_free(machine, monkeypatch):
    machine("", {})
    for name, value in workers._environment(number=0, n_workers=4, n_threads=1).items():
        monkeypatch.setenv(name, value)
    assert free_memory.available_bytes(CPU) == 250 * MIB


@pytest.mark.parametrize("share", ["half", "0", "1.5", "nan", ""])
def test_a_share_that_is_none_is_refused(share, monkeypatch):
    monkeypatch.setenv(free_memory.SHARE, share)
    with pytest.raises(CellpruneError, match=r"as 0\.5"):
        free_memory.available_bytes(CPU)


def test_what_this_machine_says_is_understood():
    assert 0 < free_memory.available_bytes(CPU) <= psutil.virtual_memory().total


_SCORES = """
import resource
from itertools import repeat

import psutil
import torch
from torch.nn.functional import cross_entropy

import cellprune
from cellprune.models.unet import build

network, inputs, target = build(width=8), torch.randn(4, 1, 128, 128), torch.randint(0, 2, (4, 128, 128))
before = psutil.Process().memory_info().rss
cellprune.prune(network, sparsity=0.9, batches=repeat((inputs, target)), loss=cross_entropy)
print(before, psutil.Process().memory_info().rss, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to")
def test_what_scoring_took_is_given_back():
    done = subprocess.run([sys.executable, "-c", _SCORES], check=True, capture_output=True, text=True)
    before, after, peak = map(int, done.stdout.split())
    assert peak - before > 200 * MIB, "there is something to give back"
    assert after - before < 0.5 * (peak - before)
