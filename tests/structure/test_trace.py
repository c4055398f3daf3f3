"""What of a network is one channel: its layers' rows, norms, columns, sums, shifts and groups."""

from dataclasses import dataclass

import torch
from channel_networks import case
from torch import nn

from cellprune.structure.trace import find


def test_the_channels_of_a_unet_are_those_of_its_layers():
    model, inputs = case("unet")
    channels = find(model, inputs)
    # two convolutions on each of three levels down (4, 8, 16) and two up (8, 4), two transposed (8, 4)
    assert channels.count == 2 * (4 + 8 + 16) + 2 * (8 + 4) + 8 + 4
    assert channels.norms["down.0.0.weight"] == ("down.0.1.weight", "down.0.1.bias")
    assert channels.norms.get("grow.0.weight") is None  # a concatenation comes between
    # the first level's second convolution is read below and, before the grown maps, beside
    made = channels.of["down.0.3.weight"][0]
    assert torch.equal(channels.of["down.1.0.weight"][1], made)
    assert torch.equal(channels.of["up.1.0.weight"][1][:4], made)
    assert torch.equal(channels.of["up.1.0.weight"][1][4:], channels.of["grow.1.weight"][1])
    assert 0 not in channels.of.get("head.weight", {})
    assert 1 not in channels.of["down.0.0.weight"]  # the image


def test_a_stage_of_residual_blocks_is_one_group_that_shortcuts_shift():
    model, inputs = case("resnet20")
    channels = find(model, inputs)
    last = channels.of["11.residual.3.weight"][0]
    assert torch.equal(last, channels.of["14.weight"][1])
    assert torch.equal(channels.of["8.residual.3.weight"][0], last[4:12])  # eight channels in the middle of sixteen
    assert torch.equal(channels.of["0.weight"][0], last[6:10])
    assert channels.count == 16 + 3 * (4 + 8 + 16)  # the last stage's, and the inner ones of each block


def test_the_same_position_of_all_groups_is_one_channel():
    model, inputs = case("branches")
    channels = find(model, inputs)
    grouped, depthwise = channels.of["grouped.weight"], channels.of["depthwise.weight"][0]
    assert grouped[0][:4].tolist() == grouped[0][4:].tolist()
    assert depthwise[:6].tolist() == depthwise[6:].tolist()
    assert depthwise[0::2].tolist() == depthwise[1::2].tolist() == channels.of["stem.weight"][0].tolist()
    assert torch.equal(channels.of["slope.weight"][0], depthwise)
    assert channels.of["depthwise.weight"].keys() == channels.of["fine.weight"].keys() == {0}


def test_what_is_not_understood_stays_whole():
    class Sorted(nn.Sequential):
        def forward(self, x):
            return self[1](self[0](x).sort(dim=1).values)

    model = Sorted(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1))
    assert find(model, torch.randn(1, 1, 4, 4)).count == 0


def test_excluded_layers_keep_rows_and_columns():
    model, inputs = case("unet")
    channels = find(model, inputs, whole=["down.1.0.weight"])
    assert "down.1.0.weight" not in channels.of
    assert "down.0.3.weight" not in channels.outputs


@dataclass
class Logits:
    logits: torch.Tensor


def test_what_a_network_gives_inside_a_dataclass_keeps_its_size():
    class Giving(nn.Sequential):
        def forward(self, x):
            return Logits(super().forward(x))

    model = Giving(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1))
    assert list(find(model, torch.randn(1, 1, 8, 8)).layers()) == ["0.weight"]


def test_one_channel_owns_all_its_pixels():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(4, 2))
    assert find(model, torch.randn(1, 1, 2, 2)).of["2.weight"][1].tolist() == [0, 0, 0, 0]
