"""A trained network as a smaller model file: the same function, without the channels that carry nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models import loaded
from cellprune.runs import atomic, modelfile, onnxfile
from cellprune.runs.finished import finished
from cellprune.structure.compact import Stayed, compacted
from cellprune.structure.cost import multiply_adds

_LEARNED_PX = 256  # the network's size, where its file says none


@dataclass(frozen=True)
class Size:
    """How large a network is: its parameters and multiply-adds, zeros among them, and the bytes of its file."""

    parameters: int
    macs: int
    bytes: int


@dataclass(frozen=True)
class Smaller:
    """What was made.

    Attributes:
        before, after: of the network that was given, and of the one in the file.
        stayed: channels that carry nothing and had to stay, layer by layer.
        stopped_by: operations that keep channels, because what they do to channels is not known.
        input_px: height and width at which the multiply-adds are counted.
    """

    output: Path
    before: Size
    after: Size
    stayed: tuple[Stayed, ...]
    stopped_by: tuple[str, ...]
    input_px: tuple[int, int]


def write_compact(model: Path, output: Path, network: str | None = None) -> Smaller:
    """Write a model file of the same function, from as few channels as carry something.

    Args:
        model: the folder of a finished run, or a model file.
        output: the file to make.
        network: FILE.py:NAME of a network of the user's own; see `models.loaded.load`.
    Raises:
        CellpruneError: no such model, or its channels cannot be followed; nothing is written.
    """
    if onnxfile.is_named_so(model):
        raise CellpruneError(f"{model} is an ONNX file: give the run or the model file that it was exported from")
    file = finished(model).file("model") if model.is_dir() else model
    given, masks = loaded.read(file, network), modelfile.read(file).masks
    height, width = _size_px(given.header)
    inputs = torch.randn(1, given.architecture.in_channels, height, width, generator=torch.Generator().manual_seed(0))
    made = compacted(given.network, inputs)
    architecture = given.architecture.without(made.positions)
    if made.stopped_by and not made.positions.of:
        raise CellpruneError(
            f"the channels of {model} cannot be followed through {made.stopped_by[0]}: use the network as it is"
        )
    weights = {name: value.contiguous().numpy() for name, value in made.network.state_dict().items()}
    with atomic.replacing(output) as beside:
        header = {key: value for key, value in given.header.items() if key != "format_version"}
        header |= {"architecture": architecture.as_dict()}
        modelfile.write(beside, header, weights, _zeros(weights, masks))
        again = loaded.read(beside, network).network  # what the file says must be the network that was made
        n_bytes = beside.stat().st_size
    before, after = (
        _size(network, inputs, size) for network, size in ((given.network, file.stat().st_size), (again, n_bytes))
    )
    return Smaller(output, before, after, made.stayed, made.stopped_by, (height, width))


def _size_px(header: Mapping[str, object]) -> tuple[int, int]:
    match header.get("network_size_px"):
        case [int(height), int(width)]:
            return height, width
    return _LEARNED_PX, _LEARNED_PX


def _zeros(weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the masks that are left: where a layer took up constants, there is a number now where there was none."""
    left = {name: weights[name] != 0 for name in masks}
    return {name: mask for name, mask in left.items() if not mask.all()}


def _size(network: nn.Module, inputs: torch.Tensor, n_bytes: int) -> Size:
    return Size(sum(p.numel() for p in network.parameters()), multiply_adds(network, inputs.shape[1:]), n_bytes)
