"""The page for contributors keeps its word: what it adds, in the files that it names, works in a copy."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pages
import pytest

import cellprune

PAGE = (pages.DOCS / "contributing.md").read_text(encoding="utf-8")
PROMISED = {"one file": "file", "one function": "file", "one row": "row", "one line": "row", "one page": "page",
            "one heading": "page"}  # fmt: skip
SECTIONS = ("Add a pruning method", "Add a network", "Add a score", "Add a command")
WORDS = [
    "--dataset=simulated", "--data.size", "32", "32", "--epochs=1", "--set", "pruning.batch_size=2", "--set",
    "training.evaluate_every=1", "--model=shallow", "--method=gradient", "--prune=0.2",
]  # fmt: skip


def steps(section: str) -> list[tuple[str, str]]:
    """Give the numbered steps of a section: the file that each names, and its code; "" where it has none."""
    body = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    parts = re.split(r"^\d\. `([^`]+)`", body, flags=re.M)[1:]
    codes = (re.search(r"^ *```python\n(.*?)^ *```", text, re.M | re.S) for text in parts[1::2])
    return list(zip(parts[::2], (textwrap.dedent(code[1]) if code else "" for code in codes), strict=True))


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_names_as_many_files_as_it_promises(section: str) -> None:
    (promise,) = re.findall(r"^A [a-z ]+ needs ([^.]+)\.", PAGE.split(f"## {section}\n")[1].split("\n## ")[0], re.M)
    kinds = [PROMISED[part] for part in re.split(r", | and ", promise)]
    (new, code), (table, row), *page = steps(section)
    root = pages.DOCS.parent
    assert kinds == ["file", "row", *(["page"] if page else [])]
    assert code
    assert not (root / new).exists()
    assert row
    assert (root / table).exists()


@pytest.mark.slow
def test_what_the_page_adds_works_together(tmp_path: Path) -> None:
    shutil.copytree(
        Path(cellprune.__file__).parent, tmp_path / "cellprune", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(pages.DOCS.parent / "datasets", tmp_path / "datasets")
    for section in SECTIONS:
        (new, code), (table, row), *_ = steps(section)
        (tmp_path / new).write_text(code, encoding="utf-8")
        with_row(tmp_path / table, row)
    listed = ran(tmp_path, "methods")
    assert re.search(r"^gradient +at initialization$", listed, re.M)
    assert "methods" in ran(tmp_path, "--help")
    said = ran(tmp_path, "train", *WORDS, "-o", "run", "--data-root", ".")
    assert "IoU" in said
    scores = (tmp_path / "run" / "scores.json").read_text(encoding="utf-8")
    assert '"dice_pooled"' in scores
    assert '"dice_cell_pooled"' in scores
    assert "Dice, pooled" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def with_row(file: Path, code: str) -> None:
    """Add to a file what a step shows: imports at its head, rows to the table."""
    text = file.read_text(encoding="utf-8")
    for line in re.findall(r"^from .+$", code, re.M):
        text = re.sub(r"^(?=from |import )", f"{line}\n", text, count=1, flags=re.M)
    if table := re.search(r"^(\w+) = \{\n    # \.\.\.\n(.+?)^\}", code, re.M | re.S):
        text, n_found = re.subn(
            rf"^({table[1]}\b[^\n]*= \{{\n)", lambda head, rows=table[2]: head[1] + rows, text, flags=re.M
        )
        assert n_found == 1
    file.write_text(text, encoding="utf-8")


def ran(folder: Path, *words: str) -> str:
    """Give what a command of the copy says."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from cellprune.cli.main import main; sys.exit(main(sys.argv[1:]))", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
