"""The file of initial weights: what a network learned without truth, from which a training can start. numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellprune.runs import container, documents

SUFFIX = ".safetensors"
_KIND, _VERSION = "initial weights", 1


@dataclass(frozen=True)
class Pretrained:
    """How initial weights were made.

    Attributes:
        settings: what was computed: of the network and the data as config.yaml has them, and of the pretraining.
        images: sha256 of every image that was learned from, without its truth.
        untrained: tensors that are not in the file, as nothing is learned of them without truth: the output layer.
        made: by which process, as provenance.json says it.
        seconds: that the training took.
        loss: of the last epoch, mean.
    """

    settings: Mapping[str, Any]
    images: tuple[str, ...]
    untrained: tuple[str, ...]
    made: Mapping[str, Any]
    seconds: float
    loss: float


def write(path: Path, weights: Mapping[str, np.ndarray], made: Pretrained) -> None:
    """Write weights and how they were made, whole or not at all."""
    container.write(path, weights, kind=_KIND, version=_VERSION, note={"made": documents.plain(made)})


def read(path: Path) -> tuple[dict[str, np.ndarray], Pretrained]:
    """Give the weights, and how they were made.

    Raises:
        CellpruneError: no such file, damaged, or of another kind.
    """
    tensors, note = container.read(path, kind=_KIND, version=_VERSION)
    with container.read_whole(path, _KIND):
        content = note["made"]
    return tensors, documents.checked(path, Pretrained, content)
