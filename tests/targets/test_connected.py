"""What is connected: pieces, their boxes and areas are those of SciPy."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellprune.targets.connected import pieces_of


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.booleans())
@example(0, 20, 20, 1.0, True)
@example(0, 1, 9, 0.5, False)
def test_pieces_are_those_of_scipy(seed: int, height: int, width: int, share: float, corners: bool) -> None:
    rng = np.random.default_rng(seed)
    foreground = rng.random((height, width)) < share
    if seed % 2:  # larger ones
        foreground = ndimage.gaussian_filter(foreground.astype(float), 1) > share
    wanted, n = ndimage.label(foreground, structure=np.ones((3, 3), bool) if corners else None)
    pieces = pieces_of(foreground, corners=corners)
    assert pieces.n == n
    assert np.array_equal(pieces.numbers(), wanted)
    assert np.array_equal(pieces.foreground(), foreground)
    assert pieces.boxes() == ndimage.find_objects(wanted)
    assert np.array_equal(pieces.areas, np.bincount(wanted.ravel(), minlength=n + 1)[1:])
    places = np.flatnonzero(foreground)
    assert np.array_equal(pieces.at(places), wanted.ravel()[places])
    for number, box in enumerate(pieces.boxes(), start=1):
        assert np.array_equal(pieces.alone(number, box).numbers() > 0, wanted[box] == number)


def test_a_spiral_is_one_piece() -> None:
    """However many times its stretches have to be joined."""
    spiral = np.zeros((61, 61), bool)
    y, x, down, right = 0, 0, 0, 1
    for length in [60, *np.repeat(range(60, 0, -2), 2)]:
        for _ in range(length):
            spiral[y, x] = True
            y, x = y + down, x + right
        down, right = right, -down
    assert pieces_of(spiral, corners=False).n == ndimage.label(spiral)[1] == 1


def test_nothing_has_no_pieces() -> None:
    for shape in ((0, 4), (3, 0), (2, 2)):
        pieces = pieces_of(np.zeros(shape, bool))
        assert (pieces.n, pieces.boxes(), pieces.numbers().shape) == (0, [], shape)
