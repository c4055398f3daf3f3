"""Cells of a run's images against true cells, counted at native size."""

from collections.abc import Sequence

from cellprune.data.cells.frames import Frame
from cellprune.data.cells.loaders import Sample
from cellprune.data.cells.matching import draw_only, regions
from cellprune.data.cells.truth import read_truth
from cellprune.evaluation import cells, contingency
from cellprune.evaluation.iou import IGNORED
from cellprune.images.read import Labels
from cellprune.runs.scores import CellScores


def scored(judged: Sequence[tuple[Sample, contingency.Labels]], *, field_of_interest_px: int) -> CellScores:
    """Count the cells that were found in some images.

    Args:
        judged: samples whose truth numbers or draws cells, each with its found cells (H, W), at native size.
        field_of_interest_px: width of the outer band in which cells do not count.
    """
    # in the challenge's layout, where frames have no names, a number is a cell in however many pieces
    is_drawn = draw_only(_true_cells(sample.frame) for sample, _ in judged if sample.frame.name)
    images = []
    for sample, found in judged:
        frame, truth = sample.frame, _true_cells(sample.frame)
        counted = cells.count(
            regions(truth) if is_drawn else truth, found,
            ignored=sample.target_native == IGNORED, field_of_interest_px=field_of_interest_px,
        )  # fmt: skip
        images.append(cells.ScoredCells(frame.id, frame.sequence, frame.number, counted))
    return CellScores(field_of_interest_px, tuple(images), cells.summary([image.count for image in images]))


def _true_cells(frame: Frame) -> Labels:
    return read_truth(frame, "gold" if frame.gold else "silver")
