"""Telling images of grey levels from images of labels: the numbers of an image lie scattered, those of cells do not."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellprune.images.header import ImageError
from cellprune.images.read import Labels

_FEWEST = 8  # numbers; fewer may be classes, each of many cells
_SCATTERED = 4  # pieces of each number, on average; a cell that hides another one is in two


def require_cells(images: Iterable[tuple[Path, Labels]]) -> None:
    """Refuse images whose numbers are no cells: most lie in several pieces, and all together in very many.

    Some cells in pieces are right, as where one hides another. Masks without numbers are told elsewhere.

    Args:
        images: paths and (H, W) labels, 0 is background; the first with a cell is looked at.
    Raises:
        ImageError: it is an image of grey levels.
    """
    for path, labels in images:
        if labels.any():
            _require(path, labels)
            return


def _require(path: Path, labels: Labels) -> None:
    n_numbers = len(np.unique(labels[labels > 0]))
    if n_numbers < _FEWEST:
        return
    from skimage.measure import label  # 0.3 s

    pieces = label(labels, background=0, connectivity=2)
    _, first = np.unique(pieces[pieces > 0], return_index=True)
    _, n_pieces = np.unique(labels[pieces > 0][first], return_counts=True)
    if n_pieces.sum() > _SCATTERED * n_numbers and np.count_nonzero(n_pieces > 1) > n_numbers / 2:
        raise ImageError(
            f"{path} has {n_numbers:,} numbers in {n_pieces.sum():,} pieces, as an image of grey levels has: give "
            "label images, in which every cell has a number of its own"
        )
