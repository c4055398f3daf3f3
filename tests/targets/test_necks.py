"""Cutting at necks: the shortcuts change no label."""

import numpy as np
import pytest
import reference_necks
from drawn_discs import touching_discs
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellprune.targets import necks
from cellprune.targets.decoders import Watershed
from cellprune.targets.numbering import numbered


def labels_of(pieces: np.ndarray, decoder: Watershed) -> list:
    return numbered(pieces, decoder.min_area_px).tolist()


def blobs(seed: int, height: int, width: int) -> np.ndarray:
    """Draw pieces with smooth or rough outlines, few or many, at the edges of the image, too."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.random((height, width)), rng.uniform(0.3, 6))
    return noise > np.quantile(noise, rng.uniform(0, 1))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 90), st.integers(1, 90), st.floats(0.5, 20),
    st.sampled_from([0, 0.02, 0.1, 0.3, 1.0]), st.sampled_from([0, 5, 50, 400]),
)  # fmt: skip
@example(566, 50, 46, 1.0, 0, 0)  # at depth 0 a top is no way for itself
def test_the_labels_are_those_of_a_watershed_of_everything(
    seed: int, height: int, width: int, radius_px: float, depth: float, min_area_px: float
) -> None:
    foreground, decoder = blobs(seed, height, width), Watershed(radius_px, depth=depth, min_area_px=min_area_px)
    wanted = labels_of(reference_necks.cut(foreground, decoder), decoder)
    with pytest.MonkeyPatch.context() as patch:
        for alone_px in (10**9, -(10**9)):  # all at once, and one by one
            patch.setattr(necks, "_ALONE_PX", alone_px)
            assert labels_of(necks.cut(foreground, decoder), decoder) == wanted


def test_pieces_without_a_neck_are_seen_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = np.mgrid[:200, :200]
    rod = (abs(rows - 30) < 12) & (abs(columns - 100) < 80)
    rough = (abs(rows - 150) < 18 + (columns // 3) % 2) & (abs(columns - 90) < 50)
    foreground = rod | rough | ((rows - 80) ** 2 + (columns - 100) ** 2 < 300)
    monkeypatch.setattr(necks, "_parts", None)  # would be called
    assert necks.cut(foreground, Watershed(14.0)).max() == 3
    bow = (abs(np.hypot(rows - 100, columns - 100) - 50) < 10) & (rows < 100)
    ends = np.minimum(np.hypot(rows - 100, columns - 50), np.hypot(rows - 100, columns - 150)) < 11
    assert necks.cut(bow | ends, Watershed(14.0)).max() == 1, "no straight way joins the ends"


def test_a_neck_among_pieces_without_is_cut() -> None:
    truth = touching_discs(1, side=400)
    parted = necks.cut(truth > 0, Watershed(10.0))
    assert len(np.unique(parted)) == truth.max() + 1


@pytest.mark.parametrize("alone_px", [10**9, -(10**9)])  # all at once, and one by one
def test_a_neck_as_deep_as_asked_between_parts_as_large_as_asked_is_cut(alone_px: int, monkeypatch) -> None:
    """Two squares of width 3 and a pixel between them, which one of the two gets: 25 and 26 pixels."""
    monkeypatch.setattr(necks, "_ALONE_PX", alone_px)
    foreground = np.zeros((7, 13), bool)
    foreground[1:6, 1:6] = foreground[1:6, 7:12] = foreground[3, 6] = True
    for depth_px, min_area_px, n_cells in [(2, 25, 2), (2.1, 25, 1), (2, 26, 1)]:
        decoder = Watershed(depth_px, depth=1, min_area_px=min_area_px)
        assert numbered(necks.cut(foreground, decoder), min_area_px).max() == n_cells
