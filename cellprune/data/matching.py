"""Which mask belongs to which cell: labels of tracking and segmentation truth are unrelated, only places agree."""

import numpy as np
from numpy.typing import NDArray

from cellprune.data.images import Labels


def covering(markers: Labels, labels: Labels) -> dict[int, int]:
    """Find for every marker the label that covers more than half of it, the challenge's own rule.

    Args:
        markers: (H, W) int32, one marker for every cell.
        labels: (H, W) int32, instances; 0 is background.
    Returns:
        marker -> label for every marker; 0 where no label covers more than half: the cell has no mask.
    """
    n_pixels = dict(zip(*_counted(markers[markers > 0]), strict=True))
    both = (markers > 0) & (labels > 0)
    pairs, n_shared = np.unique(np.stack([markers[both], labels[both]]), axis=1, return_counts=True)
    found = dict.fromkeys(n_pixels, 0)
    for (marker, label), shared in zip(pairs.T.tolist(), n_shared.tolist(), strict=True):
        if 2 * shared > n_pixels[marker]:
            found[marker] = label
    return found


def uncovered(markers: Labels, labels: Labels) -> list[int]:
    """List the markers that no label covers: the cells a partial truth leaves out."""
    return [marker for marker, label in covering(markers, labels).items() if label == 0]


def areas_px(labels: Labels) -> dict[int, int]:
    """Give each label's area in pixels."""
    return dict(zip(*_counted(labels[labels > 0]), strict=True))


def _counted(values: NDArray) -> tuple[list[int], list[int]]:
    found, counts = np.unique(values, return_counts=True)
    return found.tolist(), counts.tolist()
