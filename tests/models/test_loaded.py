"""A trained network from its file: ready to use, bit for bit, or refused in a line that names the file."""

from pathlib import Path

import numpy as np
import pytest
import torch

import cellprune
from cellprune.errors import CellpruneError
from cellprune.models import loaded
from cellprune.models.architecture import Architecture
from cellprune.runs import modelfile
from cellprune.runs.folder import FILES

UNET = Architecture("unet", {"width": 2, "depth": 1}, in_channels=1, classes=2)


def trained() -> torch.nn.Module:
    torch.manual_seed(3)
    return UNET.build()


def written(path: Path, *, architecture: object = None, without: str = "", **other: np.ndarray) -> Path:
    weights = {name: value.numpy() for name, value in trained().state_dict().items() if name != without}
    asked = UNET.as_dict() if architecture is None else architecture
    modelfile.write(path, {"architecture": asked, "classes": ["background", "cell"]}, weights | other, {})
    return path


def test_a_file_and_its_run_folder_give_the_network_ready_to_use(tmp_path: Path) -> None:
    file = written(tmp_path / FILES["model"])
    for path in (file, tmp_path, str(tmp_path)):
        network = cellprune.load(path)
        assert not any(module.training for module in network.modules())
        state = trained().state_dict()
        assert network.state_dict().keys() == state.keys()
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_what_is_read_says_how_it_is_built_and_how_images_are_made(tmp_path: Path) -> None:
    read = loaded.read(written(tmp_path / "model.safetensors"))
    assert read.architecture == UNET
    assert read.header["classes"] == ["background", "cell"]
    assert read.network(torch.zeros(1, 1, 8, 8)).shape == (1, 2, 8, 8)


def test_a_loaded_network_carries_its_header_and_any_other_has_none(tmp_path: Path) -> None:
    network = loaded.load(written(tmp_path / "model.safetensors"))
    header = loaded.header_of(network)
    assert header is not None
    assert header["format_version"] == 1  # as older versions read it: no channel has left
    assert loaded.header_of(torch.compile(network, backend="eager")) == header
    assert loaded.header_of(trained()) is None
    assert "header" not in network.state_dict()


def test_a_network_narrowed_level_by_level_comes_back(tmp_path: Path) -> None:
    narrow = UNET.with_widths((1, 3))
    weights = {name: value.numpy() for name, value in narrow.build().state_dict().items()}
    modelfile.write(tmp_path / "model.safetensors", {"architecture": narrow.as_dict()}, weights, {})
    read = loaded.read(tmp_path / "model.safetensors")
    assert read.architecture == narrow
    assert read.network.widths == (1, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"without": "head.bias"}, r"1 of its \d+ tensors do not fit, such as 'head\.bias'"),
        ({"extra": np.zeros(1)}, r"1 of its \d+ tensors do not fit, such as 'extra'"),
        ({"head.bias": np.zeros(3, np.float32)}, r"1 of its \d+ tensors do not fit, such as 'head\.bias'"),
        ({"architecture": UNET.as_dict() | {"name": "unett"}}, "no model 'unett'"),
        ({"architecture": UNET.as_dict() | {"width": 10**9}}, "must be"),
        ({"architecture": {"name": "unet"}}, "in_channels"),
        ({"architecture": [1]}, "describes no network"),
        ({"architecture": UNET.as_dict() | {"colour": 1}}, "colour"),
    ],
)
def test_a_header_that_describes_no_network_is_refused_with_its_file(tmp_path: Path, changes: dict, said: str) -> None:
    path = written(tmp_path / "model.safetensors", **changes)
    with pytest.raises(CellpruneError, match=said) as refusal:
        loaded.read(path)
    assert str(refusal.value).startswith(f"{path} describes no network that can be built (")
    assert str(refusal.value).endswith("): make it again")


def test_a_path_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match="nowhere"):
        loaded.load(tmp_path / "nowhere")
    with pytest.raises(CellpruneError, match="is no run: give the folder of a finished run"):
        loaded.load(tmp_path)
