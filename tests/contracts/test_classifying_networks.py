"""What every network for whole images promises, tested for each row of the table the moment it stands there."""

import pytest
import torch

from cellprune import models
from cellprune.config.names import CLASSIFYING
from cellprune.machine.torchvision import ensure_torchvision
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.runs import modelfile
from cellprune.structure.cost import cost

every_network = pytest.mark.parametrize("name", sorted(CLASSIFYING))
# (network, stem, classes): prunable weights, all parameters
COUNTS = {
    ("resnet20", None, 10): (268_336, 269_722),
    ("resnet20-projection", None, 10): (270_896, 272_474),
    ("vgg16", "small", 10): (14_715_584, 14_728_266),
    ("vgg16", "large", 1000): (138_344_128, 138_365_992),
    ("vgg19", "small", 10): (20_024_000, 20_040_522),
    ("vgg19", "small", 100): (20_070_080, 20_086_692),
    ("vgg19", "large", 1000): (143_652_544, 143_678_248),
    ("resnet18", "small", 200): (11_261_632, 11_271_432),
    ("resnet18", "large", 200): (11_269_312, 11_279_112),
    ("resnet18", "large", 1000): (11_678_912, 11_689_512),
    ("resnet50", "small", 200): (23_856_832, 23_910_152),
    ("resnet50", "large", 1000): (25_502_912, 25_557_032),
}
TORCHVISIONS = {"vgg16": "vgg16_bn", "vgg19": "vgg19_bn", "resnet18": "resnet18", "resnet50": "resnet50"}
# a fraction of the channels is enough for what does not depend on their number
SMALLER = {
    "vgg16": {"width": 8},
    "vgg19": {"width": 8},
    "resnet18": {"widths": [8, 16, 32, 64]},
    "resnet50": {"widths": [4, 8, 16, 32]},
}


@pytest.mark.parametrize(("name", "stem", "classes"), COUNTS)
def test_it_has_the_numbers_of_parameters_of_the_literature(name, stem, classes):
    with torch.device("meta"):
        network = models.build({"name": name, "in_channels": 3, "classes": classes} | ({"stem": stem} if stem else {}))
    expected = COUNTS[name, stem, classes]
    assert (
        sum(p.numel() for p in prunable(network).values()),
        sum(p.numel() for p in network.parameters()),
    ) == expected


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_with_a_large_stem_it_has_the_shapes_of_torchvisions(name):
    ensure_torchvision()
    from torchvision import models as theirs

    with torch.device("meta"):
        own = models.build({"name": name, "in_channels": 3, "classes": 1000, "stem": "large"})
        other = getattr(theirs, TORCHVISIONS[name])(weights=None)
        assert own(torch.randn(1, 3, 224, 224)).shape == (1, 1000)
    assert [p.shape for p in own.parameters()] == [p.shape for p in other.parameters()]


def test_every_network_has_a_count():
    assert {name for name, *_ in COUNTS} == set(CLASSIFYING)


@pytest.mark.parametrize(
    ("name", "more", "size"),
    [(name, {}, (21, 19)) for name in sorted(CLASSIFYING) if name != "resnet50"]
    + [(name, SMALLER[name] | {"stem": "large"}, (67, 35)) for name in TORCHVISIONS]
    + [("resnet50", SMALLER["resnet50"], (21, 19))],
)
def test_a_gradient_reaches_each_prunable_layer_at_an_odd_size(name, more, size):
    torch.manual_seed(0)
    network = models.build({"name": name, "in_channels": 1, "classes": 4, **more})
    logits = network(torch.randn(2, 1, *size))
    assert logits.shape == (2, 4)
    logits.square().sum().backward()
    assert all(p.grad.any() for p in prunable(network).values())


@every_network
def test_it_is_drawn_from_the_seed_alone(name):
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(models.build({"name": name, **SMALLER.get(name, {})}).state_dict())
    assert all(torch.equal(value, drawn[1][key]) for key, value in drawn[0].items())


@every_network
def test_it_is_pruned_to_the_exact_count_and_saved_and_loaded(name, tmp_path):
    torch.manual_seed(0)
    architecture = {"name": name, "in_channels": 3, "classes": 10} | SMALLER.get(name, {})
    network = models.build(architecture)
    masks = prune(network, method="magnitude", sparsity=0.98)
    counted = cost(network, (3, 32, 32), masks)
    n_prunable = sum(p.numel() for p in prunable(network).values())
    assert counted.parameters.kept == round(0.02 * n_prunable)
    assert counted.macs.masked < counted.macs.dense
    with torch.no_grad():
        for parameter_name, parameter in network.named_parameters():
            if parameter_name in masks:
                parameter *= masks[parameter_name]
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    path = tmp_path / "model.safetensors"
    modelfile.write(path, {"architecture": architecture}, weights, {key: mask.numpy() for key, mask in masks.items()})
    again = models.load(path)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(again(images), network.eval()(images))
