"""Background, inside, border: drawn at native size, decoded into the cells that it was drawn from."""

import numpy as np
import pytest
from drawn_discs import jaccards, touching_discs
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprune.images.read import resize_labels
from cellprune.targets.border import decode, encode
from cellprune.targets.decoders import BorderSeeds, decoder_of
from cellprune.targets.neighbours import sizes, usual


def maps(encoded: np.ndarray) -> np.ndarray:
    """Probabilities of a network that is sure of everything."""
    return np.stack([encoded == value for value in range(3)]).astype(np.float32)


def test_a_border_is_where_two_cells_are_within_reach() -> None:
    labels = np.array([[1, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 3]], np.int32)
    assert encode(labels, 2, 1.0).tolist() == [
        [1, 1, 2, 2, 1, 1],
        [1, 1, 2, 2, 1, 1],
        [0, 0, 2, 2, 2, 2],  # the third cell is one pixel away from the second
        [0, 0, 0, 0, 0, 1],
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_encoded_and_decoded_discs_are_the_same_cells(seed: int) -> None:
    """Cells of 7 px radius and more."""
    truth = touching_discs(seed)
    labels, class_of = decode(maps(encode(truth, 2, 1.0)), truth.shape, decoder_of("border", usual(sizes(truth))))
    assert labels.max() == truth.max() == len(class_of) - 1
    assert jaccards(truth, labels).min() > 0.9


@pytest.mark.parametrize("pitch", [2, 3])
def test_a_border_drawn_before_resizing_parts_cells_after_it(pitch: int) -> None:
    truth = touching_discs(1, side=384, radii=(21, 42))
    small = (truth.shape[0] // pitch, truth.shape[1] // pitch)
    learned = resize_labels(encode(truth, 2, pitch), small)
    labels = decode(maps(learned), truth.shape, BorderSeeds(min_area_px=100)).labels
    assert labels.max() == truth.max()
    assert jaccards(truth, labels).min() > 0.8
    thin = resize_labels(encode(truth, 2, 1), small)  # as wide as at native size, much of it is lost
    assert (thin == 2).sum() < (learned == 2).sum() / 1.5


def test_what_is_unknown_is_unknown_and_so_is_a_border_that_may_be_there() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 2:10] = 4
    labels[5:15, 10:14] = -1
    labels[:, 18] = 9
    encoded = encode(labels, 2, 1.0)
    assert (encoded[labels == -1] == 255).all()
    assert (encoded[5:15, 9] == 255).all(), "the unknown cell would touch here"
    assert (encoded[5:15, 2:9] == 1).all()
    assert (encoded[:, 18] == 1).all()
    certain = encode(np.maximum(labels, 0), 2, 1.0)
    known = encoded != 255
    assert np.array_equal(encoded[known], certain[known])


def test_a_piece_without_an_inside_is_a_cell_if_it_is_large_enough() -> None:
    encoded = np.zeros((20, 20), np.uint8)
    encoded[2:6, 2:6] = 2
    encoded[10:18, 10:18] = 1
    assert decode(maps(encoded), (20, 20), BorderSeeds()).labels.max() == 2
    assert decode(maps(encoded), (20, 20), BorderSeeds(min_area_px=17)).labels.max() == 1


def test_cells_of_which_the_border_was_not_seen_are_cut_at_their_neck() -> None:
    rows, columns = np.ogrid[:30, :50]
    discs = [(rows - 15) ** 2 + (columns - column) ** 2 <= 100 for column in (15, 33)]
    encoded = (discs[0] | discs[1]).astype(np.uint8)  # all of it inside
    assert decode(maps(encoded), (30, 50), BorderSeeds(radius_px=10)).labels.max() == 1
    labels = decode(maps(encoded), (30, 50), BorderSeeds(radius_px=10, depth=0.1)).labels
    assert labels.max() == 2
    assert (labels[discs[0] & ~discs[1]] == 1).all()
    assert (labels[discs[1] & ~discs[0]] == 2).all()
    assert decode(maps(encoded), (30, 50), BorderSeeds(radius_px=60, depth=0.2)).labels.max() == 1, "no such deep neck"


def test_no_cell_is_decoded_from_background() -> None:
    labels, class_of = decode(maps(np.zeros((9, 9), np.uint8)), (12, 15), BorderSeeds())
    assert (labels.shape, labels.any(), class_of.tolist()) == ((12, 15), False, [0])
