"""Channels that live and die together: a masked network is the smaller one, in every architecture."""

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
import torch
from reference_pruning import EveryKind
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.models import build, resnet, vgg
from cellprune.structure.channels import find, verify


class Branches(nn.Module):
    """Depthwise, grouped and transposed grouped convolutions, a gate by its channels, and a flattened end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, padding=1)
        self.depthwise = nn.Conv2d(6, 12, 3, padding=1, groups=6)
        self.slope = nn.PReLU(12)
        self.grouped = nn.Conv2d(12, 8, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2)
        self.fine = nn.ConvTranspose2d(6, 6, 2, stride=2, groups=6)
        self.gate = nn.Linear(6, 6)
        self.head = nn.Linear(6 * 4, 3)

    def forward(self, x):
        x = self.norm(self.grouped(self.slope(self.depthwise(self.stem(x)))))
        x = self.fine(self.up(x))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


NETWORKS = {
    "unet": (lambda: build({"name": "unet", "width": 4, "depth": 2}), (1, 16, 16)),
    "group": (lambda: build({"name": "unet", "width": 16, "depth": 2, "norm": "group"}), (1, 16, 16)),
    "instance": (lambda: build({"name": "unet", "width": 4, "depth": 2, "norm": "instance"}), (1, 17, 20)),
    "valid": (lambda: build({"name": "unet", "width": 4, "depth": 1, "norm": "none", "padding": "valid"}), (1, 20, 9)),
    "resnet20": (lambda: resnet.build(width=4), (3, 32, 32)),
    "resnet20-projection": (lambda: resnet.projection(width=4), (3, 8, 8)),
    "vgg16": (lambda: vgg.vgg16(width=4), (3, 32, 32)),
    "every kind": (EveryKind, (2, 6, 6)),
    "branches": (Branches, (2, 6, 6)),
}
LIBRARY = ("smp:unet/resnet18", "smp:unet/mobilenet_v2", "smp:unet/efficientnet-b0", "smp:unetplusplus/resnet18",
           "smp:fpn/resnet18")  # fmt: skip
slow = [pytest.param(name, marks=pytest.mark.slow) for name in LIBRARY]


def case(name):
    torch.manual_seed(0)
    make, size = NETWORKS.get(name) or (lambda: build({"name": name}), (1, 64, 64))
    return make(), torch.randn(1, *size)


def some(channels, seed=0):
    """Draw which channels stay: about half, and in each layer one at least, which is not always its first."""
    kept = torch.rand(channels.count, generator=torch.Generator().manual_seed(seed)) > 0.5
    for made in channels.layers().values():
        kept[made[-seed]] = True
    return kept


def smaller(model, channels, kept):
    """Cut the masked network down to what is kept, tensor by tensor."""
    model = deepcopy(model)
    names = {id(p): name for name, p in model.named_parameters()}

    def stays(name, axis):
        found = channels.of[name][axis]
        return torch.where(found >= 0, kept[found.clamp(min=0)], True).nonzero().squeeze(1)

    for module in model.modules():
        own = {key: (p, names[id(p)]) for key, p in module.named_parameters(recurse=False)}
        norm = channels.of.get(own["weight"][1], {}).get(0) if "weight" in own else None
        before = module.weight.shape if "weight" in own else None
        for key, (p, name) in own.items():
            cut = p.detach()
            for axis in channels.of.get(name, {}):
                cut = cut.index_select(axis, stays(name, axis))
            setattr(module, key, nn.Parameter(cut))
        if isinstance(module, nn.modules.batchnorm._NormBase) and norm is not None and module.running_mean is not None:
            for key in ("running_mean", "running_var"):
                setattr(module, key, getattr(module, key)[stays(own["weight"][1], 0)])
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.num_features = module.weight.numel()
        if isinstance(module, nn.GroupNorm):
            module.num_groups = module.num_groups * module.weight.numel() // module.num_channels
            module.num_channels = module.weight.numel()
        if isinstance(module, nn.modules.conv._ConvNd) and module.groups > 1 and before[1] == 1:
            module.groups = module.groups * module.weight.shape[0] // before[0]  # depthwise
    return model


@pytest.mark.parametrize("network", [*NETWORKS, *slow])
@pytest.mark.parametrize("seed", [0, 1])
def test_masked_equals_zeroed_where_it_is_read(network, seed):
    model, inputs = case(network)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    channels = find(model, inputs)
    verify(model, inputs, channels, some(channels, seed))
    assert model.training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("network", [*(name for name in NETWORKS if name != "resnet20"), *slow])  # its padding is fixed
def test_masked_equals_the_smaller_network(network, seed):
    model, inputs = case(network)
    model = model.double()
    inputs = inputs.double()
    channels = find(model, inputs)
    kept = some(channels, seed)
    for name, mask in channels.masks(kept, {name: p.shape for name, p in model.named_parameters()}).items():
        model.get_parameter(name).data.mul_(mask)
    small = smaller(model, channels, kept)
    assert sum(p.numel() for p in small.parameters()) < 0.7 * sum(p.numel() for p in model.parameters())
    with torch.no_grad():
        assert torch.allclose(model.eval()(inputs), small.eval()(inputs), atol=1e-10)


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


def test_a_depthwise_layer_outlives_its_first_channel():
    model, inputs = case("branches")
    channels = find(model, inputs)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    for name in ("depthwise.weight", "fine.weight"):
        made = channels.of[name][0]
        kept = torch.ones(channels.count, dtype=torch.bool)
        kept[made[0]] = False
        assert torch.equal(channels.masks(kept, shapes)[name].flatten(1).any(1), made != made[0])


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


def test_channels_followed_wrongly_are_refused():
    model, inputs = case("unet")
    channels = find(model, inputs)
    wrong = dict(channels.of) | {"up.1.0.weight": {0: channels.of["up.1.0.weight"][0]}}  # a reader forgotten
    broken = replace(channels, of=wrong, inputs={n: a for n, a in channels.inputs.items() if n != "up.1.0.weight"})
    with pytest.raises(CellpruneError, match="the channels of UNet cannot be removed: without them it differs by"):
        verify(model, inputs, broken, some(channels))


@dataclass
class Logits:
    logits: torch.Tensor


def test_what_a_network_gives_inside_a_dataclass_keeps_its_size():
    class Giving(nn.Sequential):
        def forward(self, x):
            return Logits(super().forward(x))

    model = Giving(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1))
    assert list(find(model, torch.randn(1, 1, 8, 8)).layers()) == ["0.weight"]
