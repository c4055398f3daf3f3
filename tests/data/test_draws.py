"""Draws by hash: the same on every machine, whatever order things come in, and even."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprune.data.draws import numbers, shuffled, stable_hash


def test_the_numbers_are_these_on_every_machine() -> None:
    """When this fails, splits and batches of every run before are others: it must not."""
    assert stable_hash("a", 1) == 9892694838016014292
    assert stable_hash() == 16406829232824261652
    assert numbers(np.array([0, 1, 7]), "order", 3).tolist() == [
        4716263906500626285, 17479840568248759110, 38772860524819157,
    ]  # fmt: skip


def test_a_hash_tells_kinds_and_borders_of_parts_apart() -> None:
    parts = [("1",), (1,), ("a", "b"), ("ab",), ("b", "a"), ("a", ""), ("a",), ("", "a")]
    assert len({stable_hash(*one) for one in parts}) == len(parts)
    assert stable_hash("name\udcff") == stable_hash("name\udcff"), "a file's name that is no text"


@given(st.permutations(list("abcdefgh")), st.integers(0, 5))
def test_items_are_shuffled_alike_whatever_order_they_came_in(items: list[str], seed: int) -> None:
    order = shuffled(items, seed, key=str)
    assert order == shuffled("abcdefgh", seed, key=str)
    assert sorted(order) == list("abcdefgh")


def test_another_seed_gives_another_order_and_what_is_left_out_moves_nothing() -> None:
    order = shuffled(range(30), "seed", key=int)
    assert order != shuffled(range(30), "other", key=int)
    assert [item for item in order if item != 7] == shuffled((i for i in range(30) if i != 7), "seed", key=int)


def test_each_indexs_number_depends_on_it_and_the_seeds_alone() -> None:
    together, alone = numbers(np.arange(100), "x", 1), [numbers(np.array([k]), "x", 1)[0] for k in range(100)]
    assert together.tolist() == [int(number) for number in alone]
    assert together.dtype == np.uint64
    assert not set(together.tolist()) & set(numbers(np.arange(100), "x", 2).tolist())


@pytest.mark.parametrize("bit", [0, 13, 31, 63])
def test_every_bit_is_even(bit: int) -> None:
    ones = (numbers(np.arange(4000), "bits") >> np.uint64(bit)) & np.uint64(1)
    assert 0.45 < ones.mean() < 0.55
