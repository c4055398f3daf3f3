"""Networks of segmentation-models-pytorch by name: any size, any batch, no idle weight, pruned, saved, refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cellprune.errors import CellpruneError
from cellprune.models import build, load
from cellprune.models.smp import Fitted
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.runs import modelfile
from cellprune.structure.cost import cost
from cellprune.training.norms import reestimate

NAMES = ["unet/resnet18", "deeplabv3plus/mobilenet_v2"]  # joins and transposed paths, grouped convolutions
MORE = ["unetplusplus/resnet18", "fpn/resnet18", "unet/efficientnet-b0"]
every_network = pytest.mark.parametrize(
    "name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]
)


def made(name: str, **settings: object) -> nn.Module:
    torch.manual_seed(0)
    return build({"name": f"smp:{name}", "in_channels": 1, "classes": 2, **settings})


@every_network
@pytest.mark.parametrize("size", [(64, 64), (33, 50), (5, 70)])
def test_any_image_size_gives_maps_of_that_size(name: str, size: tuple[int, int]) -> None:
    network = made(name, in_channels=3, classes=4).eval()
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        maps = network(images)
        assert maps.shape == (2, 4, *size)
        if size == (64, 64):
            assert torch.equal(maps, network.network(images)), "a size that fits is the library's own"


@every_network
def test_a_gradient_reaches_each_prunable_weight_in_a_batch_of_one(name: str) -> None:
    network = made(name)
    network(torch.randn(1, 1, 128, 128)).square().sum().backward()
    assert [n for n, p in prunable(network).items() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", ["pspnet/resnet18", "pspnet/efficientnet-b0", "pan/resnet18", "upernet/resnet18",
                                  "segformer/mit_b0", "linknet/resnet18", "manet/resnet18", "deeplabv3/resnet18",
                                  "unet/tu-convnext_atto", "dpt/tu-vit_tiny_patch16_224"])  # fmt: skip
@pytest.mark.slow
def test_every_architecture_trains_a_batch_of_one_of_any_size(name: str) -> None:
    network = made(name, in_channels=2, classes=3)
    maps = network(torch.randn(1, 2, 70, 131))
    assert maps.shape == (1, 3, 70, 131)
    maps.square().sum().backward()
    assert all(p.grad is not None for p in prunable(network).values())


def test_what_an_architecture_never_reads_is_no_weight_to_prune() -> None:
    with_idle = 11_328_162  # ResNet-18 whole, of which PSPNet reads three of five stages
    network = made("pspnet/resnet18")
    assert sum(p.numel() for p in network.parameters()) < 0.1 * with_idle
    thrown_away = made("pspnet/efficientnet-b0")  # its encoder computes stages that the decoder drops
    assert any(not p.requires_grad for p in thrown_away.parameters())
    assert all(p.requires_grad for p in prunable(thrown_away).values())


def test_one_value_a_channel_is_normalized_by_the_running_statistics() -> None:
    network = Fitted(nn.Sequential(nn.BatchNorm2d(3)), least_px=1).train()
    norm = network.network[0]
    norm.running_mean.fill_(2.0)
    with torch.no_grad():
        assert torch.allclose(norm(torch.full((1, 3, 1, 1), 5.0)), torch.full((1, 3, 1, 1), 3.0), atol=1e-4)
        assert norm.running_mean.eq(2).all()
        two = torch.randn(2, 3, 1, 1)
        assert torch.equal(norm(two), F.batch_norm(two, None, None, norm.weight, norm.bias, training=True))
        assert not norm.running_mean.eq(2).any()


@every_network
def test_statistics_are_estimated_anew(name: str) -> None:
    network = made(name)
    batches = [(torch.randn(2, 1, 64, 64) * 3 + 1, None) for _ in range(2)]
    before = {n: b.clone() for n, b in network.named_buffers() if n.endswith("running_mean")}
    reestimate(network, batches)
    assert all(not torch.equal(b, before[n]) for n, b in network.named_buffers() if n in before)
    assert network.training


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["unet/resnet18", *(pytest.param(n, marks=pytest.mark.slow) for n in (*NAMES[1:], *MORE))]
)
@pytest.mark.parametrize(
    "method", ["prospr", *(pytest.param(m, marks=pytest.mark.slow) for m in ("snip", "magnitude"))]
)
def test_it_is_pruned_and_left_as_it_was(name: str, method: str) -> None:
    network = made(name)
    state = {n: v.clone() for n, v in network.state_dict().items()}
    data = [(torch.randn(2, 1, 64, 64), torch.randint(0, 2, (2, 64, 64))) for _ in range(2)]
    options = {"inner_steps": 1, "inner_lr": 0.01} if method == "prospr" else {}
    masks = prune(network, method=method, sparsity=0.2, batches=data, loss=F.cross_entropy, scope="layer", **options)
    n_weights = sum(p.numel() for p in prunable(network).values())
    assert abs(sum(int(m.sum()) for m in masks.values()) - 0.8 * n_weights) <= 1
    assert all(torch.equal(v, state[n]) for n, v in network.state_dict().items())


@pytest.mark.slow
def test_a_module_without_second_derivative_is_named() -> None:
    network = made("unet/tu-mobilenetv3_small_050")
    data = [(torch.randn(2, 1, 64, 64), torch.randint(0, 2, (2, 64, 64)))]
    with pytest.raises(CellpruneError, match=r"module 'network\.encoder\S+' \(Hardsigmoid\).*pruning.order=first"):
        prune(network, sparsity=0.2, batches=data, loss=F.cross_entropy, inner_steps=1)
    prune(network, sparsity=0.2, batches=data, loss=F.cross_entropy, inner_steps=1, order="first")


@every_network
def test_costs_are_those_of_torchs_own_counter(name: str) -> None:
    network = made(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.randn(1, 1, 64, 96))
    assert 2 * cost(network, (1, 64, 96)).macs.dense == counter.get_total_flops()


@every_network
def test_a_model_file_gives_the_network_back_to_the_bit(name: str, tmp_path: Path) -> None:
    network = made(name).eval()
    weights = {n: v.numpy() for n, v in network.state_dict().items()}
    # a file may say that the training began with pretrained weights: they are not fetched for it
    architecture = {"name": f"smp:{name}", "in_channels": 1, "classes": 2, "weights": "imagenet"}
    modelfile.write(tmp_path / "model.safetensors", {"architecture": architecture}, weights, {})
    again = load(tmp_path / "model.safetensors")
    assert list(again.state_dict()) == list(weights)
    assert all(v.numpy().tobytes() == weights[n].tobytes() for n, v in again.state_dict().items())
    images = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 40, 70)).astype(np.float32))
    with torch.no_grad():
        assert torch.equal(network(images), again(images))


def test_weights_come_from_the_callers_random_state() -> None:
    first, same = made("unet/resnet18").state_dict(), made("unet/resnet18").state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)


def test_an_encoder_that_asks_for_values_is_loaded_too(tmp_path: Path) -> None:
    network = made("segformer/mit_b0")
    weights = {n: v.numpy() for n, v in network.state_dict().items()}
    architecture = {"name": "smp:segformer/mit_b0", "in_channels": 1, "classes": 2}
    modelfile.write(tmp_path / "model.safetensors", {"architecture": architecture}, weights, {})
    assert isinstance(load(tmp_path / "model.safetensors"), Fitted)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "smp:unett/resnet18"}, "Did you mean 'unet'"),
        ({"name": "smp:unet/resnet81"}, "Did you mean 'resnet18'"),
        ({"name": "smp:unet"}, "names no encoder: write smp:unet/resnet34"),
        ({"name": "smp:unet/tu-convnext_ato"}, "Did you mean 'tu-convnext_atto'"),
        ({"name": "smp:unetplusplus/mit_b0"}, "cannot be built .*take another encoder"),
        ({"name": "smp:unet/resnet18", "weights": "imagnet"}, "Did you mean 'imagenet'"),
        ({"name": "smp:unet/tu-resnet18", "weights": "ssl"}, "no weights .* 'ssl'"),
        ({"name": "smp:unet/resnet18", "width": 8}, "no setting .* 'width'"),
        ({"name": "smp:unet/resnet18", "classes": 0}, "model.classes is 0"),
        ({"name": "smp:unet/resnet18", "in_channels": 10**9}, "model.in_channels is 1000000000"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(CellpruneError, match=words):
        build(settings)


@pytest.mark.slow
def test_weights_that_cannot_be_fetched_are_an_answer_of_one_line(tmp_path: Path) -> None:
    code = (
        "from cellprune.models import build\n"
        "from cellprune.errors import CellpruneError\n"
        "try: build({'name': 'smp:unet/resnet18', 'weights': 'imagenet'})\n"
        "except CellpruneError as error: print(error)"
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=offline,
        cwd=Path(__file__).parents[2],
    )
    assert "the imagenet weights of 'resnet18' cannot be fetched" in done.stdout
    assert "remove --model.weights" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1
