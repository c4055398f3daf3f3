"""Widths of pieces: SciPy's distances, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellprune.targets.connected import pieces_of
from cellprune.targets.widths import widths


def theirs(foreground: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(foreground).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.floats(0, 0.95))
def test_widths_are_those_of_scipy(seed: int, height: int, width: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.random((height, width)), rng.uniform(0, 6))
    foreground = noise > np.quantile(noise, 1 - share)
    foreground[rng.integers(height), rng.integers(width)] = False
    found = widths(pieces_of(foreground))
    assert found.dtype == np.float32
    assert np.array_equal(found, theirs(foreground))


@pytest.mark.parametrize("px", [179, 180, 181, 182, 400])
@pytest.mark.parametrize("axis", [0, 1])
def test_pieces_as_wide_as_an_integer_holds_and_wider(px: int, axis: int) -> None:
    """Of a piece at the edge of the image a pixel is as far from the background as the piece is wide."""
    wide = np.zeros((px + 3, 800), bool)
    wide[:px] = True
    wide[px + 1, ::2] = True  # other pieces
    foreground = wide if axis == 0 else np.ascontiguousarray(wide.T)
    found = widths(pieces_of(foreground))
    assert found.max() == px
    assert np.array_equal(found, theirs(foreground))
