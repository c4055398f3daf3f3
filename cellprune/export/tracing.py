"""A network as ONNX, as torch's exporter by tracing writes it: the one that keeps all sizes free for networks here."""

import io
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

OPSET = 17


def traced(module: nn.Module, image: Tensor, free: Mapping[str, Mapping[int, str]] | None = None) -> bytes:
    """Write a module as ONNX, opset 17, float32, input `image` and output `logits`; nothing is compared.

    Args:
        module: in evaluation mode on the CPU.
        image: (N, C, H, W), what it is traced with.
        free: "image" and "logits" -> axis -> name, those whose size may be another; none for that of the image alone.
    Raises:
        Exception: of any kind, where the exporter cannot write it.
    """
    made: Any = io.BytesIO()  # torch takes it, and its types do not say so
    # what tracing warns of is for who compares; where it fails, it prints the whole graph
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (image,),
            made,
            opset_version=OPSET,
            dynamo=False,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={name: dict(axes) for name, axes in (free or {}).items()},
        )
    return bytes(made.getvalue())
