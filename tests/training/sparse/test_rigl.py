"""RigL grows where the current gradient is large."""

import torch
from torch import nn

from cellprune.training.sparse.rigl import by_gradient, stages
from cellprune.training.stages import TrainingRequest


def test_an_entry_is_wanted_as_much_as_its_gradient_is_large() -> None:
    seen, unseen = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))
    seen.grad = torch.tensor([-3.0, 0.0, 2.0])
    wanted = by_gradient(5, {"seen": seen, "unseen": unseen})
    assert wanted["seen"].tolist() == [3.0, 0.0, 2.0]
    assert wanted["unseen"].tolist() == [[0.0, 0.0], [0.0, 0.0]], "a weight that the loss never sees"


def test_it_trains_once_from_a_random_mask_of_the_asked_size() -> None:
    model = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10))
    request = TrainingRequest(sparsity=0.5, epochs=2, steps_per_epoch=50, seed=3)
    (stage,) = stages(model, request, initial="uniform")
    assert (stage.weights, stage.epochs) == ("init", 2)
    masks = stage.mask(model, {}) if callable(stage.mask) else stage.mask
    assert [int(mask.sum()) for mask in masks.values()] == [50, 50]
