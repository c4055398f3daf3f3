"""Which mask belongs to which cell: labels of tracking and segmentation truth are unrelated, only places agree."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.evaluation.contingency import areas, contingency
from cellprune.images.read import Labels


def covering(markers: Labels, labels: Labels) -> dict[int, int]:
    """Find for every marker the label that covers more than half of it, the challenge's own rule.

    Args:
        markers: (H, W) int32, one marker for every cell.
        labels: (H, W) int32, instances; 0 is background.
    Returns:
        marker -> label for every marker; 0 where no label covers more than half: the cell has no mask.
    """
    table = contingency(markers, labels)
    label_of = np.zeros(len(table.first), np.int64)
    covers = 2 * table.shared_px > table.first.area_px[table.at_first]
    label_of[table.at_first[covers]] = table.second.numbers[table.at_second[covers]]
    return dict(zip(table.first.numbers.tolist(), label_of.tolist(), strict=True))


def uncovered(markers: Labels, labels: Labels) -> list[int]:
    """List the markers that no label covers: the cells a partial truth leaves out."""
    return [marker for marker, label in covering(markers, labels).items() if label == 0]


def areas_px(labels: Labels) -> dict[int, int]:
    """Give each label's area in pixels."""
    cells = areas(labels)
    return dict(zip(cells.numbers.tolist(), cells.area_px.tolist(), strict=True))


def in_pieces(labels: Labels) -> list[int]:
    """List the labels that consist of several parts; parts that touch at a corner are one."""
    from skimage.measure import label  # 0.3 s that only the check pays

    parts = label(labels, background=0, connectivity=2)
    _, first = np.unique(parts[parts > 0], return_index=True)
    owners, n_parts = _counted(labels[parts > 0][first])
    return [owner for owner, n in zip(owners, n_parts, strict=True) if n > 1]


def regions(labels: Labels) -> Labels:
    """Number the connected regions of equal label, from 1."""
    from skimage.measure import label

    return label(labels, background=0, connectivity=2).astype(np.int32)


def draw_only(images: Iterable[Labels]) -> bool:
    """Tell whether label images only draw cells and do not number them: one value in all of them, in several pieces.

    As many images are looked at as it takes to tell: mostly one.
    """
    values: set[int] = set()
    in_several = False
    for labels in images:
        values |= areas_px(labels).keys()
        if len(values) > 1:
            return False
        in_several = in_several or int(regions(labels).max(initial=0)) > 1
    return in_several


def draws(labels: Labels) -> bool:
    """Tell whether a label image by itself draws its cells and does not number them: one value, in several pieces.

    One cell may be in two pieces, where another one hides its middle; but nobody gives an only cell the number 255.
    """
    values = areas_px(labels).keys()
    most_px = 1 if 255 in values else 2
    return len(values) == 1 and int(regions(labels).max(initial=0)) > most_px


def refuse_mixed(images: Iterable[tuple[Path, Labels]]) -> None:
    """Refuse label images of which some draw their cells and others number them: the drawn ones would be one cell each.

    Raises:
        CellpruneError: names one of each.
    """
    drawn = numbered = None
    for path, labels in images:
        if len(areas_px(labels)) > 1:
            numbered = numbered or path
        elif draws(labels):
            drawn = drawn or path
        if drawn and numbered:
            raise CellpruneError(mixed(drawn, numbered))


def mixed(drawn: Path, numbered: Path) -> str:
    """Say that one label image draws its cells, and another one numbers them."""
    return (
        f"{drawn} has one value for several pieces, as a black and white image has, and {numbered} numbers its cells: "
        "number the cells in all label images, or in none"
    )


def jaccard(gold: Labels, labels: Labels) -> float:
    """Give the mean over gold cells of the Jaccard index with the label that shares most pixels; 0 where none does."""
    table = contingency(gold, labels)
    gold_px, labels_px = table.first.area_px[table.at_first], table.second.area_px[table.at_second]
    best = dict.fromkeys(range(len(table.first)), (0, 0.0))
    for cell, shared, index in zip(
        table.at_first.tolist(),
        table.shared_px.tolist(),
        (table.shared_px / (gold_px + labels_px - table.shared_px)).tolist(),
        strict=True,
    ):
        best[cell] = max(best[cell], (shared, index))
    return float(np.mean([index for _, index in best.values()]))


def _counted(values: NDArray) -> tuple[list[int], list[int]]:
    found, counts = np.unique(values, return_counts=True)
    return found.tolist(), counts.tolist()
