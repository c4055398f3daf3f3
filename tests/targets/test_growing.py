"""Growing seeds: what becomes of a piece depends on that piece alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from cellprune.targets.growing import grow

_NEIGHBOURS = np.ones((3, 3), bool)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 1000]))
def test_a_piece_grows_as_if_it_were_alone(seed: int, height: int, width: int, n_heights: int) -> None:
    rng = np.random.default_rng(seed)
    within = ndimage.gaussian_filter(rng.random((height, width)), 1) > 0.47
    heights = (rng.integers(n_heights, size=within.shape) / n_heights).astype(np.float32)
    seeds = np.where(within & (rng.random(within.shape) < 0.2), rng.integers(1, 9, size=within.shape), 0)
    seeds = seeds.astype(np.int32)
    whole = grow(seeds, heights, within)
    pieces, _ = ndimage.label(within, structure=_NEIGHBOURS)
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        piece = pieces[box] == number
        alone = grow(seeds[box] * piece, heights[box], piece)
        assert (alone == whole[box] * piece).all()


def test_it_is_the_watershed_where_no_two_heights_are_equal() -> None:
    rng = np.random.default_rng(0)
    heights = rng.permutation(900).reshape(30, 30).astype(np.float32)
    within = ndimage.gaussian_filter(rng.random((30, 30)), 1) > 0.45
    seeds = (np.arange(900).reshape(30, 30) * (within & (rng.random((30, 30)) < 0.05))).astype(np.int32)
    assert (grow(seeds, heights, within) == watershed(-heights, seeds, mask=within, connectivity=2)).all()


def test_of_equal_heights_the_first_in_the_order_of_reading_grows_first() -> None:
    seeds, within = np.array([[2, 0, 0, 0, 1]], np.int32), np.ones((1, 5), bool)
    assert grow(seeds, np.ones((1, 5), np.float32), within).tolist() == [[2, 2, 2, 1, 1]]
    assert grow(seeds[:, ::-1].copy(), np.zeros((1, 5), np.float32), within).tolist() == [[1, 1, 1, 2, 2]]
    of_columns = np.asfortranarray(np.ones((2, 5), np.float32))  # however they lie in memory
    assert grow(np.repeat(seeds, 2, 0), of_columns, np.ones((2, 5), bool)).tolist() == [[2, 2, 2, 1, 1]] * 2


def test_a_seed_of_two_pieces_covers_both() -> None:
    """Also where it lies at the end of a row in one, and at the start of the next row in the other."""
    within = np.array([[0, 0, 0, 1, 1], [1, 1, 0, 0, 0]], bool)
    seeds = np.array([[0, 0, 0, 0, 3], [3, 0, 0, 0, 0]], np.int32)
    assert (grow(seeds, np.ones((2, 5), np.float32), within) == 3 * within).all()
