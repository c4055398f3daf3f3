"""The U-Net: its size by hand arithmetic, the paper's map sizes, any image size, and every setting."""

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models import build


def by_hand(width, depth, classes, biases):
    """Count the parameters: two 3x3 convolutions a level, a 2x2 one upwards, norms or biases, a 1x1 head."""
    widths = [width * 2**level for level in range(depth + 1)]
    pairs = list(zip([1, *widths], widths, strict=False)) + [(2 * w, w) for w in widths[:-1]]
    per_channel = 1 if biases else 2  # a bias, or the scale and shift of batch norm
    blocks = sum(9 * i * o + 9 * o * o + 2 * o * per_channel for i, o in pairs)
    upwards = sum(4 * (2 * w) * w + w for w in widths[:-1])
    return blocks + upwards + width * classes + classes


@pytest.mark.parametrize(("norm", "total"), [("batch", 31_036_546), ("none", 31_030_658)])
def test_width_64_has_31_million_parameters(norm, total):
    with torch.device("meta"):
        model = build({"name": "unet", "width": 64, "norm": norm})
    assert sum(p.numel() for p in model.parameters()) == total == by_hand(64, 4, 2, norm == "none")


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(16, 16), (17, 30), (5, 2)])
def test_any_image_size_gives_maps_of_that_size_and_a_gradient_everywhere(norm, padding, size):
    torch.manual_seed(0)
    settings = {"in_channels": 2, "classes": 3, "width": 3, "depth": 2, "norm": norm, "padding": padding}
    model = build({"name": "unet"} | settings)
    maps = model(torch.randn(2, 2, *size))
    assert maps.shape == (2, 3, *size)
    maps.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters() if p.ndim > 1)


def test_the_unpadded_network_has_the_papers_sizes():
    with torch.device("meta"):
        model = build({"name": "unet", "width": 2, "norm": "none", "padding": "valid"})
        assert model.levels(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert model.input_size(388) == 572


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_maps_lie_where_their_pixels_lie(padding):
    torch.manual_seed(0)
    model = build({"name": "unet", "width": 4, "depth": 1, "norm": "none", "padding": padding})
    image = torch.randn(1, 1, 12, 12)
    moved = image.clone()
    moved[..., 6, 6] += 1
    changed = (model(moved) - model(image)).abs().sum(dim=(0, 1)) > 0
    rows, columns = changed.nonzero(as_tuple=True)
    assert changed[6, 6]
    assert (rows.min(), rows.max()) == (columns.min(), columns.max())


def test_weights_come_from_the_callers_random_state():
    def draw(seed):
        torch.manual_seed(seed)
        return build({"name": "unet", "width": 2, "depth": 1}).state_dict()

    first, same, other = draw(0), draw(0), draw(1)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_the_deviation_is_that_of_the_values_a_unit_reads():
    torch.manual_seed(0)
    model = build({"name": "unet", "width": 64, "depth": 1})
    assert model.down[1][0].weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert model.grow[0].weight.std().item() == pytest.approx((1 / 128) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "have no name"),
        ({"name": "unett"}, "Did you mean 'unet'"),
        ({"name": "unet", "widht": 4}, "Did you mean 'width'"),
        ({"name": "unet", "width": 0}, "model.width is 0"),
        ({"name": "unet", "depth": 1.5}, "model.depth is 1.5"),
        ({"name": "unet", "widths": [4]}, r"model.widths is \[4\], but must be 2 to 16"),
        ({"name": "unet", "widths": [4, 0]}, "whole numbers from 1"),
        ({"name": "unet", "classes": True}, "model.classes is True"),
        ({"name": "unet", "norm": "bach"}, "Did you mean 'batch'"),
        ({"name": "unet", "padding": "some"}, "Did you mean 'same'"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(CellpruneError, match=words):
        build(settings)


def test_an_image_of_one_pixel_is_refused():
    model = build({"name": "unet", "width": 2, "depth": 1, "norm": "none"})
    with pytest.raises(CellpruneError, match="too small to mirror"):
        model(torch.zeros(1, 1, 1, 1))


def test_norms_replace_biases():
    for norm, kind in (("batch", nn.BatchNorm2d), ("group", nn.GroupNorm), ("instance", nn.InstanceNorm2d)):
        model = build({"name": "unet", "width": 2, "depth": 1, "norm": norm})
        assert sum(isinstance(m, kind) for m in model.modules()) == 6
        assert model.down[0][0].bias is None
    assert build({"name": "unet", "width": 2, "depth": 1, "norm": "none"}).down[0][0].bias is not None
