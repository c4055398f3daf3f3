"""The ResNet-20 against the counts of the literature."""

import torch

from cellprune.models import resnet
from cellprune.pruning.prunable import prunable


def test_it_has_the_published_numbers_of_parameters():
    model = resnet.build()
    assert sum(p.numel() for p in model.parameters()) == 269_722
    assert sum(p.numel() for p in prunable(model).values()) == 268_336


def test_a_gradient_reaches_each_prunable_weight():
    torch.manual_seed(0)
    model = resnet.build(in_channels=1, classes=4, width=4)
    logits = model(torch.randn(3, 1, 32, 32))
    assert logits.shape == (3, 4)
    logits.square().sum().backward()
    assert all(p.grad.any() for p in prunable(model).values())
