"""The table of methods is made from the runs' files: best first, each beside the unpruned one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cellprune.runs.folder import Folder

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "methods.py"


def test_runs_become_a_table_and_a_picture(make_run: Callable[..., Folder], tmp_path: Path) -> None:
    dense, pruned = make_run("a-dense", ratio=0), make_run("b-pruned")
    picture = tmp_path / "pictures" / "methods.svg"
    command = [sys.executable, PROGRAM, dense.path, pruned.path, "--picture", picture]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert table[0].startswith("| network | IoU |")
    scores = {row.split(" | ")[0]: row.split(" | ")[1:3] for row in table[2:4]}
    headline = {run.path.name: run.read_scores()["summary"]["iou_image_mean"]["256"] for run in (dense, pruned)}
    difference = headline["b-pruned"] - headline["a-dense"]
    assert scores["| dense"] == [f"{headline['a-dense']:.4f}", ""]
    assert scores["| prospr 97\u00a0%"] == [f"{headline['b-pruned']:.4f}", f"{difference:+.4f}"]
    best_first = [float(row.split(" | ")[1]) for row in table[2:4]]
    assert best_first == sorted(best_first, reverse=True)
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<")
