"""Channels that live and die together: a masked network is one that does not read them, in every architecture."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from channel_networks import NETWORKS, SLOW, case, some
from torch import nn

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


def smaller(model, channels, kept):
    """Cut the masked network down to what is kept, tensor by tensor."""
    model = deepcopy(model)
    names = {id(p): name for name, p in model.named_parameters()}

    def stays(name, axis):
        found = channels.of[name][axis]
        return torch.where(found >= 0, kept[found.clamp(min=0)], True).nonzero().squeeze(1)

    for module in model.modules():
        own = {key: (p, names[id(p)]) for key, p in module.named_parameters(recurse=False)}
        norm = channels.of.get(own["weight"][1], {}).get(0) if "weight" in own else None
        before = module.weight.shape if "weight" in own else None
        for key, (p, name) in own.items():
            cut = p.detach()
            for axis in channels.of.get(name, {}):
                cut = cut.index_select(axis, stays(name, axis))
            setattr(module, key, nn.Parameter(cut))
        if isinstance(module, nn.modules.batchnorm._NormBase) and norm is not None and module.running_mean is not None:
            for key in ("running_mean", "running_var"):
                setattr(module, key, getattr(module, key)[stays(own["weight"][1], 0)])
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.num_features = module.weight.numel()
        if isinstance(module, nn.GroupNorm):
            module.num_groups = module.num_groups * module.weight.numel() // module.num_channels
            module.num_channels = module.weight.numel()
        if isinstance(module, nn.modules.conv._ConvNd) and module.groups > 1 and before[1] == 1:
            module.groups = module.groups * module.weight.shape[0] // before[0]  # depthwise
    return model


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("network", [*(name for name in NETWORKS if name != "resnet20"), *SLOW])  # its padding is fixed
def test_masked_equals_the_smaller_network(network, seed):
    model, inputs = case(network)
    model = model.double()
    inputs = inputs.double()
    channels = find(model, inputs)
    kept = some(channels, seed)
    for name, mask in channels.masks(kept, {name: p.shape for name, p in model.named_parameters()}).items():
        model.get_parameter(name).data.mul_(mask)
    small = smaller(model, channels, kept)
    assert sum(p.numel() for p in small.parameters()) < 0.7 * sum(p.numel() for p in model.parameters())
    with torch.no_grad():
        assert torch.allclose(model.eval()(inputs), small.eval()(inputs), atol=1e-10)
