"""Grey levels told from cells, some of which may be in pieces."""

from pathlib import Path

import numpy as np
import pytest
from drawn_results import discs, result

from cellprune.images.read import ImageError
from cellprune.images.scattered import require_cells

NAME = Path("a.tif")


def test_grey_levels_are_refused_smooth_or_noisy_and_after_empty_images() -> None:
    rng = np.random.default_rng(0)
    noise = rng.poisson(100, (64, 64)).astype(np.int32)
    smooth = (discs(0) > 0) * 40 + rng.integers(0, 9, discs(0).shape, np.int32)
    for grey in (noise, smooth.astype(np.int32)):
        with pytest.raises(
            ImageError, match=r"a\.tif has \d+ numbers in [\d,]+ pieces, as an image of grey levels has"
        ):
            require_cells([(NAME, np.zeros_like(grey)), (NAME, grey)])


def test_cells_are_not_though_each_may_be_in_two_pieces_and_few_classes_in_many() -> None:
    truth = discs(0).astype(np.int32)
    halves = np.kron(np.arange(1, 101).reshape(10, 10), np.ones((5, 5), int)).astype(np.int32)
    halves[2::5] = 0  # every cell in two pieces
    classes = np.random.default_rng(0).integers(0, 6, (50, 50), np.int32)
    for labels in (truth, result(discs(0), 1).astype(np.int32), halves, classes, np.zeros((5, 5), np.int32)):
        require_cells([(NAME, labels)])
