"""Overlap of two masks, counted by hand."""

import numpy as np
import pytest

from cellprune.errors import CellpruneError
from cellprune.evaluation.overlap import compare


def mask(text: str) -> np.ndarray:
    return np.array([[letter == "1" for letter in text]])


def test_counts_by_hand() -> None:
    first = {"a": mask("1100"), "b": mask("1111"), "c": mask("00"), "mine": mask("1")}
    second = {"a": mask("1010"), "b": mask("1000"), "c": mask("00"), "theirs": mask("1")}
    found = compare(first, second)
    assert [(row["kept"], row["both"]) for row in found["layers"]] == [([2, 2], 1), ([4, 1], 1), ([0, 0], 0)]
    assert [row["overlap"] for row in found["layers"]] == [1 / 3, 1 / 4, None]
    assert [row["overlap_by_chance"] for row in found["layers"]] == [1 / 3, 1 / 4, None]
    assert (found["weights"], found["kept"], found["both"], found["overlap"]) == (10, [6, 3], 2, 2 / 7)
    assert found["overlap_by_chance"] == 2 / 7
    assert found["alone"] == [["mine"], ["theirs"]]


def test_chance_is_what_random_places_give() -> None:
    generator = np.random.default_rng(0)
    draws = [{"a": generator.permuted(mask("1" * 300 + "0" * 700))} for _ in range(2)]
    found = compare(*draws)
    assert found["overlap"] == pytest.approx(found["overlap_by_chance"], abs=0.03)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"b": mask("1")}, "share no layer"),
        ({"a": mask("11")}, r"'a' has shape \(1, 1\) in the first and \(1, 2\)"),
        ({}, "none"),
    ],
)
def test_masks_of_two_networks_are_refused(second: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        compare({"a": mask("1")}, second)


def test_weights_are_compared_in_the_order_of_layers_and_norms_are_not() -> None:
    masks = {f"blocks.{n}.weight": np.ones((2, 2), bool) for n in (10, 2)} | {"blocks.2.bias": np.zeros(2, bool)}
    found = compare(masks, masks)
    assert [row["name"] for row in found["layers"]] == ["blocks.2.weight", "blocks.10.weight"]
    assert found["weights"] == found["both"] == 8
