"""Levels of a U-Net of which nothing is handed on: they go as a whole, and nothing that is left changes."""

import pytest
import torch

from cellprune.errors import CellpruneError
from cellprune.models import build
from cellprune.models.architecture import Architecture
from cellprune.models.unet import Constants
from cellprune.structure.compact import compacted
from cellprune.structure.comparing import drawn
from cellprune.structure.layers import weighted_layers
from cellprune.structure.levels import count_gone, weights_of_levels
from cellprune.structure.shrink import masked, shrink, shrunk
from cellprune.structure.trace import find

DEPTH = 3
INPUTS = torch.randn(2, 1, 21, 30, generator=torch.Generator().manual_seed(0)).double()  # which no level divides


def unet(norm="batch", padding="same"):
    torch.manual_seed(0)
    model = build({"name": "unet", "width": 4, "depth": DEPTH, "norm": norm, "padding": padding}).double()
    model.load_state_dict(drawn(model.state_dict(), model))
    return model


def masks_without(model, n_levels, *others):
    """Remove every third channel, all of the deepest levels, and all of some other layers."""
    channels = find(model, INPUTS)
    kept = torch.arange(channels.count) % 3 > 0
    levels = weights_of_levels(model, channels.makes)[:n_levels]
    for name in [*others, *(name for level in levels for name in level)]:
        kept[channels.makes[name][channels.makes[name] >= 0]] = False
    return channels.masks(kept, {name: p.shape for name, p in model.named_parameters()})


def under(model, masks):
    model.load_state_dict(masked(model.state_dict(), masks))
    return model


@pytest.mark.parametrize("norm", ["batch", "none", "group"])
@pytest.mark.parametrize("n_levels", [1, DEPTH])
def test_levels_without_channels_go_and_what_is_left_trains_as_under_the_masks(norm, n_levels):
    model = unet(norm)
    masks = masks_without(model, n_levels)
    small = shrink(model, masks, INPUTS)
    assert small.n_left_out == n_levels
    names = [f"down.{DEPTH - n_levels}.", f"up.{n_levels - 1}."]  # what is deepest now
    assert [any(name.startswith(of) for name in weighted_layers(small)) for of in names] == [True, True]
    assert not [name for name, p in small.named_parameters() if not p.numel() or name.startswith(f"down.{DEPTH}.")]
    results = []
    for network in (under(model, masks), small):
        output = network.train()(INPUTS)
        output.square().mean().backward()
        results.append((output, network.get_parameter("down.0.0.weight").grad, network.eval()(INPUTS)))
    (ours, gradient, later), (theirs, of_small, later_of_small) = results
    rows = masks["down.0.0.weight"].flatten(1).any(1)
    for one, other in ((ours, theirs), (gradient[rows], of_small), (later, later_of_small)):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-10)


def test_what_is_left_looks_less_far_and_is_built_again_from_its_positions():
    from cellprune.models.receptive import receptive_field

    model = unet()
    made = shrunk(model, masks_without(model, 2), INPUTS)
    settings = {"width": 4, "depth": DEPTH, "norm": "batch", "padding": "same"}
    written = Architecture("unet", settings, in_channels=1, classes=2, kept=made.positions).as_dict()
    again = Architecture.read(written).shapes()
    assert str(again) == str(made.network)
    assert again.n_left_out == 2
    again.load_state_dict(made.network.state_dict(), assign=True)
    assert torch.equal(again.eval()(INPUTS), made.network.eval()(INPUTS))
    whole, small = (receptive_field(network, 1) for network in (model, made.network))
    assert (whole.stride_px, small.stride_px) == (8, 2)
    assert small.radius_px < whole.radius_px


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_of_a_level_that_hands_constants_on_they_alone_are_left(norm):
    model = unet(norm).eval()
    masks = {"grow.1.weight": torch.zeros_like(model.grow[1].weight, dtype=torch.bool)}
    found = compacted(model, INPUTS, masks)
    under(model, masks)
    assert found.network.n_left_out == 2
    assert isinstance(found.network.grow[1], Constants)
    assert len(found.network.grow[1].bias) == 1, "one carries the others"
    for size in (16, 21, 40):
        image = torch.randn(1, 1, size, 24, generator=torch.Generator().manual_seed(1)).double()
        assert torch.allclose(found.network(image), model(image), rtol=1e-9, atol=1e-10)
    assert str(compacted(found.network, INPUTS).network) == str(found.network)


def test_a_level_from_which_nothing_is_read_goes_whatever_channels_it_has():
    model = unet().eval()
    small = shrink(model, masks := masks_without(model, 0, "grow.1.weight"), INPUTS)
    assert small.n_left_out == 2
    assert torch.allclose(small(INPUTS), under(model, masks)(INPUTS), rtol=1e-9, atol=1e-10)


def test_the_first_level_never_goes():
    model = unet()
    with pytest.raises(CellpruneError, match=r"leave no channel of 'up\.2\.3\.weight'"):
        shrink(model, masks_without(model, 1, "up.2.3.weight"), INPUTS)


def test_without_padding_each_level_is_needed_and_other_networks_have_none():
    for network in (unet(padding="valid"), torch.nn.Conv2d(1, 1, 1)):
        assert weights_of_levels(network, weighted_layers(network)) == []
    assert [count_gone([{"a"}, {"b"}], empty) for empty in ({"b"}, {"a"}, {"a", "b"})] == [0, 1, 2]
