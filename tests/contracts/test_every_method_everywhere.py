"""Every method prunes every kind of network that we build, by weights and by channels, and leaves it as it was."""

from functools import cache

import pytest
import torch
from left_as_it_was import left_as_it_was
from torch import nn
from torch.nn import functional as F

from cellprune.config.names import method as method_row
from cellprune.config.names import methods, resolve
from cellprune.models import build
from cellprune.pruning.prune import prune
from cellprune.training.stages import TrainingRequest

UNET = {"name": "unet", "in_channels": 1, "classes": 2, "width": 4, "depth": 2}
CLASSIFYING = {"in_channels": 3, "classes": 3, "width": 4}
NETWORKS = {
    **{f"unet, {norm} norm": UNET | {"norm": norm} for norm in ("batch", "group", "instance", "none")},
    "unpadded unet": UNET | {"padding": "valid"},
    "resnet20": CLASSIFYING | {"name": "resnet20"},
    "vgg16": CLASSIFYING | {"name": "vgg16"},
    "smp": {"name": "smp:unet/resnet18", "in_channels": 1, "classes": 2},
    "monai's unet, every level under two names": {"in_channels": 1, "classes": 2},
}
SLOW = (  # the others have each kind of layer once
    "smp", "monai's unet, every level under two names", "resnet20", "unet, group norm", "unet, none norm",
)  # fmt: skip
SOONER = {"rounds": 2, "inner_steps": 1, "samples_per_class": 2, "draws": 2, "probes": 2}


every_network = pytest.mark.parametrize(
    "network", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in NETWORKS]
)


def dyn_unet() -> nn.Module:
    from monai.networks.nets import DynUNet

    return DynUNet(2, 1, 2, kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2], filters=[4, 4, 8])


@cache
def case(name):
    """Give a network, batches, and the size of a sample; built once, for no method changes a network."""
    torch.manual_seed(0)
    architecture: dict = NETWORKS[name]
    size = (architecture["in_channels"], *((64, 64) if name == "smp" else (16, 16)))
    if "unet" in architecture.get("name", "unet"):
        batches = [(torch.randn(2, *size), torch.randint(0, 2, (2, *size[1:]))) for _ in range(2)]
    else:
        batches = [(torch.randn(6, *size), torch.arange(6) % 3) for _ in range(2)]
    return (build(architecture) if "name" in architecture else dyn_unet()), batches, size


@every_network
@pytest.mark.parametrize("method", methods("before"))
def test_before_training(method, network):
    model, batches, _ = case(network)
    row = resolve("pruning method", method)
    own = {key: value for key, value in SOONER.items() if key in row.defaults()}
    if batches[0][1].ndim > 1:
        own.pop("samples_per_class", None)
    given = {"method": method, "batches": batches, "loss": F.cross_entropy, "sparsity": 0.5, **own}
    never, always = method_row(method).channels == "never", method_row(method).channels == "always"
    for granularity in ("weight",) if never else ("channel",) if always else ("weight", "channel"):
        with left_as_it_was(model):
            masks = prune(model, granularity=granularity, **given)
        assert 0 < sum(int(mask.sum()) for mask in masks.values()) < sum(mask.numel() for mask in masks.values())


@every_network
@pytest.mark.parametrize("method", [*methods("around"), *methods("during")])
def test_around_and_during_training(method, network):
    model, _, size = case(network)
    request = TrainingRequest(sparsity=0.5, epochs=1, steps_per_epoch=4, input_size=size)
    with left_as_it_was(model):
        stages = resolve("pruning method", method)(model, request)
    for stage in stages:
        mask = stage.mask(model, {}) if callable(stage.mask) else stage.mask
        policy = stage.policy(mask)
        assert set(policy.masks) <= {name for name, _ in model.named_parameters()}
