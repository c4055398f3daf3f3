"""ONNX Runtime's engine: an ONNX file of `cellprune export` on the CPU, without torch."""

from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime import InferenceSession, SessionOptions

from cellprune.engines.bare import BareEngine
from cellprune.engines.onnxcard import as_the_card_says, card_of, require_cpu, require_precision, scarce
from cellprune.errors import CellpruneError
from cellprune.lab.engine import Floats, Precision, Running
from cellprune.machine import threads
from cellprune.runs.modelcard import InputSizes, ModelCard
from cellprune.structure.in_turn import Pass
from cellprune.wording import reason

_SILENT = 4  # its own lines on standard error; what goes wrong is raised, too


def engine(model: str | Path, *, device: str = "auto", precision: Precision = "fp32") -> "OnnxEngine":
    """Make an engine of an ONNX file.

    Args:
        model: what `cellprune export` made.
        device: "auto" or "cpu".
        precision: that of the file; it is asked for by name, so that nothing below float32 is taken unseen.
    Raises:
        CellpruneError: no such file, one that is not ours, or that this ONNX Runtime cannot run; another device or
            precision.
    """
    require_cpu(device, "ONNX Runtime")
    card, sizes = card_of(Path(model))
    require_precision(card, precision, model)
    return OnnxEngine(Path(model), card, sizes)


def pass_of(file: bytes, images: Floats) -> Pass:
    """Make a pass of a bare network, to time it.

    Args:
        file: the network as ONNX, with an input `image`.
        images: what it is run on.
    Raises:
        CellpruneError: ONNX Runtime cannot run it.
    """
    session = _session(file, "the network")
    return lambda: session.run(None, {"image": images})


def _session(file: bytes, name: object) -> InferenceSession:
    """Load a network; its threads sleep between two passes: awake they work for nobody, and delay others.

    Args:
        file: the network.
        name: of it, for the message.
    """
    options = SessionOptions()
    options.intra_op_num_threads = threads.count()  # its own choice would bind threads to cores that may not be ours
    options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        # bytes, not a path: so that a file from anywhere cannot name others to be read
        return InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have nothing in common
        raise CellpruneError(
            f"ONNX Runtime {onnxruntime.__version__} cannot run {name} ({reason(error)}): "
            "update onnxruntime, or export the network again"
        ) from error


class OnnxEngine(BareEngine):
    """A network in ONNX Runtime; see `cellprune.lab.engine.Engine`."""

    def __init__(self, path: Path, card: ModelCard, sizes: InputSizes) -> None:
        """Load a network.

        Args:
            path: its file.
            card: what the file says of it.
            sizes: the input sizes that it takes.
        Raises:
            CellpruneError: ONNX Runtime cannot run it, or its maps are not those of the card.
        """
        self._session = _session(path.read_bytes(), path)
        (image,), (maps,) = self._session.get_inputs(), self._session.get_outputs()
        as_the_card_says(path, card, image.shape[1], maps.shape[1])
        self._names = image.name, maps.name
        versions = {"onnxruntime": onnxruntime.__version__}
        super().__init__(card, sizes, Running("onnx", card.precision, "cpu", threads.count(), versions))

    def _run(self, images: Floats) -> Floats:
        image, maps = self._names
        with scarce(images):
            return np.asarray(self._session.run([maps], {image: images})[0], np.float32)
