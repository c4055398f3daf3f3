"""Layers as napari takes them from a reader: data, keywords, kind. Images of one size become one stack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.images.read import Header, read_header, read_labels, read_pixels
from cellprune.lab.linking import Frame, measured
from cellprune.lab.scale import Scale

AT_ONCE_BYTES = 2**29  # of a stack: a larger one is read image by image as it is shown, and cannot be painted on

Kind = Literal["image", "labels", "tracks"]
LayerData = tuple[object, dict[str, object], Kind]


@dataclass(frozen=True)
class Plane:
    """An image in a file; `plane` tells which of a stack."""

    path: Path
    plane: int | None = None

    def pixels(self) -> NDArray:
        """Read what it shows: (H, W), (H, W, 3) of a colour image, or (C, H, W)."""
        pixels = read_pixels(self.path, self.plane)
        match len(pixels):
            case 1:
                return pixels[0]
            case 3:
                return np.moveaxis(pixels, 0, 2)
            case _:
                return pixels

    def labels(self) -> NDArray[np.int32]:
        """Read its labels, (H, W)."""
        return read_labels(self.path, self.plane)


def image_layer(name: str, planes: Sequence[Plane], pixel_size_um: Scale | None, **keywords: object) -> LayerData:
    """Give images as one layer, a stack where they are several.

    Args:
        pixel_size_um: (y, x); None when unknown.
        keywords: more of napari's.
    Raises:
        CellpruneError: an image that cannot be read, or of another size, type or number of channels than the first.
    """
    headers = [read_header(plane.path) for plane in planes]
    for plane, header in zip(planes, headers, strict=True):
        if kind_of(header) != kind_of(headers[0]):
            raise CellpruneError(
                f"{planes[0].path} is {_said(headers[0])}, but {plane.path} is {_said(header)}: "
                "images of one layer are alike; open the files one by one"
            )
    first, n_outer = headers[0], int(len(planes) > 1)
    shape: tuple[int, ...]
    channels: dict[str, object]
    match first.channels:
        case 1:
            shape, channels = first.size, {}
        case 3:
            shape, channels = (*first.size, 3), {"rgb": True}
        case several:
            shape, channels = (several, *first.size), {"channel_axis": n_outer}
    data = _stacked([plane.pixels for plane in planes], shape, first.dtype)
    return data, {"name": name, **scaled(n_outer, pixel_size_um), **channels, **keywords}, "image"


def labels_layer(
    name: str, planes: Sequence[Plane | None], size: tuple[int, int], pixel_size_um: Scale | None, **keywords: object
) -> LayerData:
    """Give label images as one layer; see `image_layer`.

    Args:
        planes: None where there is no label image: nothing is drawn.
        size: (height, width) that all have.
    Raises:
        CellpruneError: a label image that cannot be read, or is of another size.
    """
    for plane in planes:
        if plane is not None and (header := read_header(plane.path)).size != size:
            raise CellpruneError(
                f"{plane.path} is {header.size[0]} x {header.size[1]} pixels, but its image {size[0]} x {size[1]}: "
                "labels are as large as their image"
            )
    data = _stacked([None if plane is None else plane.labels for plane in planes], size, np.dtype(np.int32))
    return data, {"name": name, **scaled(data.ndim - 2, pixel_size_um), **keywords}, "labels"


def tracks_layer(
    name: str, frames: Mapping[int, Callable[[], NDArray]], parent_of: Mapping[int, int], pixel_size_um: Scale | None
) -> list[LayerData]:
    """Give the tracks of label images in which a cell has one number in every frame; none where there is no cell.

    Args:
        frames: place in the stack of images -> what reads the (H, W) labels there.
        parent_of: track -> the track that divided into it and another.
    Returns:
        A layer of (track, t, y, x), by track and time; a division joins a track with each of its daughters.
    """
    rows = [np.zeros((0, 4))]
    for at, read in frames.items():
        cells = measured(Frame(at, read))
        rows.append(np.column_stack([cells.labels, np.full(len(cells.labels), at), cells.position_px]))
    points = np.concatenate(rows)
    if not len(points):
        return []
    points = points[np.lexsort((points[:, 1], points[:, 0]))]
    shown = set(points[:, 0].astype(int).tolist())
    # napari takes no graph of tracks that are not there
    graph = {track: [parent] for track, parent in parent_of.items() if {track, parent} <= shown}
    return [(points, {"name": name, "graph": graph, **scaled(1, pixel_size_um)}, "tracks")]


def kind_of(header: Header) -> tuple[tuple[int, int], int, np.dtype]:
    """Give what images of one layer have in common: size, channels and type."""
    return header.size, header.channels, header.dtype


def scaled(n_outer: int, pixel_size_um: Scale | None) -> dict[str, object]:
    """Give the keywords that name the axes and carry a pixel size (y, x); `n_outer` axes before these count images."""
    named: dict[str, object] = {"axis_labels": (*(["frame"] * n_outer), "y", "x")}
    if pixel_size_um is None:
        return named
    return named | {"scale": (*([1.0] * n_outer), *pixel_size_um), "units": (*(["pixel"] * n_outer), "um", "um")}


def _stacked(reads: Sequence[Callable[[], NDArray] | None], shape: tuple[int, ...], dtype: np.dtype) -> NDArray:
    """Give what each reads, nothing for None, as one array: in memory where it is small, else of dask."""
    if len(reads) * prod(shape) * dtype.itemsize <= AT_ONCE_BYTES:
        whole = np.zeros((len(reads), *shape), dtype.newbyteorder("="))
        for at, read in enumerate(reads):
            if read is not None:
                whole[at] = read()
        return whole if len(reads) > 1 else whole[0]
    from dask import array, delayed

    nothing = array.zeros(shape, dtype)
    lazy: NDArray = array.stack(
        [nothing if read is None else array.from_delayed(delayed(read)(), shape, dtype) for read in reads]
    )
    return lazy if len(reads) > 1 else lazy[0]


def _said(header: Header) -> str:
    channels = "grey" if header.channels == 1 else f"of {header.channels} channels"
    return f"{header.size[0]} x {header.size[1]} pixels, {channels}, {header.dtype}"
