"""The notebooks run from top to bottom, and are kept with what they show, which names no folder of a machine."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import nbformat
import pages
import pytest
from nbformat import NotebookNode

REPOSITORY = Path(__file__).parents[2]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
SMALL = 400_000  # bytes of a notebook, its pictures included

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code(notebook: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def shown(notebook: NotebookNode) -> list[set[str]]:
    """Give for each cell of code the kinds of what it shows: a stream, or types of data."""
    return [
        {kind for output in cell.outputs for kind in (*output.get("data", ()), output.get("name")) if kind}
        for cell in code(notebook)
    ]


def told(notebook: NotebookNode) -> str:
    """Give all words that cells show."""
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


@every_notebook
def test_it_is_kept_as_it_ran(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code(notebook)] == [*range(1, len([*code(notebook)]) + 1)]
    kinds = shown(notebook)
    assert sum("image/png" in kind for kind in kinds) >= 1
    assert set().union(*kinds) <= {"stdout", "image/png", "text/plain"}
    assert not re.search(r"[\w.]*[/\\](?:tmp|home|Users|root|site-packages)\b", told(notebook)), "a folder of a machine"
    assert path.stat().st_size < SMALL


def test_each_is_linked_from_the_pages_and_the_readme() -> None:
    assert len(NOTEBOOKS) == 3
    for text in (REPOSITORY / "README.md", pages.DOCS / "how-to/notebooks.md"):
        linked = re.findall(r"\(\S*notebooks/([\w-]+)\.ipynb\)", text.read_text(encoding="utf-8"))
        assert sorted(linked) == [path.stem for path in NOTEBOOKS], text


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")  # of the Jupyter libraries, whose own they are
@every_notebook
def test_it_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    notebook = nbformat.read(path, as_version=4)
    kept = shown(notebook)
    import_module("keep_notebooks").run(notebook, tmp_path)
    assert shown(notebook) == kept
    assert sys.prefix not in told(notebook)
