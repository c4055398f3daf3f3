"""Magnitude after training: two stages, from the trained weights or from an early step, and the largest are kept."""

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.training import magnitude_after
from cellprune.training.sparse.static import Static
from cellprune.training.stages import TrainingRequest


def network() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.1, -0.9, 0.3], [0.8, -0.2, 0.0]]))
        model[1].weight.copy_(torch.tensor([[5.0, -4.0], [0.05, 0.7]]))
    return model


def request(sparsity: float = 0.5, **more: object) -> TrainingRequest:
    return TrainingRequest(**({"sparsity": sparsity, "epochs": 3, "steps_per_epoch": 4} | more))


def kept(masks: dict[str, torch.Tensor]) -> list[int]:
    return [int(mask.sum()) for mask in masks.values()]


@pytest.mark.parametrize(
    ("options", "start", "said"),
    [
        ({}, "previous", "5 weights kept, as they were trained"),
        ({"retrain": "rewind"}, "init", "5 weights kept, put back to initialization"),
        ({"retrain": "rewind", "rewind_step": 5}, "step 5", "5 weights kept, put back to step 5"),
    ],
)
def test_a_dense_stage_and_one_under_the_mask(options: dict, start: str, said: str) -> None:
    dense, pruned = magnitude_after.stages(network(), request(), **options)
    assert (dense.weights, dense.mask, dense.policy, dense.does) == ("init", {}, Static, "dense")
    assert (pruned.weights, pruned.policy, pruned.does) == (start, Static, said)
    assert dense.epochs == pruned.epochs == 3


def test_the_mask_is_of_the_network_as_it_stands_when_the_stage_begins() -> None:
    model = network()
    _, pruned = magnitude_after.stages(model, request())
    assert kept(pruned.mask(model, {})) == [2, 3]
    with torch.no_grad():
        model[1].weight.zero_()
    assert kept(pruned.mask(model, {})) == [5, 0]


def test_what_is_gone_stays_gone() -> None:
    left = {"0.weight": torch.ones(2, 3, dtype=torch.bool), "1.weight": torch.zeros(2, 2, dtype=torch.bool)}
    masks = magnitude_after.largest(2, request(), network(), left)
    assert masks["0.weight"].tolist() == [[False, True, False], [True, False, False]]
    assert not masks["1.weight"].any()


def test_scope_and_exclusion_are_those_asked_for() -> None:
    by_layer = magnitude_after.largest(5, request(scope="layer"), network(), {})
    assert kept(by_layer) == [3, 2]
    excluded = request(exclude=["1.weight"])
    assert magnitude_after.count_prunable(network(), excluded) == 6
    assert magnitude_after.final_count(network(), excluded) == 3
    assert magnitude_after.largest(3, excluded, network(), {}).keys() == {"0.weight"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rewind_step": 2}, "pruning.rewind_step 2 says where to go back to, but pruning.retrain is fine-tune"),
        ({"retrain": "rewind", "rewind_step": 12}, "pruning.rewind_step 12 leaves nothing to train: .* 12 steps"),
    ],
)
def test_a_step_that_is_none_is_refused(options: dict, said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        magnitude_after.stages(network(), request(), **options)
