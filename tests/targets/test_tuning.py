"""What is tried: the model's own decoder first, then others that its maps can feed."""

import numpy as np
import pytest
from drawn_discs import touching_discs

from cellprune.config.names import TARGETS, resolve
from cellprune.targets.decoders import BorderSeeds, CellSize, Components, decoder_of, with_numbers
from cellprune.targets.neighbours import sizes, usual
from cellprune.targets.target import Target
from cellprune.targets.tuning import cells_by_each, tried

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


@pytest.mark.parametrize("target", TARGETS)
def test_cells_by_each_decoder_are_those_that_it_decodes_alone(target: str) -> None:
    truth, kind = touching_discs(2, side=96, n=8, radii=(4, 12)), resolve("target", target)
    assert isinstance(kind, Target)
    encoded = kind.encode(truth, 2, 1.0)
    maps = encoded if target == "distance" else np.stack([encoded == k for k in range(encoded.max() + 1)])
    maps, cells = maps.astype(np.float32), usual(sizes(truth))
    assert cells is not None
    decoders = [
        with_numbers(decoder_of(name, cells), {"min_area_px": area})
        for name in TARGETS[target].decoders
        for area in (90, 0, 200, 1e4)
    ]
    all_alone = [kind.decode(maps, truth.shape, decoder).labels for decoder in decoders]
    together = list(cells_by_each(kind, maps, truth.shape, decoders))
    assert len(together) == len(all_alone)
    for one, other in zip(together, all_alone, strict=True):
        assert np.array_equal(one, other)
    n_cells = [labels.max() for labels in together[:4]]
    assert n_cells[1] > n_cells[0] > n_cells[2] > n_cells[3] == 0, "the least area has a say"


def test_what_is_given_stays_and_a_kind_without_it_is_not_tried() -> None:
    own = decoder_of("watershed", CELLS, {"depth": 0.25})
    deep = tried(own, CELLS, numbers={"depth": 0.25})
    assert {(each.name, each.depth) for each in deep} == {("watershed", 0.25)}
    assert len(deep) == 3, "least areas"
    assert tried(own, CELLS, name="components")[1:] == tuple(
        Components(min_area_px=share * 400) for share in (0.1, 0.2, 0.05)
    )
