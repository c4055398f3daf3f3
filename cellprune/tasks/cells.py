"""Cells of a run's images against true cells, counted and shown at native size."""

from collections.abc import Sequence

from cellprune.data.cells.frames import Frame
from cellprune.data.cells.loaders import Sample
from cellprune.data.cells.matching import draw_only, regions
from cellprune.data.cells.truth import read_truth
from cellprune.evaluation import cells, contingency
from cellprune.evaluation.iou import IGNORED
from cellprune.images.read import Labels
from cellprune.report.marked.image import ImageCells, Located
from cellprune.report.marked.pictures import draw
from cellprune.runs.scores import CellPictures, CellScores


def scored(
    samples: Sequence[tuple[Sample, contingency.Labels]], *, field_of_interest_px: int
) -> tuple[CellScores, CellPictures]:
    """Count the cells that were found in some images, and draw them.

    Args:
        samples: whose truth numbers or draws cells, each with its found cells (H, W), at native size.
        field_of_interest_px: width of the outer band in which cells do not count.
    """
    # in the challenge's layout, where frames have no names, a number is a cell in however many pieces
    is_drawn = draw_only(_true_cells(sample.frame) for sample, _ in samples if sample.frame.name)
    images, counted = [], []
    for sample, found in samples:
        frame, truth, ignored = sample.frame, _true_cells(sample.frame), sample.target_native == IGNORED
        truth = regions(truth) if is_drawn else truth
        judged = cells.judge(truth, found, ignored=ignored, field_of_interest_px=field_of_interest_px)
        images.append(
            ImageCells(
                frame.id, sample.raw, Located(truth), Located(found), ignored, judged, field_of_interest_px
            )
        )  # fmt: skip
        counted.append(cells.ScoredCells(frame.id, frame.sequence, frame.number, judged.count))
    summary = cells.summary([image.count for image in counted])
    return CellScores(field_of_interest_px, tuple(counted), summary), draw(images)


def _true_cells(frame: Frame) -> Labels:
    return read_truth(frame, "gold" if frame.gold else "silver")
