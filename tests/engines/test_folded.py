"""Folded norms and channels last give the same maps, and nothing is folded that would not."""

import pytest
import torch
from onnx_files import model_file, network_of
from torch import nn

from cellprune import models
from cellprune.engines import torch as torch_engine
from cellprune.engines.folded import folded


@pytest.mark.parametrize(
    "architecture",
    [{}, {"padding": "valid"}, {"norm": "group"}, {"norm": "none"}, {"channels": 3, "classes": 3}],
    ids=str,
)
def test_the_maps_are_the_same(architecture: dict) -> None:
    network = network_of(**architecture)
    channels = architecture.get("channels", 1)
    image = torch.randn(2, channels, 50, 70)
    fast = folded(network, channels)
    assert fast is not network
    with torch.inference_mode():
        torch.testing.assert_close(fast(image), network(image), atol=1e-4, rtol=0)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == ("norm" not in architecture)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())


def test_a_network_of_the_library_gives_the_same() -> None:
    torch.manual_seed(0)
    network = models.build({"name": "smp:unet/resnet18"}).eval()
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(folded(network, 1)(image), network(image), atol=1e-4, rtol=1e-4)


def test_what_lies_between_may_be_looked_at() -> None:
    class Peeping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.chain = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
            self.chain[1].running_mean.fill_(3)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            between = self.chain[0](image)
            return between + self.chain[1](between)

    network = Peeping().eval()
    assert folded(network, 1) is network


def test_only_a_network_that_was_loaded_is_folded(tmp_path) -> None:
    network = network_of()
    loaded = torch_engine.engine(model_file(tmp_path / "model.safetensors", network), device="cpu")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in loaded._network.modules())
    assert torch_engine.engine(network, device="cpu")._network is network
