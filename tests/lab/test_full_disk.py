"""A disk that is full in mid-run, wherever that is: one line, no half file, and the same bytes in the end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from lab_engines import Bright, spots
from lab_jobs import content, predicted
from scipy import ndimage

from cellprune.errors import WorkError
from cellprune.lab.large import predict

resource = pytest.importorskip("resource")


@contextmanager
def at_most(n_bytes: int) -> Iterator[None]:
    """Let no file become larger, which is told as of a full disk; Python hears no signal of it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0)
    for name, size in (("a", (40, 50)), ("b", (90, 120))):
        image = ndimage.gaussian_filter(noise.random(size), 2) + spots(size) / 2000
        tifffile.imwrite(tmp_path / f"in/{name}.tif", (60_000 * image).astype(np.uint16), metadata=None)
    film = np.stack([spots(), spots(cells=[(2, 3, 9, 9)])])
    tifffile.imwrite(tmp_path / "in/film.tif", film, photometric="minisblack", metadata={"axes": "TYX"})
    return tmp_path / "in"


@pytest.mark.parametrize("is_large", [False, True])
def test_wherever_the_disk_ends_nothing_is_half_and_all_is_mended(
    is_large: bool, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_large:
        monkeypatch.setattr(predict, "LARGE_PX", 100)
    predicted(images, tmp_path / "whole", outlines=("rois",))
    whole = content(tmp_path / "whole")
    out, named = tmp_path / "out", set()
    for n_bytes in (0, 300, 900, 2000, 9000, 20_000):
        with at_most(n_bytes):
            said = "File too large"
            try:
                predicted(images, out, Bright(), outlines=("rois",))
            except WorkError as error:
                said = str(error)
        assert "File too large" in said
        assert "\n" not in said
        named |= {name for name in ("labels", "overlays", "outlines", ".csv", ".json") if name in said}
        there = content(out) if out.exists() else {}
        assert not [name for name in there if name not in whole and not name.startswith("labels/film_t")]
        for name in there.keys() & whole.keys() - {"cells.csv", "prediction.json"}:
            assert there[name] == whole[name], f"{name} is whole, at {n_bytes} bytes"
        if "prediction.json" in there:
            json.loads(there["prediction.json"])
    assert len(named) > 1, "it ended in several places"
    predicted(images, out, outlines=("rois",))
    assert content(out) == whole
