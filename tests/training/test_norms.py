"""Batch-norm statistics that fit the weights."""

import torch
from torch import nn

from cellprune.training.norms import reestimate


def test_reestimated_statistics_are_the_mean_over_the_batches() -> None:
    torch.manual_seed(0)
    batches = [torch.randn(2, 3, 5, 5) * 3 + 1 for _ in range(4)]
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5))
    network[0].running_mean.fill_(99)
    network[1].eval()
    reestimate(network, [(images, None) for images in batches])
    mean = torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0)
    variance = torch.stack([b.var((0, 2, 3)) for b in batches]).mean(0)
    torch.testing.assert_close(network[0].running_mean, mean)
    torch.testing.assert_close(network[0].running_var, variance)
    assert (network[0].training, network[1].training, network[0].momentum) == (True, False, 0.1)


def test_stale_statistics_of_small_batches_mislead_and_new_ones_do_not() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    images = torch.randn(8, 1, 16, 16) * 5 + 2
    truth = network(images)
    stale = network.eval()(images)
    reestimate(network, [(some, None) for some in images.split(4)])
    assert (network.eval()(images) - truth).abs().max() < (stale - truth).abs().max() / 10
