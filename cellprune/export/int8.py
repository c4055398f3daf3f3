"""Post-training quantization: the ranges of a network's numbers on some images, and eight bits for each.

Activations are unsigned: with signed ones OpenVINO moves six times as many pixels of HeLa (28,384 ppm for 4,798).

Source: Jacob et al., CVPR 2018 (arXiv:1712.05877), for the scheme; ONNX Runtime's static quantization makes it, as
pairs of QuantizeLinear and DequantizeLinear, which OpenVINO reads, too.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from cellprune.images.network_input import seen
from cellprune.lab.engine import Floats
from cellprune.runs.modelcard import InputSizes, ModelCard

_QUANTIZED = ["Conv", "ConvTranspose"]


def quantized(file: bytes, card: ModelCard, sizes: InputSizes, images: Sequence[Floats]) -> bytes:
    """Give an ONNX file in int8.

    Args:
        file: in float32.
        card: how images are made ready.
        sizes: that the network takes.
        images: (C, H, W) float32, native; like those to be predicted, since their ranges become the network's.
    """
    with tempfile.TemporaryDirectory() as folder, _silent():
        before, after = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(file)
        quantize_static(
            before,
            after,
            _Ranges(_inputs(images, card, sizes)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTIZED,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return after.read_bytes()


def _inputs(images: Sequence[Floats], card: ModelCard, sizes: InputSizes) -> Iterator[dict[str, Floats]]:
    for image in images:
        ready = seen(image, card)
        paddings = [(0, 0), *((0, sizes(side) - side) for side in ready.shape[1:])]
        yield {"image": np.pad(ready, paddings, mode="reflect")[None]}


@contextmanager
def _silent() -> Iterator[None]:
    """Keep back the library's advice, which it gives on the root logger: parity says what came of it."""
    root = logging.getLogger()
    root.addFilter(_nothing)
    try:
        yield
    finally:
        root.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


class _Ranges(CalibrationDataReader):
    """Hands one image after the other to ONNX Runtime."""

    def __init__(self, inputs: Iterator[dict[str, Floats]]) -> None:
        self._inputs = inputs

    def get_next(self) -> dict[str, Floats] | None:
        return next(self._inputs, None)
