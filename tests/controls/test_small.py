"""Small dense networks of equal cost: the largest of their shape that a pruned network's cost allows, and no other."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from cellprune.controls import families, small
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.models import build
from cellprune.models.architecture import Architecture
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.runs.cost import Whole
from cellprune.structure.cost import cost
from cellprune.structure.layer_shapes import shapes_of_layers
from cellprune.structure.layers import weighted_layers

CONTROLS = ("narrow-params", "narrow-macs", "flat-params", "flat-macs")
UNET = Architecture("unet", {"width": 4, "depth": 2, "norm": "batch"}, in_channels=1, classes=2)
ARCHITECTURES = [UNET] + [
    Architecture.read({"name": name, "in_channels": 3, "classes": 10} | width)
    for name, width in (
        ("resnet20", {"width": 4}),
        ("resnet20-projection", {"width": 4}),
        ("resnet18", {"widths": [4, 8, 16, 32]}),
        ("vgg16", {"width": 4}),
    )
]
FAST = ("unet",)


@pytest.mark.parametrize(
    "architecture",
    [a if a.name in FAST else pytest.param(a, marks=pytest.mark.slow) for a in ARCHITECTURES],
    ids=lambda a: a.name,
)
@pytest.mark.parametrize("control", CONTROLS)
def test_it_is_the_largest_that_costs_no_more(architecture, control):
    network, size = architecture.build(), (architecture.in_channels, 16, 16)
    masks = prune(network, method="magnitude", sparsity=0.8)
    chosen = small.instead(control, architecture, masks, size)
    shape, unit = control.split("-")
    removed = sum(int((~mask).sum()) for mask in masks.values())
    whole = cost(network, size, masks)
    assert chosen.target == (whole.parameters.total - removed if unit == "params" else whole.macs.masked)
    stands_in = architecture.with_widths(chosen.widths).build()
    counted = cost(stands_in, size)
    assert chosen.achieved == (counted.parameters.total if unit == "params" else counted.macs.dense)
    assert chosen.achieved <= chosen.target
    for larger in wider(chosen.widths, network.widths, shape):
        assert families.spent(architecture.with_widths(larger).build(), unit, size) > chosen.target
    assert chosen.whole == Whole(network.widths, whole.parameters.total, whole.macs.dense)
    assert stands_in(torch.randn(2, *size)).shape[:2] == (2, architecture.classes)


def wider(widths, levels, shape):
    """The next ones of a shape: a channel more at any one level of a narrow network, at every level of a flat one."""
    if shape == "flat":
        return [tuple(width + 1 for width in widths)]
    return [
        tuple(width + (at == level) for at, width in enumerate(widths))
        for level in range(len(levels))
        if widths[level] < levels[level]
    ]


def test_a_narrow_network_of_few_channels_fills_its_budget():
    """By one factor alone a U-Net of width 4 gets 81 % of this one."""
    architecture, size = replace(UNET, settings={**UNET.settings, "depth": 4}), (1, 64, 64)
    masks = {
        name: torch.arange(p.numel()).reshape(p.shape) < 0.2 * p.numel()
        for name, p in architecture.build().named_parameters()
        if p.ndim > 1
    }
    chosen = small.instead("narrow-macs", architecture, masks, size)
    assert 0.97 < chosen.achieved / chosen.target <= 1


def test_masked_channels_leave_out_their_biases_and_norms():
    batch = [(torch.randn(2, 1, 8, 8), torch.randint(0, 2, (2, 8, 8)))]
    masks = prune(UNET.build(), method="snip", sparsity=0.5, granularity="channel", batches=batch, loss=F.cross_entropy)
    assert any("bias" in name for name in masks)
    removed = sum(int((~mask).sum()) for mask in masks.values())
    chosen = small.instead("narrow-params", UNET, masks, (1, 8, 8))
    assert chosen.target == chosen.whole.parameters - removed


def test_a_network_of_given_widths_is_the_one_of_a_width():
    torch.manual_seed(0)
    first = UNET.build()
    torch.manual_seed(0)
    again = UNET.with_widths((4, 8, 16)).build()
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in first.state_dict().items())
    assert [level[0].out_channels for level in UNET.with_widths((5, 3, 4)).build().down] == [5, 3, 4]


def test_the_widths_of_torchvisions_network_give_its_shapes():
    first, again = (
        build({"name": "resnet18", "widths": widths}).state_dict() for widths in (None, (64, 128, 256, 512))
    )
    assert {name: value.shape for name, value in first.items()} == {name: v.shape for name, v in again.items()}


def test_what_cannot_be_made_smaller_is_refused():
    none = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in UNET.build().named_parameters()}
    with pytest.raises(CellpruneError, match="the smallest such network, of widths 1-1-1, has 142"):
        small.instead("flat-params", UNET, none, (1, 8, 8))
    with pytest.raises(CellpruneError, match="must be 5 whole numbers"):
        build({"name": "vgg16", "widths": [4, 4]})


WIDE = Architecture("unet", {"width": 32, "depth": 3, "norm": "batch"}, in_channels=1, classes=2)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("round_to", ["auto", 16, 8])
def test_widths_are_multiples_as_the_masks_are(control, round_to):
    masks = {name: torch.arange(p.numel()).reshape(p.shape) < 0.4 * p.numel()
             for name, p in WIDE.build().named_parameters() if p.ndim > 1}  # fmt: skip
    chosen = small.instead(control, WIDE, masks, (1, 32, 32), round_to)
    assert chosen.achieved <= chosen.target
    multiple = 8 if round_to == 8 else 16
    assert all(width % multiple == 0 or (round_to == "auto" and width <= 8) for width in chosen.widths)
    if control.startswith("narrow"):
        assert chosen.achieved > 0.97 * chosen.target


LEVELS = Architecture.read({"name": "unet", "widths": [64, 64, 64, 64], "in_channels": 1, "classes": 2})
AT = (1, 16, 16)


def half_of_the_channels():
    torch.manual_seed(0)
    network, batch = LEVELS.build(), (torch.randn(1, *AT),) * 2
    masks = prune(network, method="magnitude", sparsity=0.5, granularity="channel", batches=[batch])
    return weighted_layers(network), shapes_of_layers(network, AT), masks


@pytest.mark.parametrize("shape", ["narrow", "flat"])
def test_under_latency_it_spends_the_time_that_the_masks_leave(shape):
    table = LatencyTable(lambda layer: 1e-3 * layer.inputs * layer.outputs * layer.size[0])
    layers, whole, masks = half_of_the_channels()
    chosen = small.instead(f"{shape}-latency", LEVELS, masks, AT, 16, table)
    assert chosen.target == table.of_masks(layers, whole, masks)
    made = shapes_of_layers(LEVELS.with_widths(chosen.widths).build(), AT)
    assert chosen.achieved == table.of_small(whole, made)
    assert (0.97 if shape == "narrow" else 0.9) * chosen.target <= chosen.achieved <= chosen.target
    assert all(width % 16 == 0 for width in chosen.widths)


def test_a_time_that_no_network_of_the_shape_has_is_refused_with_both():
    _, _, masks = half_of_the_channels()
    table = LatencyTable(lambda layer: layer.inputs * layer.outputs / 1000)
    with pytest.raises(
        TooMuchError, match=r"the masks keep [\d.]+ ms, but the smallest .* 64-64-64-64, has [\d.]+ ms: prune"
    ):
        small.instead("flat-latency", LEVELS, masks, AT, 64, table)


@pytest.mark.slow
def test_to_density_is_as_wide_as_channels_are_left_at_each_level():
    batch = [(torch.randn(2, 1, 16, 16), torch.randint(0, 2, (2, 16, 16)))]
    network = WIDE.build()
    masks = prune(network, method="magnitude", budget={"macs": 0.5}, granularity="channel", batches=batch)
    chosen = small.instead("narrow-to-density", WIDE, masks, (1, 16, 16))
    for at, width in enumerate(chosen.widths):
        made = [f"down.{at}.0.weight", f"down.{at}.3.weight"]
        if at < 3:
            made += [f"up.{2 - at}.0.weight", f"up.{2 - at}.3.weight"]
        kept = [int(masks[name].flatten(1).any(1).sum()) for name in made]
        if at < 3:
            kept.append(int(masks[f"grow.{2 - at}.weight"].transpose(0, 1).flatten(1).any(1).sum()))
        assert abs(width - sum(kept) / len(kept)) <= 0.5
    assert chosen.shape == "to-density"
    assert chosen.target == cost(network, (1, 16, 16), masks).macs.masked
    assert chosen.achieved == cost(WIDE.with_widths(chosen.widths).build(), (1, 16, 16)).macs.dense
    rounded = small.instead("narrow-to-density", WIDE, masks, (1, 16, 16), 16)
    assert all(width % 16 == 0 for width in rounded.widths)


def test_to_density_of_single_weights_has_about_as_many_weights_at_each_level():
    masks = {name: torch.arange(p.numel()).reshape(p.shape) < 0.25 * p.numel()
             for name, p in WIDE.build().named_parameters() if p.ndim > 1}  # fmt: skip
    assert small.instead("narrow-to-density", WIDE, masks, (1, 16, 16)).widths == (16, 32, 64, 128)
    whole = {name: mask for name, mask in masks.items() if name.startswith("down.0")}
    assert small.instead("narrow-to-density", WIDE, whole, (1, 16, 16)).widths[1:] == (64, 128, 256), "they stay whole"
