"""What every network for whole images promises, tested for each row of the table the moment it stands there."""

import pytest
import torch

from cellprune import models
from cellprune.config.names import CLASSIFYING
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.runs import modelfile
from cellprune.structure.cost import cost

every_network = pytest.mark.parametrize("name", sorted(CLASSIFYING))
# (network, classes): prunable weights, all parameters
COUNTS = {
    ("resnet20", 10): (268_336, 269_722),
    ("resnet20-projection", 10): (270_896, 272_474),
    ("vgg16", 10): (14_715_584, 14_728_266),
    ("vgg19", 10): (20_024_000, 20_040_522),
    ("vgg19", 100): (20_070_080, 20_086_692),
    ("resnet18", 200): (11_261_632, 11_271_432),
}


@pytest.mark.parametrize(("name", "classes"), COUNTS)
def test_it_has_the_numbers_of_parameters_of_the_literature(name, classes):
    with torch.device("meta"):
        network = models.build({"name": name, "in_channels": 3, "classes": classes})
    expected = COUNTS[name, classes]
    assert (
        sum(p.numel() for p in prunable(network).values()),
        sum(p.numel() for p in network.parameters()),
    ) == expected


def test_every_network_has_a_count():
    assert {name for name, _ in COUNTS} == set(CLASSIFYING)


@every_network
def test_a_gradient_reaches_each_prunable_layer_at_an_odd_size(name):
    torch.manual_seed(0)
    network = models.build({"name": name, "in_channels": 1, "classes": 4})
    logits = network(torch.randn(2, 1, 21, 19))
    assert logits.shape == (2, 4)
    logits.square().sum().backward()
    assert all(p.grad.any() for p in prunable(network).values())


@every_network
def test_it_is_drawn_from_the_seed_alone(name):
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(models.build({"name": name}).state_dict())
    assert all(torch.equal(value, drawn[1][key]) for key, value in drawn[0].items())


@every_network
def test_it_is_pruned_to_the_exact_count_and_saved_and_loaded(name, tmp_path):
    torch.manual_seed(0)
    architecture = {"name": name, "in_channels": 3, "classes": 10} | ({"width": 8} if name.startswith("vgg") else {})
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
