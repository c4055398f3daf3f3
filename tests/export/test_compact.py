"""A model file of the same function from fewer channels, whatever the mask, which all that takes a model file takes."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx_files import header_of, network_of
from torch import nn

from cellprune import models
from cellprune.errors import CellpruneError
from cellprune.export import compact
from cellprune.export.compact import write_compact
from cellprune.export.onnx import to_onnx
from cellprune.runs import modelfile


@cache
def sparse(**settings: object) -> tuple[nn.Module, dict[str, np.ndarray]]:
    """A network of single weights, in which a third of the channels of each layer have none; leave it as it is."""
    torch.manual_seed(0)
    network = models.build({**network_of(**settings).header["architecture"]})
    network.load_state_dict(network_of(**settings).state_dict())
    masks = {}
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1 and not name.startswith("head"):
                axis = 1 if name.startswith("grow") else 0
                rows = torch.rand(weight.shape[axis]) < 0.66
                rows[0] = True
                mask = (torch.rand(weight.shape) < 0.5) & rows.view([-1 if a == axis else 1 for a in range(4)])
                weight.mul_(mask)
                masks[name] = mask.numpy()
            elif name.endswith("bias"):
                weight.copy_(torch.rand(weight.shape) - 0.3)  # so that what has no weights is a constant, or zero
    return network.eval(), masks


def written(path: Path, **settings: object) -> Path:
    network, masks = sparse(**settings)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    modelfile.write(path, header_of({**network_of(**settings).header["architecture"]}), weights, masks)
    return path


def outputs(path: Path, channels: int = 1) -> torch.Tensor:
    image = torch.randn(1, channels, 40, 52, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        return models.load(path)(image)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_file_gives_the_same_maps_from_less(padding: str, tmp_path: Path) -> None:
    model = written(tmp_path / "model", padding=padding)
    made = write_compact(model, tmp_path / "small")
    assert made.after.parameters < 0.8 * made.before.parameters
    assert made.after.macs < 0.8 * made.before.macs
    assert made.after.bytes == (tmp_path / "small").stat().st_size < made.before.bytes == model.stat().st_size
    torch.testing.assert_close(outputs(tmp_path / "small"), outputs(model), rtol=1e-4, atol=1e-5)
    header, weights, masks = modelfile.read(tmp_path / "small")
    assert header["format_version"] == 2
    assert masks.keys() <= sparse(padding=padding)[1].keys()
    assert masks, "zeros among what stays are not stored"
    assert all(not weights[name][~mask].any() for name, mask in masks.items())
    assert to_onnx(models.load(tmp_path / "small"), header, "small"), "as `export` takes it"


def test_a_smaller_network_becomes_smaller_still(tmp_path: Path) -> None:
    write_compact(written(tmp_path / "model"), tmp_path / "small")
    header, weights, _ = modelfile.read(tmp_path / "small")
    weights["down.2.3.weight"][1:] = 0.0
    modelfile.write(tmp_path / "emptied", header, weights, {})
    made = write_compact(tmp_path / "emptied", tmp_path / "smaller")
    assert "carries the constants of its layer to one that pads with zeros" in {row.why for row in made.stayed}
    assert made.after.parameters < made.before.parameters
    torch.testing.assert_close(outputs(tmp_path / "smaller"), outputs(tmp_path / "emptied"), rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_followed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sorting(nn.Module):
        """Sorts what a layer made, so that nobody knows which channel is which."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 2, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.last(self.first(image).sort(1).values)

    read = compact.loaded.read(written(tmp_path / "model"))
    odd = compact.loaded.Loaded(Sorting().eval(), read.header, read.architecture)
    monkeypatch.setattr(compact.loaded, "read", lambda path, network: odd)
    with pytest.raises(CellpruneError, match=r"cannot be followed through 'sort'.*: use the network as it is"):
        write_compact(tmp_path / "model", tmp_path / "small")
    assert not (tmp_path / "small").exists()
