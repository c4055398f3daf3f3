"""From classes to cells: what is connected is one cell.

Cells that touch become one; parting them is another network's question.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_NEIGHBOURS = np.ones((3, 3), bool)  # corners connect, too: a diagonal line is one thing


def instances(classes: NDArray[np.uint8]) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]:
    """Number the connected regions of each class but the background.

    Args:
        classes: (H, W) uint8, 0 is background.
    Returns:
        (H, W) labels, uint16, or uint32 beyond 65,535 cells: 0 is background, then 1.. without gaps, class by class in
        the order of reading; and (cells + 1,) uint8, the class of every label.
    """
    labels = np.zeros(classes.shape, np.int32)
    class_of = [np.zeros(1, np.uint8)]
    n_so_far = 0
    for value in range(1, int(classes.max(initial=0)) + 1):
        numbered, n_cells = ndimage.label(classes == value, structure=_NEIGHBOURS)
        labels[numbered > 0] = numbered[numbered > 0] + n_so_far
        class_of.append(np.full(n_cells, value, np.uint8))
        n_so_far += n_cells
    return labels.astype(np.uint16 if n_so_far < 2**16 else np.uint32), np.concatenate(class_of)
