"""As many samples of each class as asked, in the order in which they come; or the class that lacks them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives import balance
from cellprune.pruning.derivatives.balance import balanced, class_count


def batch(*labels: int, start: int = 0):
    """Inputs that are numbered as they come."""
    return torch.arange(start, start + len(labels)).float()[:, None], torch.tensor(labels)


def test_the_first_samples_of_each_class_take_turns() -> None:
    ((inputs, target),) = balanced([batch(1, 1, 1, 0, 0, 0)], n_classes=2, per_class=2)
    assert target.tolist() == [0, 1, 0, 1]
    assert inputs.flatten().tolist() == [3, 0, 4, 1]


def test_parts_are_no_larger_than_the_batches_that_were_read() -> None:
    parts = balanced([batch(0, 1, 0), batch(1, 0, 1, start=3), batch(0, 1, start=6)], n_classes=2, per_class=4)
    assert [len(target) for _, target in parts] == [3, 3, 2]
    assert [target.tolist() for _, target in parts] == [[0, 1, 0], [1, 0, 1], [0, 1]]


def test_other_labels_are_passed_over() -> None:
    ((_, target),) = balanced([batch(-1, 0, 255, 2, 1)], n_classes=2, per_class=1)
    assert target.tolist() == [0, 1]


def test_no_batch_is_read_once_all_classes_are_full() -> None:
    def source():
        yield batch(0, 1)
        raise AssertionError("one batch was enough")

    assert len(balanced(source(), n_classes=2, per_class=1)) == 1


@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=40), per_class=st.integers(1, 4))
def test_every_class_has_its_number_or_is_named(labels: list[int], per_class: int) -> None:
    counts = [labels.count(c) for c in range(3)]
    if min(counts) >= per_class:
        targets = torch.cat([target for _, target in balanced([batch(*labels)], 3, per_class)])
        assert targets.tolist() == [0, 1, 2] * per_class
        return
    with pytest.raises(CellpruneError, match=f"{per_class} samples of each of 3 classes .* 1 batch held") as refusal:
        balanced([batch(*labels)], 3, per_class)
    for c, n in enumerate(counts):
        assert (f"{n} of class {c}" in str(refusal.value)) == (n < per_class)


def test_an_endless_source_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "LIMIT", 7)
    with pytest.raises(CellpruneError, match=r"7 batches held 0 of class 1: give more batches, or a smaller samples"):
        balanced(iter(lambda: batch(0), None), n_classes=2, per_class=1)


def test_of_many_classes_that_lack_samples_some_are_named() -> None:
    with pytest.raises(CellpruneError, match=r"held 0 of class 1, .*, 0 of class 5 and few of 3 more: give"):
        balanced([batch(0)], n_classes=9, per_class=1)
    with pytest.raises(CellpruneError, match=r"0 of class 4, 0 of class 5: give"):
        balanced([batch(0)], n_classes=6, per_class=1)


class Two(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


@pytest.mark.parametrize(
    ("model", "target", "classes"),
    [
        (nn.Linear(1, 4), torch.tensor([0, 1]), 4),
        (nn.Linear(1, 4), torch.tensor([True, False]), 4),
        (nn.Linear(1, 4), torch.tensor([0.0, 1.0]), None),
        (nn.Linear(1, 4), torch.tensor([0j, 1j]), None),
        (nn.Linear(1, 4), torch.tensor([[0], [1]]), None),
        (nn.Linear(1, 4), [0, 1], None),
        (Two(1, 4), torch.tensor([0, 1]), None),
        (nn.Sequential(nn.Linear(1, 4), nn.Unflatten(1, (2, 2))), torch.tensor([0, 1]), None),
    ],
)
def test_classes_are_counted_where_each_sample_has_one(model: nn.Module, target: object, classes: int | None) -> None:
    assert class_count(model, (torch.zeros(2, 1), target)) == classes
    assert class_count(model, ({"x": torch.zeros(2, 1)}, target)) is None
