"""Labels of a stack as one file: what is written comes back, a plane at a time."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.images.read import read_header, read_labels
from cellprune.lab import stacks


@pytest.mark.parametrize("n_planes", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_planes_axes_and_pixel_size_come_back(tmp_path: Path, n_planes: int, dtype: type) -> None:
    planes = np.random.default_rng(0).integers(0, np.iinfo(dtype).max // 2, (n_planes, 20, 30))
    path = tmp_path / "a.tif"
    stacks.write(path, iter(planes), shape=planes.shape, dtype=dtype, description="{\"<&\u00fc\": 1}",
                 pixel_size_um=(0.5, 0.65))  # fmt: skip
    header = read_header(path)
    assert (header.planes, header.channels, header.size, header.dtype) == (n_planes, 1, (20, 30), dtype)
    assert header.pixel_size_um == pytest.approx((0.5, 0.65))
    assert all(np.array_equal(read_labels(path, at), plane) for at, plane in enumerate(planes))
    assert stacks.description_of(path) == '{"<&\u00fc": 1}'
    with tifffile.TiffFile(path) as tif:
        assert tif.series[0].axes == "TYX"


def test_planes_are_not_held(tmp_path: Path) -> None:
    alive: list[weakref.ref] = []

    def planes() -> Iterator[np.ndarray]:
        for _ in range(12):
            assert sum(ref() is not None for ref in alive) <= 2
            plane = np.zeros((64, 64), np.int32)
            alive.append(weakref.ref(plane))
            yield plane

    stacks.write(tmp_path / "a.tif", planes(), shape=(12, 64, 64), dtype=np.uint16, description="x", pixel_size_um=None)
    assert len(alive) == 12


def test_a_file_without_a_description_is_told(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 8, 8), np.uint16), photometric="minisblack")
    with pytest.raises(ValueError, match="has no description"):
        stacks.description_of(tmp_path / "a.tif")
