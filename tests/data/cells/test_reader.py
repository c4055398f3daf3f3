"""The MONAI reader, alone and inside MONAI's own loader."""

from pathlib import Path

import numpy as np
import pytest
from monai.transforms import LoadImage

from cellprune.data.cells.ctc import frames
from cellprune.data.cells.reader import FrameReader, item, native, prepare
from cellprune.images.read import ImageError, normalize, read_image, read_labels, resize_image, resize_labels
from cellprune.targets import border, distance

from ..conftest import GREY, write


@pytest.fixture
def path(cells: Path) -> Path:
    return cells / "01" / "t000.tif"


def test_it_knows_images_by_their_name(path: Path) -> None:
    reader = FrameReader(1)
    assert reader.verify_suffix(path)
    assert reader.verify_suffix([path, "b.TIFF"])
    assert reader.verify_suffix("a.png")
    assert not reader.verify_suffix("a.jpg")


def test_monai_loads_what_we_read(path: Path) -> None:
    image = LoadImage(reader=FrameReader, image_only=True, channels=1)(path)
    np.testing.assert_array_equal(image.numpy(), read_image(path))
    assert image.meta["spatial_shape"].tolist() == [64, 72]


def test_no_other_reader_steps_in_for_a_file_that_ours_refuses(own_cells: Path) -> None:
    frame = frames(own_cells, "cells")[0]
    write(frame.image, np.full((64, 72), 3, np.uint8))
    with pytest.raises(RuntimeError) as raised:
        prepare((32, 32), "ignore", GREY, ignore_border_px=0)(item(frame))
    assert isinstance(raised.value.__cause__, ImageError)


def test_an_image_of_other_channels_is_named(own_cells: Path) -> None:
    frame = frames(own_cells, "cells")[0]
    write(frame.image, np.random.default_rng(0).integers(0, 255, (64, 72, 3)).astype(np.uint8), photometric="rgb")
    with pytest.raises(ImageError, match=r"t000\.tif has 3 channels, but its data set 1"):
        FrameReader(1).read(frame.image)
    colour = GREY.model_copy(update={"architecture": GREY.architecture.model_copy(update={"in_channels": 3})})
    assert prepare((32, 40), "ignore", colour, ignore_border_px=0)(item(frame))["image"].shape == (3, 32, 40)


def test_nothing_is_left_but_plain_arrays(cells: Path) -> None:
    frame = frames(cells, "cells")[0]
    small = prepare((32, 40), "ignore", GREY, ignore_border_px=0)(item(frame))
    n_cells = len(np.unique(read_labels(frame.gold))) - 1
    assert {key: (type(v), v.dtype.name, v.shape) for key, v in small.items()} == {
        "image": (np.ndarray, "float32", (1, 32, 40)),
        "target": (np.ndarray, "uint8", (32, 40)),
        "sizes": (np.ndarray, "float32", (n_cells, 2)),
    }
    full = native("ignore", GREY, ignore_border_px=0)(item(frame))
    assert {key: type(value) for key, value in full.items()} == {"raw": np.ndarray, "labels_native": np.ndarray}
    np.testing.assert_array_equal(full["raw"], read_image(frame.image))
    np.testing.assert_array_equal(small["image"], normalize(resize_image(full["raw"], (32, 40))))


@pytest.mark.parametrize("target", ["border", "distance"])
def test_targets_are_made_at_native_size_and_then_resized(cells: Path, target: str) -> None:
    frame, card = frames(cells, "cells")[0], GREY.model_copy(update={"target": target})
    labels = native("ignore", card, ignore_border_px=0)(item(frame))["labels_native"]
    learned = prepare((16, 24), "ignore", card, ignore_border_px=0)(item(frame))["target"]
    expected = {"border": border, "distance": distance}[target].encode(labels, 2, 64 / 16)
    np.testing.assert_array_equal(learned, resize_labels(expected, (16, 24)))
