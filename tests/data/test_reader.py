"""The MONAI reader, alone and inside MONAI's own loader."""

from pathlib import Path

import numpy as np
import pytest
from monai.transforms import LoadImage

from cellprune.data.ctc import frames
from cellprune.data.images import ImageError, read_image
from cellprune.data.reader import TiffReader, item, prepare

from .conftest import write


@pytest.fixture
def path(cells: Path) -> Path:
    return cells / "01" / "t000.tif"


def test_it_knows_tiffs_by_their_name(path: Path) -> None:
    reader = TiffReader()
    assert reader.verify_suffix(path)
    assert reader.verify_suffix([path, "b.TIFF"])
    assert not reader.verify_suffix("a.png")


def test_monai_loads_what_we_read(path: Path) -> None:
    image = LoadImage(reader=TiffReader, image_only=True)(path)
    np.testing.assert_array_equal(image.numpy(), read_image(path))
    assert image.meta["spatial_shape"].tolist() == [64, 72]


def test_no_other_reader_steps_in_for_a_file_that_ours_refuses(own_cells: Path) -> None:
    frame = frames(own_cells, "cells")[0]
    write(frame.image, np.full((64, 72), 3, np.uint8))
    with pytest.raises(RuntimeError) as raised:
        prepare((32, 32), "ignore", ignore_border_px=0, keep_native=False)(item(frame))
    assert isinstance(raised.value.__cause__, ImageError)


def test_nothing_is_left_but_plain_arrays(cells: Path) -> None:
    frame = frames(cells, "cells")[0]
    small = prepare((32, 40), "ignore", ignore_border_px=0, keep_native=False)(item(frame))
    assert {key: (type(v), v.dtype.name, v.shape) for key, v in small.items()} == {
        "image": (np.ndarray, "float32", (32, 40)),
        "target": (np.ndarray, "uint8", (32, 40)),
    }
    full = prepare((32, 40), "ignore", ignore_border_px=0, keep_native=True)(item(frame))
    np.testing.assert_array_equal(full["raw"], read_image(frame.image))
    np.testing.assert_array_equal(full["image"], small["image"])
