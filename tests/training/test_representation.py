"""A network as one vector: all levels of a U-Net, the last maps of a network that classifies."""

import torch

from cellprune.models.architecture import Architecture
from cellprune.training.representation import Representation, seen_by


def build(name: str, **settings: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return Architecture(name, settings, 3 if name == "resnet20" else 1, 2).build()


def test_a_unet_is_seen_at_every_level_and_all_of_it_but_its_head_learns() -> None:
    network, images = build("unet", width=4, depth=2), torch.randn(2, 1, 16, 16)
    layers, output = seen_by(network, images)
    assert output == "head"
    assert [name.split(".")[0] for name in layers] == ["up", "up", "down"]
    vectors = Representation(network, layers)(images)
    assert vectors.shape == (2, 4 + 8 + 16)
    vectors.square().sum().backward()
    unlearned = [name for name, value in network.named_parameters() if value.grad is None]
    assert unlearned == ["head.weight", "head.bias"]


def test_a_network_that_classifies_is_seen_by_its_last_maps() -> None:
    network, images = build("resnet20"), torch.randn(2, 3, 32, 32)
    layers, output = seen_by(network, images)
    assert network.get_submodule(output).out_features == 2
    vectors = Representation(network, layers)(images)
    assert vectors.shape == (2, 64)
    assert not any(module._forward_hooks for module in network.modules())
