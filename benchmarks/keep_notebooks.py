"""The notebooks, run from top to bottom and kept with what they show.

    python benchmarks/keep_notebooks.py notebooks/*.ipynb

What libraries say on standard error, and when each cell ran, is of this machine alone and is not kept.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

_LONGEST_S = 800  # that one cell may take


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            run(notebook, Path(folder))
        nbformat.write(notebook, path)


def run(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in a folder, and put what they show in the place of what they showed.

    Raises:
        CellExecutionError: a cell raises.
    """
    NotebookClient(
        notebook, timeout=_LONGEST_S, record_timing=False, resources={"metadata": {"path": str(folder)}}
    ).execute()
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]


if __name__ == "__main__":
    main()
