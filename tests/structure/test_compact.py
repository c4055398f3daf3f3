"""Compacted networks: the same outputs at every size, the same gradients, and less of what carries nothing."""

import pytest
import torch
from channel_networks import NETWORKS, SLOW, STEPS, Drawn, case, some
from hypothesis import given, settings
from hypothesis import strategies as st
from left_as_it_was import left_as_it_was
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models import build
from cellprune.structure.compact import Stayed, compact, compacted
from cellprune.structure.comparing import drawn
from cellprune.structure.layers import by_output, weighted_layers
from cellprune.structure.nested import tensors_of
from cellprune.structure.shrink import shrink
from cellprune.structure.trace import find


def trained(model):
    """Draw all that a training moves, in float64."""
    model.double().load_state_dict(drawn(model.double().state_dict(), model))
    return model


def sparse(model, seed, density=0.3, empty=0.4):
    """Draw masks of single weights; a share of each layer's outputs loses all of them."""
    generator, masks = torch.Generator().manual_seed(seed), {}
    for name, layer in weighted_layers(model).items():
        mask = torch.rand(layer.weight.shape, generator=generator) < density
        gone = torch.rand(len(by_output(layer, mask)), generator=generator) < empty
        axis = 1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0
        groups = layer.groups if axis else 1
        rows = gone.view(groups, -1).repeat_interleave(mask.shape[0] // groups, 0) if axis else gone[:, None]
        rows = rows.view(*rows.shape, *[1] * (mask.dim() - 2))
        masks[name] = mask & ~rows
    return masks


def masked(model, masks):
    with torch.no_grad():
        for name, mask in masks.items():
            model.get_parameter(name).mul_(mask)
    return model.eval()


def require_the_same(model, small, size, n=2):
    """Compare outputs, and the gradient of the image."""
    results = []
    for network in (model, small.eval()):
        image = torch.randn(n, *size, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
        outputs = tensors_of(network(image))
        total = sum(tensor.square().sum() for tensor in outputs)
        # a network whose output depends on no image has none
        gradient = torch.autograd.grad(total, image, allow_unused=True)[0] if total.requires_grad else None
        results.append([*outputs, torch.zeros_like(image) if gradient is None else gradient])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(1.0, float(ours.detach().abs().max())))


@pytest.mark.parametrize("network", [*NETWORKS, *SLOW])
def test_outputs_and_gradients_are_those_of_the_masked_network(network):
    model, inputs = case(network)
    masks = sparse(trained(model), 0)
    small = compact(model, inputs.double(), masks)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    masked(model, masks)
    require_the_same(model, small, inputs.shape[1:])
    if network != "vgg16":  # whose last map must have one pixel
        require_the_same(model, small, [inputs.shape[1], *(2 * n for n in inputs.shape[2:])])


@given(st.lists(st.sampled_from([*STEPS]), max_size=7), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_random_networks_under_random_masks(steps, seed):
    model = trained(Drawn(steps, seed))
    masks = sparse(model, seed)
    small = compact(model, torch.randn(1, 2, 8, 8).double(), masks)
    masked(model, masks)
    for size in ((2, 8, 8), (2, 6, 10), (2, 2, 2)):
        require_the_same(model, small, size)


def chain(padding=0, bias=True):
    """Three convolutions; of the first one's six channels 1 and 2 are constants, 3 is zero, and nobody reads 4."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3, padding=padding, bias=bias), nn.ReLU(),
                          nn.Conv2d(4, 2, 1)).double()  # fmt: skip
    with torch.no_grad():
        model[0].weight[1:4] = 0.0
        model[0].bias.copy_(torch.tensor([0.1, 0.5, 2.0, -1.0, 0.3, 0.0]))
        model[2].weight[:, 4] = 0.0
    return model.eval()


IMAGE = torch.randn(1, 1, 9, 9).double()


def test_a_constant_goes_into_the_bias_of_a_layer_that_pads_nothing():
    found = compacted(model := chain(), IMAGE)
    assert found.network[0].out_channels == found.network[2].in_channels == 2
    assert torch.equal(found.network[0].weight, model[0].weight[[0, 5]])
    sums = model[2].weight.sum((2, 3))
    assert torch.allclose(found.network[2].bias, model[2].bias + 0.5 * sums[:, 1] + 2.0 * sums[:, 2])
    assert found.stayed == ()
    require_the_same(model, found.network, (1, 12, 7))


@pytest.mark.parametrize("model", [chain(padding=1), chain(bias=False)], ids=["zeros at the border", "no bias"])
def test_else_the_largest_constant_carries_the_others(model):
    found = compacted(model, IMAGE)
    assert torch.equal(found.network[0].bias, model[0].bias[[0, 2, 5]])
    carried = model[2].weight[:, 2] + model[2].weight[:, 1] * 0.5 / 2.0
    assert torch.allclose(found.network[2].weight[:, 1], carried)
    assert found.stayed == (Stayed("0", (1,), "carries the constants of its layer to one that pads with zeros"),)
    require_the_same(model, found.network, (1, 12, 7))


def test_a_circular_border_is_no_border():
    model = chain()
    model[2] = nn.Conv2d(6, 4, 3, padding=1, padding_mode="circular").double()
    with torch.no_grad():
        model[2].weight[:, 4] = 0.0
    assert compact(model, IMAGE)[0].out_channels == 2


def test_what_only_the_unread_read_goes_too_and_a_layer_keeps_one_channel():
    model = chain()
    with torch.no_grad():
        model[4].weight[:, :3] = 0.0  # one channel of the middle layer is read
        model[2].weight[3, 1:] = 0.0  # which reads one of the first
    small = compact(model, IMAGE)
    assert [small[i].out_channels for i in (0, 2)] == [1, 1]
    require_the_same(model, small, (1, 9, 9))
    with torch.no_grad():
        model[4].weight.zero_()
    found = compacted(model, IMAGE)
    assert [found.network[i].out_channels for i in (0, 2)] == [1, 1]
    require_the_same(model, found.network, (1, 9, 9))
    why = {stayed.layer: stayed.why for stayed in found.stayed}
    assert why["4"] == "is given by the network, or read by what is not followed"


def test_a_norm_of_weight_zero_makes_a_constant():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1)).double()
    trained(model).eval()
    with torch.no_grad():
        model[1].weight[1] = 0.0
    small = compact(model, IMAGE)
    assert small[1].num_features == 2
    require_the_same(model, small, (1, 5, 5))


def test_a_sum_goes_when_all_its_parts_are_constant():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Conv2d(1, 4, 1), nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.head(self.a(x) + self.b(x))

    torch.manual_seed(0)
    model = Block().double().eval()
    with torch.no_grad():
        model.a.weight[:2] = 0.0
        model.b.weight[1:3] = 0.0
    found = compacted(model, IMAGE)
    assert found.network.a.out_channels == found.network.b.out_channels == 3, "the second channel is constant in both"
    why = "is one channel with others that carry something"
    assert found.stayed == (Stayed("a", (0,), why), Stayed("b", (1,), why))
    require_the_same(model, found.network, (1, 5, 5))


def test_a_layer_that_reads_two_constants_at_one_place_folds_neither():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.both = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return self.both(self.a(x)), self.both(self.b(x))

    model = Twice().double().eval()
    with torch.no_grad():
        model.a.weight[1] = model.b.weight[1] = 0.0
        model.a.bias[1], model.b.bias[1] = 1.0, 2.0
    found = compacted(model, IMAGE)
    assert found.network.both.in_channels == 2
    require_the_same(model, found.network, (1, 5, 5))


def test_deep_maps_of_one_pixel_hide_no_border():
    """Where the deepest map has one pixel, all of a constant's surroundings are border, and look like one number."""
    model = trained(build({"name": "unet", "width": 4, "depth": 3, "norm": "none"}))
    masks = sparse(model, 1, density=0.2, empty=0.5)
    small = compact(model, torch.randn(1, 1, 8, 8).double(), masks)
    masked(model, masks)
    for size in (8, 24, 40):
        require_the_same(model, small, (1, size, size))


def test_masks_of_channels_leave_no_more_than_shrinking_does():
    model, inputs = case("unet")
    channels = find(model, inputs)
    masks = channels.masks(some(channels), {name: p.shape for name, p in model.named_parameters()})
    small, shrunk = compact(model, inputs, masks), shrink(model, masks, inputs)
    assert [p.shape for p in small.parameters()] == [p.shape for p in shrunk.parameters()]


def test_the_network_is_left_as_it_was_and_its_numbers_keep_their_kind():
    model, inputs = case("unet")
    model.bfloat16()
    with left_as_it_was(model):
        small = compact(model, inputs, sparse(model, 0))
    assert all(p.dtype == torch.bfloat16 for p in small.parameters())
    assert small.training


def test_operations_that_stop_it_are_named():
    class Sorts(nn.Module):
        def forward(self, x):
            return x.sort(1).values

    found = compacted(nn.Sequential(nn.Conv2d(1, 4, 1), Sorts(), nn.Conv2d(4, 2, 1)), torch.randn(1, 1, 4, 4))
    assert found.stopped_by == ("'sort' in '1'",)


def test_whole_numbers_and_masks_of_another_network_are_refused():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 2))
    with pytest.raises(CellpruneError, match="the inputs are whole numbers, which cannot be followed"):
        compact(model, torch.ones(1, 3).long())
    with pytest.raises(CellpruneError, match=r"the mask of '1\.bias' is torch.bool of shape \(3,\)"):
        compact(model, torch.ones(1, 3).long(), {"1.bias": torch.ones(3).bool()})
