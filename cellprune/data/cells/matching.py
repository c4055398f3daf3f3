"""Which mask belongs to which cell: labels of tracking and segmentation truth are unrelated, only places agree."""

import numpy as np
from numpy.typing import NDArray

from cellprune.images.read import Labels


def covering(markers: Labels, labels: Labels) -> dict[int, int]:
    """Find for every marker the label that covers more than half of it, the challenge's own rule.

    Args:
        markers: (H, W) int32, one marker for every cell.
        labels: (H, W) int32, instances; 0 is background.
    Returns:
        marker -> label for every marker; 0 where no label covers more than half: the cell has no mask.
    """
    n_pixels = areas_px(markers)
    labels_of = dict.fromkeys(n_pixels, 0)
    for marker, label, shared in _shared_px(markers, labels):
        if 2 * shared > n_pixels[marker]:
            labels_of[marker] = label
    return labels_of


def uncovered(markers: Labels, labels: Labels) -> list[int]:
    """List the markers that no label covers: the cells a partial truth leaves out."""
    return [marker for marker, label in covering(markers, labels).items() if label == 0]


def areas_px(labels: Labels) -> dict[int, int]:
    """Give each label's area in pixels."""
    return dict(zip(*_counted(labels[labels > 0]), strict=True))


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


def jaccard(gold: Labels, labels: Labels) -> float:
    """Give the mean over gold cells of the Jaccard index with the label that shares most pixels; 0 where none does."""
    gold_areas, areas = areas_px(gold), areas_px(labels)
    best = dict.fromkeys(gold_areas, (0, 0.0))
    for cell, label, shared in _shared_px(gold, labels):
        best[cell] = max(best[cell], (shared, shared / (gold_areas[cell] + areas[label] - shared)))
    return float(np.mean([index for _, index in best.values()]))


def _shared_px(one: Labels, other: Labels) -> list[tuple[int, int, int]]:
    """List the pairs of labels that share pixels, and how many."""
    both = (one > 0) & (other > 0)
    pairs, n_shared = np.unique(one[both].astype(np.int64) << 32 | other[both], return_counts=True)
    return [
        (pair >> 32, pair & 0xFFFFFFFF, shared) for pair, shared in zip(pairs.tolist(), n_shared.tolist(), strict=True)
    ]


def _counted(values: NDArray) -> tuple[list[int], list[int]]:
    found, counts = np.unique(values, return_counts=True)
    return found.tolist(), counts.tolist()
