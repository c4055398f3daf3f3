"""The ratios that are asked about."""

import numpy as np
import pytest
from simulated_worlds import GRID

from cellprune.errors import CellpruneError
from cellprune.search.judge.grid import grid, most_probes
from cellprune.search.judge.propose import most_rounds


def test_the_grid_falls_by_the_square_root_of_two_and_hangs_on_nothing_but_itself() -> None:
    densities = 1 - np.array(GRID)
    assert densities[0] == 0.5
    assert densities[:-1] / densities[1:] == pytest.approx(np.sqrt(2), rel=1e-3)
    assert len(GRID) == 18
    assert set(grid(0.8, 0.95)) < set(GRID)
    assert (most_probes(1), most_probes(18)) == (1, 5)
    assert most_rounds(18) == 8
    with pytest.raises(CellpruneError, match=r"take --low 0\.9375 or --high 0\.955806"):
        grid(0.94, 0.95)
