"""A recording drawn in code, a network of one layer that finds its cells, and the command line."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

SIZE = (40, 50)
N_FRAMES = 3
TRACKS = "1 0 2 0\n2 0 1 0\n3 2 2 2\n4 2 2 2\n"


def cells_at(moment: int) -> NDArray[np.uint16]:
    """Draw one cell that moves down, and one that divides before the last frame."""
    labels = np.zeros(SIZE, np.uint16)
    labels[4 + 3 * moment : 12 + 3 * moment, 5:13] = 1
    if moment < N_FRAMES - 1:
        labels[20:30, 30:42] = 2
    else:
        labels[20:30, 28:34], labels[20:30, 37:43] = 3, 4
    return labels


def bright_model(path: Path, *, above: float = 0.0, in_channels: int = 1) -> Path:
    """Write an ONNX file as `cellprune export` does, of a network for which all that is bright is cell."""
    onnx = pytest.importorskip("onnx")
    from cellprune.runs import onnxfile

    weights = np.zeros((2, in_channels, 1, 1), np.float32)
    weights[:, 0] = np.array([-1, 1]).reshape(2, 1, 1)
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("Conv", ["images", "weights", "bias"], ["maps"], kernel_shape=[1, 1])
    sides = [
        helper.make_tensor_value_info(name, floats, ["n", channels, "h", "w"])
        for name, channels in (("images", in_channels), ("maps", 2))
    ]
    numbers = [
        onnx.numpy_helper.from_array(weights, "weights"),
        onnx.numpy_helper.from_array(np.array([above, -above], np.float32), "bias"),
    ]
    graph = helper.make_graph([node], "bright", sides[:1], sides[1:], numbers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    header = {
        "architecture": {"in_channels": in_channels, "classes": 2}, "classes": ["background", "cell"],
        "zoom": [1.0, 1.0], "input_sizes": {"stride_px": 1}, "bytes_per_pixel": 100.0, "pixel_size_um": [0.5, 0.5],
        "receptive_field": {"radius_px": 0, "stride_px": 1},
    }  # fmt: skip
    helper.set_model_props(proto, dict([onnxfile.metadata(header)]))
    path.write_bytes(proto.SerializeToString())
    return path


def typed(*words: object) -> int:
    """Run `cellprune` with these words in this process, and give its exit code."""
    from cellprune.cli.main import main

    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)
