"""Channels that live and die together: a masked network is one that does not read them, in every architecture."""

from dataclasses import replace

import pytest
import torch
from channel_networks import NETWORKS, SLOW, case, some

from cellprune.errors import CellpruneError
from cellprune.structure.channels import verify
from cellprune.structure.trace import find


@pytest.mark.parametrize("network", [*NETWORKS, *SLOW])
@pytest.mark.parametrize("seed", [0, 1])
def test_masked_equals_zeroed_where_it_is_read(network, seed):
    model, inputs = case(network)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    channels = find(model, inputs)
    verify(model, inputs, channels, some(channels, seed))
    assert model.training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_depthwise_layer_outlives_its_first_channel():
    model, inputs = case("branches")
    channels = find(model, inputs)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    for name in ("depthwise.weight", "fine.weight"):
        made = channels.of[name][0]
        kept = torch.ones(channels.count, dtype=torch.bool)
        kept[made[0]] = False
        assert torch.equal(channels.masks(kept, shapes)[name].flatten(1).any(1), made != made[0])


def test_channels_followed_wrongly_are_refused():
    model, inputs = case("unet")
    channels = find(model, inputs)
    wrong = dict(channels.of) | {"up.1.0.weight": {0: channels.of["up.1.0.weight"][0]}}  # a reader forgotten
    broken = replace(channels, of=wrong, inputs={n: a for n, a in channels.inputs.items() if n != "up.1.0.weight"})
    with pytest.raises(CellpruneError, match="the channels of UNet cannot be removed: without them it differs by"):
        verify(model, inputs, broken, some(channels))
