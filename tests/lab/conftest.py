"""What the lab's tests share."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
from lab_engines import Bright, spots
from numpy.typing import NDArray


@pytest.fixture
def bright() -> Bright:
    return Bright()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write an image under a name in the test's folder."""

    def write(name: str, image: NDArray | None = None, **tags) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, spots() if image is None else image, metadata=None, **tags)
        return path

    return write


@pytest.fixture
def three(write: Callable[..., Path], tmp_path: Path) -> Path:
    for name in "abc":
        write(f"in/{name}.tif")
    return tmp_path / "in"
