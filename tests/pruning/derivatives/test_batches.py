"""Batches are read in order, no further than needed, as copies; what cannot be read is said in one line."""

import itertools

import pytest
import torch

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.batches import Reader, take

CPU = torch.device("cpu")


def source(n: int):
    return [(torch.full((2,), float(k)), torch.tensor([k, k])) for k in range(n)]


def numbers(batches) -> list[float]:
    return [float(inputs[0]) for inputs, _ in batches]


def test_batches_come_in_order_and_no_further_than_asked() -> None:
    reader = Reader(source(5), CPU, 5)
    assert numbers(reader.take(2)) == [0, 1]
    assert numbers(reader.take(1)) == [2]
    assert numbers(reader.rest()) == [3, 4]
    assert numbers(reader.rest()) == []


def test_an_endless_source_is_read_no_further_than_asked() -> None:
    read: list[int] = []

    def endless():
        for k in itertools.count():
            read.append(k)
            yield torch.zeros(1), torch.zeros(1)

    take(endless(), 3, CPU)
    assert read == [0, 1, 2]


def test_the_only_batch_is_given_again_and_again() -> None:
    reader = Reader(source(1), CPU, 4)
    assert numbers(reader.take(3)) == [0, 0, 0]
    assert numbers(reader.take(2)) == [0, 0]


def test_two_batches_are_not_given_again() -> None:
    with pytest.raises(CellpruneError, match=r"needs 3 batches in order .* but the source ended after 2$"):
        take(source(2), 3, CPU)


def test_nothing_is_asked_of_a_source_that_nothing_is_taken_of() -> None:
    assert take([], 0, CPU) == []


def test_tensors_are_copies_and_all_else_is_handed_on() -> None:
    inputs, target = torch.zeros(2), {"mask": torch.ones(1), "name": "cell"}
    [(ours, theirs)] = take([(inputs, target)], 1, CPU)
    inputs.fill_(7)
    assert ours.tolist() == [0, 0]
    assert theirs["name"] == "cell"
    assert theirs["mask"] is not target["mask"]


def test_half_precision_becomes_float32_and_whole_numbers_stay() -> None:
    [(inputs, target)] = take([(torch.zeros(2, dtype=torch.bfloat16), torch.tensor([1]))], 1, CPU)
    assert (inputs.dtype, target.dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        (None, "needs 2 batches, but batches is None: give (inputs, target) pairs"),
        (3, "batches must give (inputs, target) pairs, not int"),
        ([], "needs 2 batches in order (or exactly one, used for all), but the source is empty"),
        ([torch.zeros(2)], "a batch must be a pair (inputs, target), not Tensor"),
        ([(torch.zeros(2),)], "a batch must be a pair (inputs, target), not tuple"),
        ([(1, 2, 3)], "a batch must be a pair (inputs, target), not tuple"),
    ],
)
def test_what_is_no_source_of_batches_is_refused(batches: object, said: str) -> None:
    with pytest.raises(CellpruneError) as refusal:
        take(batches, 2, CPU)
    assert said in str(refusal.value)


def test_one_batch_is_said_in_the_singular() -> None:
    with pytest.raises(CellpruneError, match="needs 1 batch, but"):
        take(None, 1, CPU)
