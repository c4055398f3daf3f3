"""Stand-ins: a network runs on other tensors, what is shared stays shared, and modes come back one by one."""

import pytest
import torch
from left_as_it_was import left_as_it_was
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.structure.standing_in import copies, looking, standing_in


def network() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3), nn.Dropout())
    model[2].weight = model[0].weight
    model.add_module("again", model[2])
    return model


def test_what_is_shared_is_stood_in_for_once_and_everywhere() -> None:
    model, other = network(), torch.randn(3, 3)
    assert list(copies(model)) == ["0.weight", "0.bias", "1.weight", "1.bias", "2.bias", *dict(model.named_buffers())]
    with left_as_it_was(model), standing_in(model, {"0.weight": other}):
        assert model[0].weight is model[2].weight is model.again.weight is other
        assert isinstance(model[2].bias, nn.Parameter), "what is not named stays"


def test_half_precision_is_widened_and_whole_numbers_stay() -> None:
    found = copies(network().half())
    assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}
    assert not any(tensor.requires_grad for tensor in found.values())
    assert {t.dtype for t in copies(network().double(), dtype=torch.float32).values()} == {torch.float32, torch.int64}


def test_looking_is_nested_and_undone_when_something_is_raised() -> None:
    model = network()
    with left_as_it_was(model), pytest.raises(KeyboardInterrupt), looking(model), looking(model):  # noqa: PT012
        assert not model.training
        model[1].weight.zero_()
        model.late = nn.Linear(1, 1)
        del model[3]
        raise KeyboardInterrupt


def test_a_network_without_values_is_not_looked_at() -> None:
    with torch.device("meta"):
        model = network()
    with pytest.raises(CellpruneError, match=r"'0\.weight' has no values"), looking(model):
        pass
