"""The state of a training: taken after an epoch, judged before it is put back."""

import numpy as np
import pytest
import torch
from torch import nn

from cellprune.errors import WorkError
from cellprune.runs.metrics import Epoch
from cellprune.training import optimizers
from cellprune.training.checkpoint import Checkpoint, Learner, taken
from cellprune.training.sparse.static import Static


def state_of(width: int) -> tuple[nn.Module, Checkpoint]:
    model = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))
    optimizer, _ = optimizers.build(
        model, name="adamw", learning_rate=0.1, weight_decay=0.0, schedule="constant", steps=9
    )
    model(torch.ones(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    mask = Static({"0.weight": torch.ones(width, 1, 3, 3, dtype=torch.bool)})
    return model, taken(Learner(model, optimizer, None, mask), [Epoch(0, 1, 0.5, {}, 0.1, 0.0, 2.0)])


def test_a_state_is_taken_by_its_own_network_alone() -> None:
    model, state = state_of(3)
    state.require_fit(model)
    arrays, meta = state.arrays, state.meta
    wrong = {
        "none of this network": state_of(4)[1].arrays,
        "it lacks model.1.weight": {name: value for name, value in arrays.items() if name != "model.1.weight"},
        "its model.2.weight": arrays | {"model.2.weight": arrays["model.1.weight"]},
        "its model.0.weight is": arrays | {"model.0.weight": arrays["model.0.weight"].astype(np.float64)},
        "its optimizer.0.exp_avg ": arrays | {"optimizer.0.exp_avg": np.ones(2, np.float32)},
        "its optimizer.9.exp_avg ": arrays | {"optimizer.9.exp_avg": np.ones(2, np.float32)},
        "its policy.0.weight": arrays | {"policy.0.weight": np.ones(2, bool)},
        "its other": arrays | {"other": np.ones(2, bool)},
    }
    for said, tensors in wrong.items():
        with pytest.raises(ValueError, match=said):
            Checkpoint(tensors, meta).require_fit(model)
    with pytest.raises(ValueError, match="notes are not a state's"):
        Checkpoint(arrays, {key: value for key, value in meta.items() if key != "policy"}).require_fit(model)
    with pytest.raises(ValueError, match="epochs are not told"):
        Checkpoint(arrays, {**meta, "history": [{"epoch": 1}]}).require_fit(model)


def test_a_state_of_another_training_is_refused_in_a_line() -> None:
    model, state = state_of(3)
    optimizer, _ = optimizers.build(
        model, name="adamw", learning_rate=0.1, weight_decay=0.0, schedule="constant", steps=9
    )
    learner = Learner(model, optimizer, None, Static({}))
    state.put_back(learner)
    assert state.epochs == [Epoch(0, 1, 0.5, {}, 0.1, 0.0, 2.0)]
    with pytest.raises(WorkError, match="delete the folder 'state' of the run"):
        Checkpoint(state.arrays, {**state.meta, "optimizer": {}}).put_back(learner)
