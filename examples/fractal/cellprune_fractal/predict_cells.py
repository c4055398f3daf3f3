"""The task: find the cells of an OME-Zarr image, and write them as a label of it."""

import logging
from pathlib import Path

import numpy as np
import zarr
from ngio import open_ome_zarr_container
from ngio.iterators import SegmentationIterator
from numpy.typing import NDArray
from pydantic import validate_call

from cellprune.lab.engine import Engine, engine_of
from cellprune.lab.segment import predict

_log = logging.getLogger(__name__)


@validate_call
def predict_cells(
    *,
    zarr_url: str,
    model: str,
    channel: str | None = None,
    label_name: str = "cells",
    overwrite: bool = False,
) -> None:
    """Find the cells of a 2-D image, or of each moment of a time-lapse, with a small trained network.

    Args:
        zarr_url: Path of the OME-Zarr image (standard argument of Fractal tasks, managed by Fractal server).
        model: Path of a network that `cellprune export` wrote, such as `/data/cells.onnx`.
        channel: Label of the channel to look at, such as `DAPI`. Without it, all channels.
        label_name: Name of the label that is written: 0 is background, every cell has its own number.
        overwrite: Replace a label of this name, once the new one is whole.
    """
    images = open_ome_zarr_container(zarr_url)
    if images.is_3d:
        raise ValueError(f"{zarr_url} has slices in Z, and the network is for 2-D images: project it first")
    picked = None if channel is None else images.get_channel_idx(channel_label=channel)
    network = engine_of(Path(model))
    replaces = overwrite and label_name in images.list_labels()
    written = f"{label_name}_unfinished" if replaces else label_name
    label = images.derive_label(written, overwrite=replaces)
    planes = SegmentationIterator(
        images.get_image(), label, channel_selection=picked, axes_order="cyx", consolidation_mode="auto"
    ).by_yx()
    try:
        planes.map(lambda plane: _labels(network, plane, zarr_url)[None])
    except BaseException:  # a label in which cells are missing would look like a whole one
        images.delete_label(written)
        raise
    if replaces:
        _swap(Path(zarr_url) / "labels", written, label_name)
        images.delete_label(written)


def _labels(network: Engine, plane: NDArray, zarr_url: str) -> NDArray[np.int32]:
    """Give the labels of a frame; a blank one, such as of an empty well, has none."""
    if plane.min() == plane.max():
        _log.warning(f"{zarr_url}: a frame is blank, every pixel is {plane.min()}: it gets no cells")
        return np.zeros(plane.shape[-2:], np.int32)
    return predict(network, plane)


def _swap(labels: Path, new: str, old: str) -> None:
    """Give a label the name of another, and that one its name: neither is lost, wherever this stops."""
    said = zarr.open_group(str(labels / new), mode="r+").attrs
    words = said.asdict()
    words.get("ome", words)["multiscales"][0]["name"] = old
    said.put(words)
    beside = labels / f"{old}_replaced"
    (labels / old).rename(beside)
    (labels / new).rename(labels / old)
    beside.rename(labels / new)


if __name__ == "__main__":
    from fractal_task_tools.task_wrapper import run_fractal_task

    run_fractal_task(task_function=predict_cells)
