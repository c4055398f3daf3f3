"""Overlap of two masks, counted by hand."""

import numpy as np
import pytest

from cellprune.errors import CellpruneError
from cellprune.evaluation.overlap import Masks, Overlap, are_alike, by_layer, in_all, packed


def masks(**bits: str) -> Masks:
    return packed({name: np.array([[letter == "1" for letter in word]]) for name, word in bits.items()})


def total(first: Masks, second: Masks) -> Overlap:
    return in_all(by_layer(first, second).values())


def test_counts_by_hand() -> None:
    first, second = masks(a="1100", b="1111", c="00", mine="1"), masks(a="1010", b="1000", c="00", theirs="1")
    layers = by_layer(first, second)
    assert list(layers) == ["a", "b", "c"]
    assert layers["a"] == Overlap(weights=4, kept=(2, 2), both=1, both_by_chance=1.0)
    assert [layer.share for layer in layers.values()] == [1 / 3, 1 / 4, None], "of what either mask keeps"
    assert [layer.share_by_chance for layer in layers.values()] == [1 / 3, 1 / 4, None]
    assert in_all(layers.values()) == Overlap(weights=10, kept=(6, 3), both=2, both_by_chance=2.0)
    assert total(first, second).share == total(first, second).share_by_chance == 2 / 7


def test_chance_goes_layer_by_layer() -> None:
    one, other = masks(a="1100", b="1" * 10), masks(a="0110", b="1" + "0" * 9)
    assert total(one, other).share == pytest.approx(2 / 13)
    assert total(one, other).both_by_chance == pytest.approx(2 * 2 / 4 + 10 * 1 / 10)
    assert total(one, other).share_by_chance == pytest.approx(2 / 13)


def test_equal_masks_have_one_and_empty_ones_none() -> None:
    assert total(masks(a="100000001"), masks(a="100000001")).share == 1
    assert total(masks(a="100000001"), masks(a="111000001")).share == 1 / 2
    assert total(masks(a="00"), masks(a="10")).share == 0
    nothing = total(masks(a="00"), masks(a="00"))
    assert (nothing.share, nothing.share_by_chance) == (None, None)


def test_chance_is_what_random_places_share() -> None:
    rng = np.random.default_rng(0)
    one, other = (packed({"a": rng.permutation(100_000).reshape(100, -1) < 20_000}) for _ in range(2))
    assert total(one, other).share_by_chance == pytest.approx(0.04 / 0.36)
    assert total(one, other).share == pytest.approx(0.04 / 0.36, abs=0.01)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (masks(b="1"), "share no layer"),
        (masks(a="11"), r"'a' has shape \(1, 1\) in the first and \(1, 2\)"),
        ({}, "none"),
    ],
)
def test_masks_of_two_networks_are_refused(second: Masks, said: str) -> None:
    assert not are_alike(masks(a="1"), second)
    with pytest.raises(CellpruneError, match=said):
        by_layer(masks(a="1"), second)


def test_weights_are_compared_in_the_order_of_layers_and_norms_are_not() -> None:
    whole = packed(
        {f"blocks.{n}.weight": np.ones((2, 2), bool) for n in (10, 2)} | {"blocks.2.bias": np.zeros(2, bool)}
    )
    assert are_alike(whole, whole)
    assert list(by_layer(whole, whole)) == ["blocks.2.weight", "blocks.10.weight"]
    assert total(whole, whole).weights == total(whole, whole).both == 8
