"""A large image leaves what any other leaves: labels, overlay and rows are those of the whole at once."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from lab_engines import Bright
from lab_jobs import content, predicted
from scipy import ndimage
from zarr_images import write_zarr

from cellprune.errors import WorkError
from cellprune.images import boxes
from cellprune.images.omezarr import image as zarr_image
from cellprune.images.omezarr import labels as image_labels
from cellprune.images.omezarr import storage
from cellprune.lab.axes import Axes
from cellprune.lab.large import labelled, pieces, predict, rows

Write = Callable[..., Path]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes every image large, and every part of one small."""

    def small() -> None:
        monkeypatch.setattr(predict, "LARGE_PX", 0)
        monkeypatch.setattr(predict, "MEMORY_BYTES", 2000)
        monkeypatch.setattr(boxes, "BAND_PX", 2600)
        monkeypatch.setattr(pieces, "_BLOCK_PX", 24)
        monkeypatch.setattr(labelled, "_TILE_PX", 32)
        monkeypatch.setattr(rows, "_ROWS_PX", 16)
        monkeypatch.setattr(rows, "_COLUMNS_PX", 40)
        monkeypatch.setattr(rows, "_LONG_PX", 60)

    return small


@pytest.fixture
def clouds(write: Write) -> Path:
    noise = np.random.default_rng(2).standard_normal((150, 190))
    smooth = ndimage.gaussian_filter(noise, 3)
    image = (1000 + 900 * smooth / np.abs(smooth).max()).astype(np.uint16)
    write("in/b.tif", np.full((20, 30), 7, np.uint16))
    return write(
        "in/a.tif", image, tile=(32, 48), compression="zlib", resolution=(25400, 25400), resolutionunit=2
    ).parent


def test_parts_of_an_ome_zarr_leave_what_the_whole_leaves(
    clouds: Path, tmp_path: Path, small: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = tifffile.imread(clouds / "a.tif").T
    pixels = np.stack([pixels // 2, pixels])
    options = {"version": "0.5", "scale": (1, 1, 1), "chunk": 48, "smaller": [pixels[..., ::2, 1::2]]}
    paths = [write_zarr(tmp_path / name / "a.zarr", pixels, "cxy", **options) for name in ("one", "other")]
    asked = {"axes": Axes(channel=1), "zarr_labels": "cells"}
    whole = predicted(paths[0], tmp_path / "whole", Bright(zoom=(0.5, 0.7)), **asked)
    assert len(whole.rows) > 15
    small()
    monkeypatch.setattr(zarr_image, "LARGE_PX", 0)
    monkeypatch.setattr(storage, "_BLOCK_PX", 30)
    monkeypatch.setattr(image_labels, "BAND_PX", 2600)
    monkeypatch.setattr(zarr_image._Pixels, "whole", None)
    done = predicted(paths[1], tmp_path / "parts", Bright(zoom=(0.5, 0.7)), **asked)
    assert (done.failures, done.tiled) == ([], ["a"])
    assert (tmp_path / "parts/cells.csv").read_text() == (tmp_path / "whole/cells.csv").read_text()
    assert np.array_equal(*(tifffile.imread(tmp_path / name / "labels/a.tif") for name in ("parts", "whole")))
    assert content(paths[1]) == content(paths[0])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_parts_leave_what_the_whole_leaves(
    n_classes: int, clouds: Path, tmp_path: Path, small: Callable[[], None]
) -> None:
    whole = predicted(clouds, tmp_path / "whole", Bright(zoom=(0.5, 0.7), classes=n_classes))
    assert len(whole.rows) > 15
    small()
    engine = Bright(zoom=(0.5, 0.7), classes=n_classes)
    done = predicted(clouds, tmp_path / "parts", engine)
    assert done.tiled == ["a"]
    assert len(engine.seen) > 2
    ours, theirs = content(tmp_path / "parts"), content(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    # the one is a TIFF in tiles, the other tells of what went through in tiles
    assert {name for name in ours if ours[name] != theirs[name]} == {"labels/a.tif", "labels/b.tif", "prediction.json"}
    for name in "ab":
        labels = [tifffile.imread(tmp_path / folder / "labels" / f"{name}.tif") for folder in ("parts", "whole")]
        assert labels[0].dtype == labels[1].dtype
        assert np.array_equal(*labels)
    assert done.blank == whole.blank == ["b"]
    assert (done.failures, labels[0].any()) == ([], False)
    again = Bright(zoom=(0.5, 0.7), classes=n_classes)
    assert predicted(clouds, tmp_path / "parts", again).kept == 2
    assert again.seen == []
    assert content(tmp_path / "parts") == ours


def test_damaged_labels_are_made_again(clouds: Path, tmp_path: Path, small: Callable[[], None]) -> None:
    small()
    predicted(clouds, tmp_path / "out")
    before = content(tmp_path / "out")
    with tifffile.TiffFile(tmp_path / "out/labels/a.tif") as tif:
        at = tif.pages.first.dataoffsets[3]
    damaged = bytearray(before["labels/a.tif"])
    damaged[at : at + 30] = bytes(30)
    (tmp_path / "out/labels/a.tif").write_bytes(damaged)
    assert predicted(clouds, tmp_path / "out").kept == 1, "the blank one"
    assert content(tmp_path / "out") == before


def test_a_full_disk_leaves_no_half_file_and_the_same_again_ends_alike(
    clouds: Path, tmp_path: Path, small: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    small()
    predicted(clouds, tmp_path / "whole")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("cellprune.lab.large.scratch.Scratch.write", full)
        with pytest.raises(WorkError, match=r"labels/a.tif \(No space left on device\): 0 of 2 images are done"):
            predicted(clouds, tmp_path / "out")
    assert not list((tmp_path / "out/labels").iterdir())
    assert json.loads((tmp_path / "out/prediction.json").read_text())["finished"] is False
    predicted(clouds, tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_piece_that_takes_much_memory_is_told_of(
    clouds: Path, tmp_path: Path, small: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    small()
    monkeypatch.setattr("cellprune.lab.large.decode.WIDE_PX", 1000)
    from cellprune.targets.decoders import Watershed

    engine = Bright()
    engine.card = engine.card.model_copy(update={"decoder": Watershed(radius_px=5.0)})
    done = predicted(clouds, tmp_path / "out", engine)
    assert done.wide
    assert done.wide[0].startswith("a.tif has a connected piece of ")
