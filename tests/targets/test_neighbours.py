"""Sizes of cells, and where they are near each other."""

import numpy as np

from cellprune.targets.decoders import CellSize
from cellprune.targets.neighbours import between, sizes, usual


def test_sizes_are_of_each_cell_alone() -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[5:10, 5:15], labels[10:15, 5:15] = 3, 8  # they touch, and each has an edge of its own
    labels[20:21, 30:31] = 900
    labels[25:, :] = -1
    assert sizes(labels).tolist() == [[50, 3], [50, 3], [1, 1]]
    assert usual(sizes(labels)) == CellSize(50, 3)
    assert usual(sizes(np.zeros((4, 4), np.int32))) is None


def test_between_does_not_depend_on_the_numbers() -> None:
    labels = np.random.default_rng(0).integers(-1, 4, (40, 50)).astype(np.int32)
    renumbered = np.array([0, 900, 3, 17, -1], np.int32)[labels]
    for unknown_is_cell in (False, True):
        one, other = (between(given, 1, unknown_is_cell=unknown_is_cell) for given in (labels, renumbered))
        assert np.array_equal(one, other)
        assert one.any()
