"""The pipelines in examples/ do what they say, on simulated cells: SLURM's scripts as tasks, the engines themselves."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from onnx_files import onnx_file

from cellprune.cli.main import app

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
VERSION = version("cellprune")
SNAKEMAKE = "snakemake==9.27.1"
SMALL = "--model.width 2 --model.depth 1 --data.size 32 32 --epochs 1 --prune 0.5"
MODULE = EXAMPLES / "nextflow" / "modules" / "cellprune" / "predict"
OFFLINE = ("No matching distribution", "Could not find a version", "Connection", "Temporary failure", "Max retries")


def ours(**variables: object) -> dict[str, str]:
    """The environment in which `cellprune` is this one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"} | {name: str(value) for name, value in variables.items()}


def done(*words: object, cwd: Path, **variables: object) -> str:
    said = subprocess.run([str(w) for w in words], cwd=cwd, env=ours(**variables), capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def said_of(*words: object, cwd: Path, **variables: object) -> str:
    """What a command says, on both streams, in a folder that it may make."""
    cwd.mkdir(exist_ok=True)
    said = subprocess.run(
        [str(w) for w in words],
        cwd=cwd,
        env=ours(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
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
    images = data_root / "simulated-v1" / "01"
    words = (snakemake, "--snakefile", EXAMPLES / "snakemake" / "Snakefile", "--cores", 1, "--config")
    words = (*words, "dataset=simulated", f"images={images}", "shards=2", "threads=1", f"train={SMALL}")
    done(*words, cwd=tmp_path, CELLPRUNE_DATA=data_root, XDG_CACHE_HOME=tmp_path / "cache")
    results = tmp_path / "results"
    assert (results / "run" / "report.html").exists()
    assert len(list((results / "predicted" / "labels").iterdir())) == 12
    assert rows(results / "predicted" / "cells.csv")[0].startswith("image")
    assert (results / "predicted" / "cellprune_mqc.json").exists()
    assert "Nothing to be done" in said_of(*words, cwd=tmp_path, CELLPRUNE_DATA=data_root)
    (tmp_path / "own.yaml").write_text("images: ./my plate\nsearch: --cv 3\n")
    planned = said_of(*words[:5], "--configfile", tmp_path / "own.yaml", "-np", cwd=tmp_path / "new")
    assert "cellprune search-max-ratio" in planned
    assert "cells.onnx './my plate' -o" in planned
    assert "cellprune train" not in planned


@pytest.fixture(scope="module")
def nextflow() -> str:
    """The engine itself: what pip installs is its launcher, which fetches it from elsewhere."""
    launcher = shutil.which("nextflow")
    if launcher is None or shutil.which("java") is None:
        pytest.skip("Nextflow or its Java is not installed")
    said = subprocess.run([launcher, "-version"], capture_output=True, text=True, env=ours(NXF_OFFLINE="true"))
    if said.returncode:
        pytest.skip(f"Nextflow is not on this machine, only its launcher: {(said.stdout + said.stderr).strip()[-200:]}")
    return launcher


def test_nextflow_goes_from_a_data_set_to_a_table_of_cells(nextflow: str, data_root: Path, tmp_path: Path) -> None:
    images = data_root / "simulated-v1" / "01"
    words = (nextflow, "run", EXAMPLES / "nextflow", "-ansi-log", "false", "-resume", "--images", images)
    words = (*words, "--dataset", images.parent, "--shards", 2, "--threads", 1, "--train", SMALL)
    here = {"cwd": tmp_path, "CELLPRUNE_DATA": data_root, "NXF_OFFLINE": "true", "NXF_HOME": tmp_path / "home"}
    done(*words, **here)
    results = tmp_path / "results"
    assert (results / "run" / "report.html").exists()
    assert sorted(path.name for path in (results / "predicted").iterdir()) == [
        "cellprune_mqc.json", "cells.csv", "prediction.json", "shard-1", "shard-2"
    ]  # fmt: skip
    assert len(list((results / "predicted").glob("shard-*/labels/*.tif"))) == 12
    done("cellprune", "predict", results / "cells.onnx", images, "-o", "whole", cwd=tmp_path)
    assert rows(results / "predicted" / "cells.csv") == rows(tmp_path / "whole" / "cells.csv")
    assert yaml.safe_load((results / "versions.yml").read_text())["CELLPRUNE_PREDICT"] == {"cellprune": VERSION}
    assert "Submitted process" not in done(*words, **here), "all of it is done"


def test_nextflow_searches_instead_if_it_is_asked_to(nextflow: str, data_root: Path, tmp_path: Path) -> None:
    words = (nextflow, "run", EXAMPLES / "nextflow", "-ansi-log", "false", "-stub-run", "--search", "x", "--shards", 2)
    words = (*words, "--images", data_root / "simulated-v1" / "01")
    said = done(*words, cwd=tmp_path, NXF_OFFLINE="true", NXF_HOME=tmp_path / "home")
    ran = re.findall(r"Submitted process > (\w+)", said)
    assert sorted(ran) == ["CELLPRUNE_PREDICT"] * 2 + ["CHECK", "EXPORT", "MERGE", "SEARCH"]
    assert (tmp_path / "results" / "search" / "search.html").exists()


def typed(*files: Path) -> list[list[str]]:
    """The commands of cellprune in these files: a word for whatever an engine puts in, none for a user's options."""
    text = "\n".join(re.sub(r"(?m)^ *(//|#).*$", "", file.read_text()) for file in files)
    text = re.sub(r'\\\\\n\s*|"\n\s*"', " ", text)  # a command in several lines
    text = re.sub(r"\$\{(?:task\.ext\.)?args[^}]*\}|\{config\[(?:train|search)\]\}", "", text)
    text = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}|\{[^{}\n]*\}", "1", text)
    return [shlex.split(command)[1:] for command in re.findall(r"\bcellprune [a-z][^\n>\"`]*", text)]


def test_both_engines_give_commands_that_are_taken() -> None:
    """Without an engine: each pipeline gives every command once, with options that it has."""
    of_nextflow = [EXAMPLES / "nextflow" / "main.nf", MODULE / "main.nf"]
    for files in ([EXAMPLES / "snakemake" / "Snakefile"], of_nextflow):
        commands = typed(*files)
        for words in commands:
            app.parse_args(words, exit_on_error=False, print_error=False)
        assert sorted(words[0] for words in commands) == [
            "data",
            "export",
            "merge",
            "predict",
            "search-max-ratio",
            "train",
        ]


def test_the_module_is_described_as_it_is() -> None:
    script = (MODULE / "main.nf").read_text()
    meta = yaml.safe_load((MODULE / "meta.yml").read_text())
    assert meta["name"].upper() == re.search(r"process (\w+)", script)[1]
    assert list(meta["output"]) == re.findall(r"emit: (\w+)", script)
    assert list(meta["topics"]) == re.findall(r"topic: (\w+)", script)
    environment = yaml.safe_load((MODULE / "environment.yml").read_text())
    assert {"pip": [f"cellprune=={VERSION}"]} in environment["dependencies"]
    assert f"'cellprune:{VERSION}'" in script
