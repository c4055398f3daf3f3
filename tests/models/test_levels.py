"""The channels of a network's levels: whole numbers, as many as there are levels."""

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models.levels import MOST_CHANNELS, MOST_LEVELS, checked, doubling
from cellprune.models.network import is_leveled, is_mirroring
from cellprune.models.unet import build
from cellprune.models.vgg import vgg16


def test_channels_double_wherever_the_image_is_halved() -> None:
    assert doubling(16, 4) == (16, 32, 64, 128, 256)
    assert doubling(3, 0) == (3,)


@pytest.mark.parametrize(
    ("widths", "n_levels"),
    [((1, 2), None), ([5] * MOST_LEVELS, None), ((7,), 1), ((1, 1, MOST_CHANNELS), 3)],
)
def test_what_is_possible_is_given_back(widths, n_levels: int | None) -> None:
    assert checked(widths, n_levels) == tuple(widths)


@pytest.mark.parametrize(
    ("widths", "n_levels", "said"),
    [
        ((1,), None, "2 to 16 whole numbers"),
        ([1] * (MOST_LEVELS + 1), None, "2 to 16 whole numbers"),
        ((1, 2), 3, r"model.widths is \[1, 2\], but must be 3 whole numbers from 1 to 16777216"),
        ((1, 0), None, "whole numbers from 1"),
        ((1, -2), 2, "whole numbers from 1"),
        ((1, 2.0), 2, "whole numbers from 1"),
        ((1, True), 2, "whole numbers from 1"),
        ((1, "2"), 2, "whole numbers from 1"),
        ((1, MOST_CHANNELS + 1), 2, "whole numbers from 1"),
    ],
)
def test_what_is_not_possible_is_refused(widths, n_levels: int | None, said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        checked(widths, n_levels)


def test_networks_tell_what_they_are_also_where_a_compiler_wraps_them() -> None:
    unet, vgg = build(width=1, depth=1), vgg16(width=1)
    for network in (unet, torch.compile(unet, backend="eager")):
        assert is_mirroring(network)
        assert is_leveled(network)
        assert network.widths == (1, 2)
    assert is_leveled(vgg)
    assert not is_mirroring(vgg)
    assert not is_leveled(nn.Linear(1, 1))
