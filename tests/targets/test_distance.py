"""Two distances: made at native size, decoded into the cells that they were made of."""

import numpy as np
from drawn_discs import jaccards, touching_discs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellprune.targets.decoders import DistanceSeeds, decoder_of
from cellprune.targets.distance import decode, encode
from cellprune.targets.growing import grow
from cellprune.targets.native import brought_back
from cellprune.targets.neighbours import sizes, usual
from cellprune.targets.numbering import numbered


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_encoded_and_decoded_discs_are_the_same_cells(seed: int) -> None:
    """Cells of 7 px radius and more; the threshold of the foreground takes a thin rim of each."""
    truth = touching_discs(seed)
    maps = encode(truth, 2, 1.0)
    assert maps.dtype == np.float32
    assert 0 <= maps.min() <= maps.max() <= 1
    labels, class_of = decode(maps, truth.shape, decoder_of("distance", usual(sizes(truth))))
    assert labels.max() == truth.max() == len(class_of) - 1
    assert jaccards(truth, labels).min() > 0.8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.5]), st.sampled_from([1, 1.7]), st.sampled_from([4, 2**16]))
def test_cells_are_those_of_maps_that_are_made_as_a_whole(seed: int, deviation: float, zoom: float, steps: int) -> None:
    """Also where a map is at a threshold, or nearly so."""
    how = DistanceSeeds(smoothing_px=deviation, foreground=0.25, seed=0.5)
    rng = np.random.default_rng(seed)
    maps = encode(touching_discs(seed, side=64, n=9, radii=(3, 12)), 2, 1.0) + rng.normal(0, 0.05, (2, 64, 64))
    maps = (np.round(maps * steps) / steps).astype(np.float32)
    before, size = maps.copy(), (round(64 * zoom), 64)
    found = decode(maps, size, how).labels
    deep, near = brought_back(maps, size)
    deep = ndimage.gaussian_filter(deep, deviation)
    seeds = ndimage.label((deep - near > how.seed) & (deep > how.foreground))[0]
    areas = np.bincount(seeds.ravel())
    seeds[areas[seeds] < max(4, 0.1 * areas[1:].mean())] = 0
    assert np.array_equal(found, numbered(grow(seeds, deep, deep > how.foreground), 0))
    assert np.array_equal(maps, before)


def test_every_cell_is_one_deep_however_large_it_is() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[5:10, 5:10], labels[20:50, 20:50], labels[3, 40] = 7, 2, 5
    depth, near = encode(labels, 2, 1.0)
    assert [depth[labels == cell].max() for cell in (7, 2, 5)] == [1, 1, 1]
    assert (depth[labels == 0] == 0).all()
    assert depth[20, 35] == np.float32(1 / 15)
    assert not near.any(), "all are far from each other"


def test_the_image_s_edge_is_no_edge_of_a_cell() -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[:, :10] = 1
    assert np.array_equal(encode(labels, 2, 1.0)[0][0, :11], np.float32([*range(10, 0, -1), 0]) / 10)
    assert (encode(np.ones((5, 5), np.int32), 2, 1.0)[0] == 1).all(), "a cell without any edge"


def test_nearness_falls_from_where_cells_touch() -> None:
    labels = np.zeros((40, 80), np.int32)
    labels[5:35, 5:40], labels[5:35, 40:75] = 1, 2
    near = encode(labels, 2, 1.0)[1]
    assert (near[10:30, 39:41] == 1).all()
    assert (np.diff(near[20, 20:39]) >= 0).all()
    assert near[20, 20] == 0


def test_where_the_unknown_may_be_the_neighbour_both_maps_are_unknown() -> None:
    labels = np.zeros((40, 80), np.int32)
    labels[5:35, 5:40], labels[5:35, 40:75] = 1, -1
    maps = encode(labels, 2, 1.0)
    unknown = np.isnan(maps[0])
    assert np.array_equal(unknown, np.isnan(maps[1]))
    assert unknown[labels == -1].all()
    assert unknown[10:30, 36:40].all()
    assert not unknown[10:30, 5:20].any()
    certain = encode(np.maximum(labels, 0), 2, 1.0)
    assert np.array_equal(maps[:, ~unknown], certain[:, ~unknown])
    assert (labels[unknown] != 0).sum() > 0.9 * unknown.sum(), "background is known all but beside it"


def test_small_seeds_are_none_and_a_piece_without_a_seed_is_no_cell() -> None:
    deep = np.zeros((30, 60), np.float32)
    deep[5:25, 5:25] = 0.3
    deep[10:20, 10:20] = 0.9
    deep[5:25, 35:55] = 0.3
    deep[8, 40] = 0.9
    maps = np.stack([deep, np.zeros_like(deep)])
    assert decode(maps, deep.shape, DistanceSeeds(smoothing_px=0)).labels.max() == 1
    assert not decode(np.zeros_like(maps), deep.shape, DistanceSeeds()).labels.any()


def test_seeds_that_share_but_a_corner_are_two() -> None:
    deep = np.zeros((20, 20), np.float32)
    deep[2:18, 2:18] = 0.3
    deep[6:10, 6:10] = deep[10:14, 10:14] = 0.9
    assert decode(np.stack([deep, np.zeros_like(deep)]), deep.shape, DistanceSeeds(smoothing_px=0)).labels.max() == 2
