"""What tests ask of the readers of images: what Pillow shows, and refusals in one short line."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cellprune.images.read import ImageError, read_header, read_image, read_labels


def refused(path: Path, message: str, reads: tuple = (read_header, read_image, read_labels)) -> None:
    """Every reader says so in one short line that names the file, and at once."""
    for read in reads:
        started = time.process_time()
        with pytest.raises(ImageError, match=message) as raised:
            read(path)
        assert time.process_time() - started < 2, "work that a claim asked for"
        assert path.name in str(raised.value)
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < len(str(path)) + 300


def shown(path: Path, mode: str | None = None) -> NDArray:
    """Give what Pillow shows, channels first, in 0..1 as `read_image` gives it."""
    with Image.open(path) as image:
        pixels = np.atleast_3d(np.asarray(image.convert(mode) if mode else image)).astype(np.float64)
    pixels -= pixels.min()
    return np.moveaxis(pixels / pixels.max(), -1, 0).astype(np.float32)
