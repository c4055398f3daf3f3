"""What a smaller network has kept: written in a few bytes, read with care, and enough to build it at once."""

from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from cellprune.errors import CellpruneError
from cellprune.models import kept
from cellprune.models.architecture import Architecture
from cellprune.models.loaded import read
from cellprune.pruning.prune import prune
from cellprune.runs import modelfile
from cellprune.runs.packing import pack_text, unpack_text
from cellprune.structure.shrink import shrunk

NETWORKS = {
    "unet": {"name": "unet", "width": 8, "depth": 4, "norm": "batch", "padding": "same"},
    "group norm": {"name": "unet", "width": 16, "depth": 1, "norm": "group", "padding": "same"},
    "no norm, unpadded": {"name": "unet", "width": 4, "depth": 1, "norm": "none", "padding": "valid"},
    "counting shortcuts": {"name": "resnet20"},
}
HEADER = {"classes": ["background", "cell"], "zoom": [1.0, 1.0]}


@cache
def small(network: str) -> tuple[Architecture, torch.nn.Module]:
    whole = Architecture.read({**NETWORKS[network], "in_channels": 1, "classes": 2})
    torch.manual_seed(0)
    model, inputs = whole.build(), torch.randn(1, 1, 32, 32)
    masks = prune(model, method="random", sparsity=0.5, granularity="channel", batches=[(inputs, None)])
    made = shrunk(model, masks, inputs)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    again = made.positions.masks(shapes)
    assert again.keys() == masks.keys()
    assert all(torch.equal(again[name], mask) for name, mask in masks.items()), "positions and masks say the same"
    return Architecture(whole.name, whole.settings, 1, 2, kept=made.positions), made.network


def write(path: Path, architecture: dict, network: torch.nn.Module) -> int:
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    modelfile.write(path, {**HEADER, "architecture": architecture}, weights, {})
    return sum(value.nbytes for value in weights.values())


@pytest.mark.parametrize("network", NETWORKS)
def test_a_smaller_network_is_built_at_once_and_is_the_same(network: str, tmp_path: Path) -> None:
    architecture, made = small(network)
    n_bytes = write(tmp_path / "model", architecture.as_dict(), made)
    assert (tmp_path / "model").stat().st_size <= n_bytes + 5000
    loaded = read(tmp_path / "model")
    assert loaded.header["format_version"] == 2
    assert str(loaded.network) == str(made)
    images = torch.randn(1, 1, 48, 40)
    with torch.no_grad():
        assert torch.equal(loaded.network(images), made.eval()(images))
    assert all(value.is_meta for value in loaded.architecture.shapes().parameters()), "no weight of the whole is made"


def test_a_whole_network_is_written_as_it_was(tmp_path: Path) -> None:
    architecture, _ = small("no norm, unpadded")
    write(tmp_path / "model", architecture.whole.as_dict(), architecture.whole.build())
    assert modelfile.read(tmp_path / "model").header["format_version"] == 1
    assert "dense:head.weight" in load_file(tmp_path / "model")
    assert read(tmp_path / "model").architecture.kept is None


def changed(text: str, change: str) -> object:
    written = unpack_text(text)
    if change == "another size":
        written["sets"] = [[size + 1, bits] for size, bits in written["sets"]]
    elif change == "none kept":
        written["sets"] = [[size, "A" * len(bits)] for size, bits in written["sets"]]
    elif change == "another layer":
        written["of"]["no.weight"] = {"0": 0}
    elif change == "another axis":
        written["of"]["down.0.0.weight"] = {"7": 0}
    elif change == "a norm of other channels":
        written["passes"]["down.0.1"] = written["of"]["down.1.0.weight"]["0"]
    elif change == "a layer twice as wide":
        written["of"].pop("down.0.0.weight")
    elif change == "counting nothing":
        written["counted"]["down.0.1"] = [0, 0]
    else:
        return {"no text": 3, "no packed text": "abc", "cut off": text[:40], "a list": pack_text([])}[change]
    return pack_text(written)


@pytest.mark.parametrize(
    "change",
    ["another size", "none kept", "another layer", "another axis", "a norm of other channels", "a layer twice as wide",
     "counting nothing", "no text", "no packed text", "cut off", "a list"],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_line(change: str, tmp_path: Path) -> None:
    architecture, made = small("group norm" if change == "none kept" else "unet")
    text = kept.as_text(architecture.kept)
    write(tmp_path / "model", {**architecture.as_dict(), "kept": changed(text, change)}, made)
    with pytest.raises(CellpruneError, match=r"model describes no network that can be built \(.*\): make it again"):
        read(tmp_path / "model")
