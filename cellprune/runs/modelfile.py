"""The model file: the contract between training and the lab. Packed weights and all that is needed to use them.

One safetensors file. Its header says, in JSON: format version, architecture and settings, input axes, classes,
decision rule, normalization, native pixel size (y, x) in um, zoom factors (y, x) to the network's input, and the
provenance hash. An older format is read, a newer one refused, a pickle never opened. numpy only.

Format 2 is that of a network that has lost channels: its architecture says which are "kept", and its tensors, packed
under masks where it has some, lie in one piece. Any other network is written in format 1, which older versions read,
too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cellprune.runs import container, packing

FORMAT_VERSION = 2
SUFFIX = ".safetensors"
_KIND = "model"


class Model(NamedTuple):
    """The content of a model file: dense weights, bit for bit and +0.0 where pruned, and masks of those of them."""

    header: dict[str, Any]
    weights: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]


def write(
    path: Path, header: Mapping[str, object], weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]
) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: the file to make or replace.
        header: JSON values; what the network is and how its input is made.
        weights: name -> array, parameters and buffers; what a mask removes is not stored, whatever its value.
        masks: name of a weight -> bool array of its shape, True = kept; empty for a dense network.
    Raises:
        ValueError: a mask fits no weight, or the header holds more than JSON can say.
        WorkError: the disk is full or the folder cannot be written.
    """
    note: dict[str, Any] = {"header": dict(header)}
    architecture = header.get("architecture")
    if isinstance(architecture, Mapping) and "kept" in architecture:
        if masks:
            weights, note["masks"] = packing.pack(weights, masks)
        tensors, note["tensors"] = packing.pack_together(weights)
        container.write(path, tensors, kind=_KIND, version=2, note=note)
    else:
        tensors, note["masks"] = packing.pack(weights, masks)
        container.write(path, tensors, kind=_KIND, version=1, note=note)


def read(path: Path) -> Model:
    """Read a model file.

    Args:
        path: a file from anywhere.
    Returns:
        Its content; the header with "format_version".
    Raises:
        UnreadableFileError: no such file, damaged, cut off, of a newer format, or a pickle; the message names the file.
    """
    tensors, note = container.read(path, kind=_KIND, version=FORMAT_VERSION)
    with container.read_whole(path, _KIND):
        if not isinstance(note.get("header"), dict):
            raise ValueError("it has no header")
        is_together = note["version"] >= 2
        masks: dict[str, np.ndarray] = {}
        weights = packing.unpack_together(tensors, note.get("tensors")) if is_together else tensors
        if "masks" in note or not is_together:
            weights, masks = packing.unpack(weights, note.get("masks"))
    return Model({**note["header"], "format_version": note["version"]}, weights, masks)
