"""OpenVINO's engine: an ONNX file of `cellprune export` on the CPU, in float32, bf16 or int8.

OpenVINO takes bf16 by itself where the processor has it, so the precision is always said. Its memory grows with every
size that a network of dynamic sizes is given (issues 20633 and 23316 of its repository), so each size is compiled by
itself, in a tenth of a second, and the latest few are kept.
"""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import openvino

from cellprune.engines.bare import BareEngine
from cellprune.engines.onnxcard import as_the_card_says, card_of, require_cpu, require_precision, scarce
from cellprune.errors import CellpruneError
from cellprune.lab.engine import Floats, Precision, Running
from cellprune.machine import threads
from cellprune.runs.modelcard import InputSizes, ModelCard
from cellprune.structure.in_turn import Pass
from cellprune.wording import reason

_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # what is not quantized in an int8 file stays in float32
_KEPT = 9  # sizes: an image that goes through in tiles has as many, corners, edges and the middle


def engine(model: str | Path, *, device: str = "auto", precision: Precision = "fp32") -> "OpenvinoEngine":
    """Make an engine of an ONNX file.

    Args:
        model: what `cellprune export` made.
        device: "auto" or "cpu".
        precision: that of the file, or "bf16" of a file in float32.
    Raises:
        CellpruneError: no such file, one that is not ours, or that this OpenVINO cannot run; another device; bf16 on a
            processor that has none.
    """
    require_cpu(device, "OpenVINO")
    card, sizes = card_of(Path(model))
    require_precision(card, precision, model, also=("bf16",))
    if precision == "bf16" and not has_bf16():
        raise CellpruneError(
            f"--precision bf16: this processor ({_core().get_property('CPU', 'FULL_DEVICE_NAME')}) has no bf16: "
            "remove --precision, or take another machine"
        )
    return OpenvinoEngine(Path(model), card, sizes, precision)


def pass_of(file: bytes, images: Floats) -> Pass:
    """Make a pass of a bare network in float32, to time it.

    Args:
        file: the network as ONNX.
        images: what it is run on.
    Raises:
        CellpruneError: OpenVINO cannot run it.
    """
    network = _read(file, "the network")
    network.reshape(list(images.shape))
    compiled = _core().compile_model(network, "CPU", _settings("fp32"))
    return lambda: compiled(images)


def has_bf16() -> bool:
    """Tell whether the processor computes in bf16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def _core() -> openvino.Core:
    """OpenVINO's core: one for the whole process, never given back.

    Each core sets the stack on which the process handles signals, and at its end puts back the one it met, be that
    mapped or not (pull request 11894 of its repository). After two cores that ended in the order of their making, the
    next signal with a handler, such as Ctrl-C, kills the process.
    """
    return openvino.Core()


def _settings(precision: Precision) -> dict[str, str | int]:
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads.count(),
        "NUM_STREAMS": 1,
    }


def _read(file: bytes, name: object) -> openvino.Model:
    """Read a network; `name` is for the message."""
    try:
        return _core().read_model(file)
    except Exception as error:  # its errors have nothing in common
        raise CellpruneError(
            f"OpenVINO {openvino.__version__} cannot run {name} ({reason(error)}): update openvino, or take "
            "--engine onnx"
        ) from error


class OpenvinoEngine(BareEngine):
    """A network in OpenVINO; see `cellprune.lab.engine.Engine`."""

    def __init__(self, path: Path, card: ModelCard, sizes: InputSizes, precision: Precision) -> None:
        """Load a network.

        Args:
            path: the network's file.
            card: what the file says of it.
            sizes: the input sizes that it takes.
            precision: what is computed in.
        Raises:
            CellpruneError: OpenVINO cannot run it, or its maps are not those of the card.
        """
        self._settings = _settings(precision)
        self._network = _read(path.read_bytes(), path)
        channels, maps = (port.partial_shape[1] for port in (self._network.input(0), self._network.output(0)))
        as_the_card_says(path, card, channels.get_length(), maps.get_length())
        self._compiled = lru_cache(_KEPT)(self._compile)
        versions = {"openvino": openvino.__version__.partition("-")[0]}
        super().__init__(card, sizes, Running("openvino", precision, "cpu", threads.count(), versions))

    def _run(self, images: Floats) -> Floats:
        with scarce(images):
            return np.array(self._compiled(images.shape)(images)[0], np.float32)  # a copy: the next call reuses it

    def _compile(self, shape: tuple[int, ...]) -> openvino.CompiledModel:
        self._network.reshape(list(shape))
        return _core().compile_model(self._network, "CPU", self._settings)
