"""The numbers of decoders: what follows from the training cells, and what a scale does to them."""

import math

import pytest

from cellprune.errors import CellpruneError
from cellprune.targets.decoders import (
    BorderSeeds,
    CellSize,
    Components,
    DistanceSeeds,
    Watershed,
    at_scale,
    decoder_of,
)

CELLS = CellSize(area_px=400, radius_px=11)


def test_the_numbers_follow_from_the_training_cells() -> None:
    assert decoder_of("watershed", CELLS) == Watershed(11, min_area_px=40)
    assert decoder_of("components", CELLS) == Components(min_area_px=0)
    assert decoder_of("border", CELLS) == BorderSeeds(min_area_px=40, radius_px=11, depth=0.15)
    assert decoder_of("distance", CELLS) == DistanceSeeds(min_area_px=40)


def test_cells_of_unknown_size_are_not_dropped_and_not_cut() -> None:
    assert decoder_of("border", None).min_area_px == decoder_of("distance", None).min_area_px == 0
    with pytest.raises(CellpruneError, match=r"does not say how large its training cells were.*--decoder components"):
        decoder_of("watershed", None)


def test_smaller_pixels_make_cells_of_more_of_them() -> None:
    assert at_scale(Watershed(11, min_area_px=40), 4) == Watershed(22, min_area_px=160)
    assert at_scale(BorderSeeds(min_area_px=40, radius_px=8), 0.25) == BorderSeeds(min_area_px=10, radius_px=4)
    assert at_scale(decoder := DistanceSeeds(), 1) is decoder


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_numbers_that_make_no_sense_are_refused(wrong: float) -> None:
    for made in (lambda: Watershed(wrong), lambda: DistanceSeeds(seed=wrong), lambda: CellSize(wrong, 1.0)):
        with pytest.raises(ValueError, match="is no size or threshold"):
            made()
