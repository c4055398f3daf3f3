"""What a later round may keep: what is left, anything, or anything but the channels that died."""

import torch
from torch import nn

from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking.revival import anything, count, in_dead_channels, survivors


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))


def masks() -> dict[str, torch.Tensor]:
    """The second output of the first layer is dead; the second layer has lost one weight of each output."""
    return {
        "0.weight": torch.tensor([[True, False, True], [False, False, False]]),
        "1.weight": torch.tensor([[True, False], [False, True]]),
    }


def test_survivors_are_the_masks_themselves() -> None:
    left = masks()
    assert survivors(network(), left) is left


def test_anything_may_return_and_where_dead_channels_stay_dead_all_else() -> None:
    may = anything(network(), masks())
    assert all(mask.all() for mask in may.values())
    may = anything(network(), masks(), revive_dead=False)
    assert may["0.weight"].tolist() == [[True] * 3, [False] * 3]
    assert may["1.weight"].all(), "each of its channels has a weight"


def test_only_outputs_die_and_not_inputs() -> None:
    without_an_input = {"1.weight": torch.tensor([[True, False], [True, False]])}
    assert not in_dead_channels(network(), without_an_input)["1.weight"].any()


def test_what_came_back_is_counted_and_what_of_it_was_dead() -> None:
    after = masks()
    after["0.weight"][1, 2] = True  # into the dead channel
    after["0.weight"][0, 1] = True  # beside two that lived
    after["1.weight"][0, 0] = False  # what goes is no return
    assert count(network(), masks(), after) == (2, 1)
    assert count(network(), masks(), masks()) == (0, 0)


def test_dead_channels_are_found_in_every_kind_of_layer() -> None:
    model = nn.Sequential(nn.Conv1d(2, 4, 3, groups=2), nn.ConvTranspose2d(4, 6, 2, groups=2), nn.Linear(3, 2))
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in prunable(model).items()}
    masks["0.weight"][1] = False
    masks["1.weight"][2:, 1] = False  # the second group's second output
    masks["2.weight"][0] = False
    dead = in_dead_channels(model, masks)
    assert all(torch.equal(dead[name], ~masks[name]) for name in masks)
    everywhere = {name: torch.ones_like(mask) for name, mask in masks.items()}
    n_dead = sum(int(d.sum()) for d in dead.values())
    assert count(model, masks, everywhere) == (n_dead, n_dead)


def test_a_depthwise_layer_has_one_channel_for_each_kernel() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 2, groups=3))
    mask = torch.ones(3, 1, 2, 2, dtype=torch.bool)
    mask[1] = False
    dead = in_dead_channels(model, {"0.weight": mask})["0.weight"]
    assert dead.flatten(1).all(1).tolist() == [False, True, False]
    assert dead.flatten(1).any(1).tolist() == [False, True, False]
