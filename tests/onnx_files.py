"""ONNX files of small networks, made in code as `cellprune export` makes them."""

from functools import cache
from pathlib import Path
from typing import Any

import torch

from cellprune import models
from cellprune.export.onnx import to_onnx
from cellprune.runs import modelfile


@cache
def network_of(*, channels: int = 1, classes: int = 2, **architecture: Any) -> torch.nn.Module:
    """An untrained network whose batch norms have seen images. It is shared, so leave it as it is."""
    torch.manual_seed(1)
    settings = {"name": "unet", "width": 4, "depth": 2, "in_channels": channels, "classes": classes, **architecture}
    network = models.build(settings)
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, channels, 64, 64))
    network.__dict__["header"] = header_of(settings)
    return network.eval()


def header_of(architecture: dict[str, Any]) -> dict[str, Any]:
    names = ["background", "cell", "debris"][: architecture["classes"]]
    return {"architecture": architecture, "classes": names, "zoom": [0.8, 0.7], "network_size_px": [64, 64]}


def model_file(path: Path, network: torch.nn.Module) -> Path:
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    modelfile.write(path, network.header, weights, {})
    return path


def onnx_file(path: Path, network: torch.nn.Module | None = None) -> Path:
    path.write_bytes(_as_onnx(network or network_of()))
    return path


@cache
def _as_onnx(network: torch.nn.Module) -> bytes:
    return to_onnx(network, network.header, "the network")
