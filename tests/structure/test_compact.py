"""Compacted networks: the same outputs at every size, the same gradients, and less of what carries nothing."""

import pytest
import torch
from channel_networks import NETWORKS, SLOW, STEPS, Drawn, case
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models import build
from cellprune.structure.comparing import drawn
from cellprune.structure.compact import Stayed, compact, compacted
from cellprune.structure.layers import by_output, weighted_layers
from cellprune.structure.nested import tensors_of


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
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * float(ours.detach().abs().max()))


@pytest.mark.parametrize("network", [*NETWORKS, *SLOW])
def test_outputs_and_gradients_are_those_of_the_masked_network(network):
    model, inputs = case(network)
    masks = sparse(trained(model), 0)
    small = compact(model, inputs.double(), masks)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    masked(model, masks)
    require_the_same(model, small, inputs.shape[1:])
    if network not in ("vgg16",):  # whose last map must have one pixel
        require_the_same(model, small, [inputs.shape[1], *(2 * n for n in inputs.shape[2:])])


@given(st.lists(st.sampled_from([*STEPS]), max_size=7), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_random_networks_under_random_masks(steps, seed):
    model = trained(Drawn(steps, seed))
    masks = sparse(model, seed)
    small = compact(model, torch.randn(1, 2, 8, 8).double(), masks)
    masked(model, masks)
    for size in ((2, 8, 8), (2, 6, 10), (2, 2, 2)):
        require_the_same(model, small, size)
