"""scores.json: how well a run's network does, as counts of each image, and the summary made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cellprune.errors import CellpruneError
from cellprune.evaluation.cells import Error, ScoredCells
from cellprune.evaluation.iou import ScoredImage, Summary
from cellprune.runs import documents
from cellprune.wording import quoted

SCHEMA = 3
_SIZES_OF_1 = {"256": "network"}  # schema 1 called the network's size so, whatever it was


@dataclass(frozen=True)
class Picture:
    """An image beside what the network made of it, as the report shows it.

    Attributes:
        rank: "best", "median" or "worst".
        png: base64.
    """

    id: str
    rank: str
    iou: float
    png: str


@dataclass(frozen=True)
class FramePicture:
    """An image beside its cells: found ones outlined, errors marked.

    Attributes:
        rank: "best", "median" or "worst", by SEG.
        png: base64.
    """

    id: str
    rank: str
    png: str


@dataclass(frozen=True)
class CloseUpPicture:
    """A place in an image with an error, enlarged, beside its cells.

    Attributes:
        n_true, n_found: cells that the error is about.
        x, y: the middle of these cells, column and row of the image's own pixels, from 0.
        png: base64.
    """

    id: str
    error: Error
    n_true: int
    n_found: int
    x: int
    y: int
    png: str


@dataclass(frozen=True)
class CellPictures:
    """Pictures of cells, as the report shows them; `n_errors` counts the places that could be shown."""

    frames: tuple[FramePicture, ...]
    closeups: tuple[CloseUpPicture, ...]
    n_errors: int


@dataclass(frozen=True)
class CellScores:
    """Found cells against true cells, at native size; the found ones are those that `predict` writes.

    Attributes:
        field_of_interest_px: width of the outer band in which cells do not count.
        images: one entry per image.
        summary: the scores in `evaluation.cells`, by name; None where nothing is to be judged.
    """

    field_of_interest_px: int
    images: tuple[ScoredCells, ...]
    summary: Mapping[str, float | None]


@dataclass(frozen=True)
class SegmentationScores:
    """Cells in images.

    Attributes:
        policy: truth policy.
        part: which frames, "train", "select", "report" or "all".
        images: one entry per image and size.
        pictures: where cells are told apart by class, or as an older version drew them.
        cells: None where cells are told apart by class, or an older version did not count them.
        cell_pictures: likewise; also None where an older version drew none.
    """

    task: Literal["segmentation"]
    policy: str
    part: str
    images: tuple[ScoredImage, ...]
    summary: Summary
    pictures: tuple[Picture, ...]
    cells: CellScores | None = None
    cell_pictures: CellPictures | None = None


@dataclass(frozen=True)
class ClassScores:
    """The images of one class.

    Attributes:
        images: how many there are.
        correct: how many of them get their class.
        accuracy: share of them; None without images.
        right: a "1" or "0" for each of them in the order of the data set; None where an older version wrote none.
    """

    name: str
    images: int
    correct: int
    accuracy: float | None
    right: str | None = None


@dataclass(frozen=True)
class ClassificationScores:
    """Images of one class each.

    Attributes:
        policy: None, for there is no partial truth.
        part: as in `SegmentationScores`.
        confusion: [true class][class it was taken for] -> number of images.
        summary: "accuracy" over all images, and "accuracy_class_mean", the mean over the classes.
    """

    task: Literal["classification"]
    policy: None
    part: str
    classes: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    summary: Mapping[Literal["accuracy", "accuracy_class_mean"], float]

    @property
    def n_images(self) -> int:
        """Number of images of all classes."""
        return sum(row.images for row in self.classes)

    @property
    def n_correct(self) -> int:
        """Number of images that get their class."""
        return sum(row.correct for row in self.classes)


Scores = SegmentationScores | ClassificationScores


def content(scores: Scores) -> dict[str, object]:
    """Give what scores.json holds, as JSON values."""
    return {"schema": SCHEMA, **documents.plain(scores)}


def write(path: Path, scores: Scores) -> None:
    """Write scores.json, whole or not at all."""
    documents.write_json(path, content(scores))


def read(path: Path) -> Scores:
    """Read a scores.json of this version or an older one.

    Raises:
        CellpruneError: it is absent, damaged, or of a newer version.
    """
    written = documents.read_json(path)
    schema = written.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise CellpruneError(f"{path} has schema {quoted(schema)}, this cellprune reads up to {SCHEMA}: update it")
    if written.get("task") == "classification":
        return documents.checked(path, ClassificationScores, written)
    return documents.checked(path, SegmentationScores, written, _mended if schema == 1 else None)


def _mended(written: dict[str, Any]) -> dict[str, Any]:
    """Call the network's size so; the oldest files hold no pictures."""
    images = [{**image, "size": _SIZES_OF_1.get(image["size"], image["size"])} for image in written["images"]]
    summary = {
        name: {_SIZES_OF_1.get(size, size): value for size, value in at.items()}
        for name, at in written["summary"].items()
    }
    return {"pictures": [], **written, "images": images, "summary": summary}
