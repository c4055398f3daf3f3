"""What is tried: the model's own decoder first, then others that its maps can feed."""

import pytest

from cellprune.config.names import TARGETS
from cellprune.targets.decoders import BorderSeeds, CellSize, Components, decoder_of
from cellprune.targets.tuning import tried

CELLS = CellSize(400, 11)


@pytest.mark.parametrize("target", TARGETS)
def test_the_own_decoder_comes_first_and_all_can_be_fed(target: str) -> None:
    own = decoder_of(TARGETS[target].decoders[0], CELLS)
    all_tried = tried(own, CELLS)
    assert all_tried[0] == own
    assert len(set(all_tried)) == len(all_tried) > 12
    assert {decoder.name for decoder in all_tried} == set(TARGETS[target].decoders)


def test_a_decoder_of_other_numbers_is_tried_too() -> None:
    odd = BorderSeeds(seed=0.55)
    assert tried(odd, CELLS)[0] == odd
    assert {decoder.depth for decoder in tried(odd, CELLS)[1:]} > {0.0}, "with cuts at necks and without"
    assert {decoder.radius_px for decoder in tried(odd, CELLS)[1:]} == {11}
    assert Components(min_area_px=40) in tried(Components(), CELLS)
