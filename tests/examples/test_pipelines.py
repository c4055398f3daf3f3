"""The pipelines in examples/ do what they say, on simulated cells: SLURM's scripts as tasks, and Snakemake itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from onnx_files import onnx_file

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
SNAKEMAKE = "snakemake==9.27.1"
OFFLINE = ("No matching distribution", "Could not find a version", "Connection", "Temporary failure", "Max retries")


def ours(**variables: object) -> dict[str, str]:
    """The environment in which `cellprune` is this one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"} | {name: str(value) for name, value in variables.items()}


def done(*words: object, cwd: Path, **variables: object) -> str:
    said = subprocess.run([str(w) for w in words], cwd=cwd, env=ours(**variables), capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def rows(table: Path) -> list[str]:
    return table.read_text().splitlines()


def test_an_array_of_slurm_gives_the_table_of_one_process(data_root: Path, tmp_path: Path) -> None:
    images, model = data_root / "simulated-v1" / "01", onnx_file(tmp_path / "cells.onnx")
    script = EXAMPLES / "slurm" / "predict.sbatch"
    for task in (1, 2):
        words = ("bash", script, model, images, "predicted")
        done(*words, cwd=tmp_path, SLURM_ARRAY_TASK_ID=task, SLURM_ARRAY_TASK_COUNT=2, SLURM_ARRAY_TASK_MIN=1)
    done("cellprune", "merge", "predicted", cwd=tmp_path)
    done("bash", script, model, images, "whole", cwd=tmp_path)
    assert len(rows(tmp_path / "whole" / "cells.csv")) > 12
    assert rows(tmp_path / "predicted" / "cells.csv") == rows(tmp_path / "whole" / "cells.csv")


def test_a_job_of_slurm_trains_and_goes_on(data_root: Path, tmp_path: Path) -> None:
    words = ("bash", EXAMPLES / "slurm" / "train.sbatch", "simulated", "run", "--model.width", 2, "--model.depth", 1)
    words = (*words, "--data.size", 32, 32, "--epochs", 1, "--data-root", data_root)
    for _ in range(2):  # the second time, it is there
        done(*words, cwd=tmp_path, SLURM_CPUS_PER_TASK=1)
    assert (tmp_path / "run" / "report.html").exists()


@pytest.fixture(scope="module")
def snakemake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snakemake")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    words = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", SNAKEMAKE]
    said = subprocess.run(words, capture_output=True, text=True, timeout=1200)
    if said.returncode and any(why in said.stderr for why in OFFLINE):
        pytest.skip(f"pip reaches no package index: {said.stderr.strip().splitlines()[-1][:200]}")
    assert said.returncode == 0, said.stderr
    return folder / "bin" / "snakemake"


def test_snakemake_goes_from_a_data_set_to_a_table_of_cells(snakemake: Path, data_root: Path, tmp_path: Path) -> None:
    small = "--model.width 2 --model.depth 1 --data.size 32 32 --epochs 1 --prune 0.5"
    images = data_root / "simulated-v1" / "01"
    words = (snakemake, "--snakefile", EXAMPLES / "snakemake" / "Snakefile", "--cores", 1, "--config")
    words = (*words, "dataset=simulated", f"images={images}", "shards=2", "threads=1", f"train={small}")
    done(*words, cwd=tmp_path, CELLPRUNE_DATA=data_root, XDG_CACHE_HOME=tmp_path / "cache")
    results = tmp_path / "results"
    assert (results / "run" / "report.html").exists()
    assert len(list((results / "predicted" / "labels").iterdir())) == 12
    assert rows(results / "predicted" / "cells.csv")[0].startswith("image")
    again = subprocess.run(
        [str(word) for word in words], cwd=tmp_path, env=ours(CELLPRUNE_DATA=data_root), capture_output=True, text=True
    )
    assert "Nothing to be done" in again.stdout + again.stderr
