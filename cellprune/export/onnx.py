"""A trained network to one ONNX file, which carries the model card and gives torch's maps.

The bare network is written: mirroring to a size that fits is done in numpy, by every engine alike. What the exporter
wrote is compared before it is believed.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import onnx
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from cellprune.engines.torch import facts, grid_px
from cellprune.errors import CellpruneError
from cellprune.export.tracing import traced
from cellprune.models.network import Wrapped, is_mirroring, is_wrapped
from cellprune.runs import onnxfile
from cellprune.runs.modelcard import InputSizes, read_card
from cellprune.wording import reason

_FREE = {"image": {0: "n", 2: "height", 3: "width"}, "logits": {0: "n", 2: "h", 3: "w"}}
_UNKNOWN_SIZES = "nobody knows which sizes it takes"
_SIDES_PX = ((64, 64), (100, 36), (36, 132))  # of the maps that are compared: traced for the first, others at the rest
_TOLERANCE = 1e-3  # of a logit, as a share of the largest: float32 in other orders gives 1e-6, a wrong size 1


def to_onnx(network: nn.Module, header: Mapping[str, object], name: object) -> bytes:
    """Write a network as ONNX.

    Args:
        network: in evaluation mode on the CPU, as `models.load` gives it.
        header: of its model file; it goes into the metadata, with what engines without torch need besides.
        name: of the network, for messages.
    Returns:
        The file: opset 17, float32, input `image` (N, C, H, W) and output `logits` (N, classes, h, w), all sizes but
        the channels free.
    Raises:
        CellpruneError: it gives no maps, or the exporter cannot write this network, or writes another one.
    """
    in_channels = read_card(header, name).in_channels
    known = facts(network, in_channels)
    bare: nn.Module = _Levels(network).eval() if is_wrapped(network) else network
    if not is_mirroring(network):  # the engine mirrors for it, as torch's does
        known["input_sizes"] = InputSizes(
            stride_px=grid_px(read_card({**header, **known}, name).receptive_field)
        ).model_dump()
    elif known["input_sizes"] is None or bare is network:
        raise CellpruneError(f"{name} cannot be written as ONNX ({_UNKNOWN_SIZES}): predict with torch")
    sizes = InputSizes.model_validate(known["input_sizes"])
    images = [_image(in_channels, [sizes(side) for side in sides]) for sides in _SIDES_PX]
    try:
        file = traced(bare, images[0], _FREE)
        with torch.no_grad():
            _require_equal(bare, file, images)
    except Exception as error:  # exporter, torch and ONNX Runtime have no error in common
        raise CellpruneError(f"{name} cannot be written as ONNX ({reason(error)}): predict with torch") from error
    return with_header(file, {**header, **known, "precision": "fp32"})


def with_header(file: bytes, header: Mapping[str, object]) -> bytes:
    """Put a header into the metadata of an ONNX file, in the place of one that is there."""
    proto = onnx.load_model_from_string(file)
    proto.producer_name = "cellprune"
    onnx.helper.set_model_props(proto, dict([onnxfile.metadata(header)]))
    return cast(bytes, proto.SerializeToString(deterministic=True))


class _Levels(nn.Module):
    """The bare network as a module of its own, which is what the exporter takes."""

    def __init__(self, network: Wrapped) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Run it."""
        return self.network.levels(image)


def _image(in_channels: int, size: Sequence[int]) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((1, in_channels, *size), np.float32))


def _require_equal(levels: nn.Module, file: bytes, images: list[Tensor]) -> None:
    session = InferenceSession(file, providers=["CPUExecutionProvider"])
    for image in images:
        ours = levels(image).numpy()
        theirs = session.run(None, {"image": image.numpy()})[0]
        if ours.shape != theirs.shape or not np.abs(ours - theirs).max() <= _TOLERANCE * np.abs(ours).max():
            sizes = " x ".join(map(str, image.shape[2:]))
            raise ValueError(f"what was written gives other maps at {sizes} px")
