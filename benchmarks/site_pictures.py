"""The pictures of the site's front page and tutorial, taken from what the commands leave.

    python benchmarks/site_pictures.py front RUN FOLDER
    python benchmarks/site_pictures.py tutorial

`front` predicts the held-out image of a finished run that has the usual number of true cells, whatever its score; its
data set is a folder of images/ and labels/. `tutorial` gives the tutorial's own commands, as its page has them, in a
folder that is thrown away.
"""

import base64
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np

from cellprune.evaluation.cells import judge
from cellprune.images.read import read_image, read_labels
from cellprune.lab.overlay import overlay_png
from cellprune.report.marked.image import ImageCells, Located
from cellprune.report.marked.panels import panels
from cellprune.runs.folder import Folder
from cellprune.runs.scores import CellPictures, SegmentationScores

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = DOCS / "pictures"


def main() -> None:
    match sys.argv[1:]:
        case ["front", run, data]:
            with tempfile.TemporaryDirectory() as folder:
                _front(Path(run), Path(data), Path(folder))
        case ["tutorial"]:
            with tempfile.TemporaryDirectory() as folder:
                _tutorial(Path(folder))
        case _:
            sys.exit(__doc__)


def _front(run: Path, data: Path, folder: Path) -> None:
    scores = scores_of(run)
    counts = {image.id: image.count for image in scores.cells.images} if scores.cells else {}
    usual = mean(count.true for count in counts.values())
    name = min(counts, key=lambda image: abs(counts[image].true - usual))
    image = next((data / "images").glob(f"{Path(name).stem}.*"))
    subprocess.run(["cellprune", "predict", run, image, "-o", folder / "out", "--no-overlays"], check=True)
    truth = read_labels(next((data / "labels").glob(f"{image.stem}.*")))
    found = read_labels(folder / "out/labels" / f"{image.stem}.tif")
    unknown = np.zeros(truth.shape, bool)
    judged = judge(truth, found)
    shown = ImageCells(name, read_image(image), Located(truth), Located(found), unknown, judged, 0)
    _save("front.png", panels(shown, (slice(0, truth.shape[0]), slice(0, truth.shape[1])), longest_px=560))
    print(name, judged.count)


def _tutorial(folder: Path) -> None:
    for command in _commands():
        subprocess.run(shlex.split(command), cwd=folder, check=True)
    image, truth = folder / "cells/01/t000.tif", folder / "cells/01_GT/SEG/man_seg000.tif"
    _save("tutorial-cells.png", overlay_png(read_image(image), read_labels(truth).astype("uint16")))
    drawn = scores_of(folder / "runs/prospr-90").cell_pictures
    assert drawn is not None
    _save("tutorial-run.png", _frame(drawn, "median"))
    _save("tutorial-worst.png", base64.b64decode(drawn.closeups[0].png))
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    _save("tutorial-comparison.svg", base64.b64decode(re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)[0]))
    overlays = sorted((folder / "predicted/overlays").iterdir())
    _save("tutorial-predicted.png", overlays[0].read_bytes())


def scores_of(run: Path) -> SegmentationScores:
    """Give the scores of a run that finds cells."""
    scores = Folder(run).read_scores()
    assert isinstance(scores, SegmentationScores)
    return scores


def _frame(drawn: CellPictures, rank: str) -> bytes:
    return base64.b64decode(next(frame.png for frame in drawn.frames if frame.rank == rank))


def _commands() -> Iterator[str]:
    """Give the commands of the tutorial, one line each."""
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL):
        yield from block.replace("\\\n", " ").strip().splitlines()


def _save(name: str, content: bytes) -> None:
    (PICTURES / name).write_bytes(content)
    print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
