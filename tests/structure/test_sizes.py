"""A shrunk network comes back from the whole one and what differs in size."""

import json

import pytest
import torch
from channel_networks import NETWORKS, case, some
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.structure.shrink import shrink
from cellprune.structure.sizes import Sizes, resized, sizes_of
from cellprune.structure.trace import find


def shrunk(network):
    model, inputs = case(network)
    channels = find(model, inputs)
    masks = channels.masks(some(channels), {name: p.shape for name, p in model.named_parameters()})
    return model, shrink(model, masks, inputs), inputs


@pytest.mark.parametrize("network", NETWORKS)
def test_a_shrunk_network_is_built_again_from_what_a_file_holds(network):
    model, small, inputs = shrunk(network)
    sizes = sizes_of(model, small)
    stored = Sizes.read(json.loads(json.dumps(sizes.as_dict())))
    assert stored == sizes
    with torch.device("meta"):
        whole = NETWORKS[network][0]()
    again = resized(whole, stored)
    assert all(p.is_meta for p in again.parameters()), "nothing of the whole network's size is made"
    again.load_state_dict(small.state_dict(), assign=True)
    with torch.no_grad():
        assert torch.equal(again.eval()(inputs), small.eval()(inputs))
    assert str(again) == str(small.eval())


def test_of_a_network_of_one_size_nothing_differs():
    model, _ = case("unet")
    assert sizes_of(model, model) == Sizes({}, {})


def test_sizes_of_another_network_are_refused():
    model = nn.Sequential(nn.Conv2d(1, 4, 3))
    for sizes, message in (
        (Sizes({"1.weight": (2,)}, {}), "sizes of '1.weight', which Sequential does not have"),
        (
            Sizes({"0.weight": (8, 1, 3, 3)}, {}),
            r"the shape \(8, 1, 3, 3\): in Sequential it has \(4, 1, 3, 3\)",
        ),
        (Sizes({"0.bias": (2, 2)}, {}), "'0.bias' cannot have the shape"),
        (Sizes({}, {"0": {"out_channels": 5}}), "'0.out_channels' cannot be 5: it is 4 in Sequential"),
        (Sizes({}, {"0": {"out_channels": -1}}), "'0.out_channels' cannot be -1"),
        (Sizes({}, {"0": {"training": 0}}), "'0.training' cannot be 0: it is True"),
        (Sizes({}, {"7": {"out_channels": 1}}), "'7.out_channels' cannot be 1: it is None"),
    ):
        with pytest.raises(CellpruneError, match=message):
            resized(model, sizes)
