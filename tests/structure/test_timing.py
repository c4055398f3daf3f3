"""Measured milliseconds: networks are measured alike, often enough, and left as they were."""

import time

import torch
from torch import nn

from cellprune.structure.timing import milliseconds


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1))


def test_all_networks_are_measured_in_one_memory_layout() -> None:
    # a trained network is channels-last, a new one is not: that alone once made a masked network "a third faster"
    networks = {"dense": network(), "pruned": network().to(memory_format=torch.channels_last)}
    networks["pruned"].train()
    networks["dense"].eval()
    seen: list[bool] = []
    for net in networks.values():
        net[2].register_forward_hook(
            lambda module, args, output: seen.append(args[0].is_contiguous(memory_format=torch.channels_last))
        )
    found = milliseconds(networks, torch.randn(1, 1, 32, 32), repeats=7, least_s=0)
    assert set(found) == {"dense", "pruned", "repeats"}
    assert found["repeats"] == 7
    assert len(seen) == 2 * 8
    assert all(seen)
    assert found["dense"] > 0
    assert [net.training for net in networks.values()] == [False, True]
    statistics = networks["pruned"][1].running_mean
    assert not statistics.any(), "timing updates no statistics"


def test_short_passes_are_repeated_more_often() -> None:
    assert milliseconds({"dense": network()}, torch.randn(1, 1, 8, 8), repeats=1, least_s=0.05)["repeats"] > 1


def test_a_neighbour_who_takes_the_processor_at_every_pass_does_not_count() -> None:
    robbed = network()
    robbed.register_forward_hook(lambda *_: time.sleep(0.02))  # the clock on the wall goes on, nobody works
    took = milliseconds({"dense": network(), "robbed": robbed}, torch.randn(1, 1, 8, 8), least_s=0)
    assert took["robbed"] < 10
