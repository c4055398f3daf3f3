"""A smoothed map: its boxes are those of the whole, and what is nearly it is so but for rounding."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprune.targets.native import Native, brought_back
from cellprune.targets.smooth import Smooth, smooth

SIDES = st.tuples(st.integers(1, 30), st.integers(1, 30))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), SIDES, SIDES, st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.3]))
def test_boxes_and_what_is_nearly_it_are_those_of_the_whole(seed: int, old, new, deviation_px: float) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(1, *old)).astype(np.float32)
    before = maps.copy()
    smoothed = Smooth(Native(maps, new), deviation_px)
    whole = smooth(brought_back(maps, new)[0], deviation_px)
    box = (slice(new[0] // 3, new[0]), slice(new[1] // 2, new[1] // 2 + 1))
    assert np.array_equal(smoothed[box], whole[box])
    assert np.abs(smoothed.nearly() - whole).max() <= smoothed.rounding * np.abs(maps).max()
    assert np.array_equal(maps, before)
