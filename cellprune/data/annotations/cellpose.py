"""Cellpose's NAME_seg.npy: a pickle with the label image in it, of which plain values and arrays alone are built."""

import pickle
from pathlib import Path

import numpy as np

from cellprune.data.annotations.canvas import AnnotationError, Drawn
from cellprune.data.plain_pickle import PlainUnpickler
from cellprune.files import reading
from cellprune.wording import printable, reason

SUFFIX = "_seg.npy"
_MOST_BYTES = 2**31


def read(path: Path, size: tuple[int, int]) -> Drawn:
    """Read the masks.

    Args:
        path: the file.
        size: (height, width) of the image.
    Raises:
        AnnotationError: no such file of Cellpose, or masks of another size.
    """
    masks = _masks(path)
    if masks.shape != size:
        raise AnnotationError(
            f"{printable(str(path))} has masks of shape {masks.shape}, but its image is {size[0]} x {size[1]} pixels"
        )
    if masks.dtype.kind not in "ui" or masks.min(initial=0) < 0:
        raise AnnotationError(f"{printable(str(path))} has masks of {masks.dtype}, which are no numbers of cells")
    if masks.max(initial=0) > np.iinfo(np.int32).max:
        raise AnnotationError(f"{printable(str(path))} has labels outside 0..2^31-1: number the cells from 1")
    return Drawn(masks.astype(np.int32))


def _masks(path: Path) -> np.ndarray:
    try:
        reading.size_of(path, most=_MOST_BYTES)
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
            if shape != () or dtype.kind != "O":
                raise ValueError("it is an array, and no file of Cellpose")
            content = PlainUnpickler(file).load().item()
        return np.asarray(content["masks"])
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        IndexError,
        pickle.PickleError,
    ) as error:
        raise AnnotationError(
            f"{printable(str(path))} is no _seg.npy of Cellpose ({reason(error)}): in Cellpose save the masks as TIFF"
        ) from error
