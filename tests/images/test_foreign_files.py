"""Files that others test themselves with: the pixels that another reader gives, or one clear line that is expected."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from command_line import typed
from foreign_files import Suite
from foreign_refusals import REFUSED
from numpy.typing import NDArray
from onnx_files import onnx_file
from PIL import Image

from cellprune.errors import CellpruneError
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/how-to/predict.md"
# tags of TIFF: NewSubfileType, BitsPerSample, SamplesPerPixel, ImageDepth
_KIND, _BITS, _SAMPLES, _DEPTH = 254, 258, 277, 32997

SUITES = (
    Suite("imagecodecs", "2026.10.10", "cde6914505668196b15e0f99dbc236b779e3b61217f04d2e498cbae790965f9f",
          "tests/data/", (".tif", ".jpg", ".jls", ".ljp", ".png", ".jp2", ".j2k", ".npy", ".webp", ".avif")),
    Suite("pillow", "13.0.0", "cdcd1ba258178f7356d74170c9a81ba4eab6a5d55748bc402a5a2a6fe6be3510",
          "Tests/images/", (".tif", ".tiff", ".jpg", ".mpo")),
    Suite("tifftools", "1.7.0", "164226faf0c1264c390ccf93c38dbb50f6f5891c428479baf3291b39213563cc", "tests/data/"),
    Suite("imread", "0.7.6", "50b3d7089c862504c22b256ef51fe45851b34616db14c0ebfc5536001c996015", "imread/tests/data/"),
    Suite("oiffile", "2026.2.8", "89c008104fd41a83513e3f8971783b04cc1d6b22290740650b6e1eef51b1c8e2",
          "", (".oib",)),
    Suite("yaozarrs", "0.3.4", "7d38998c01d7e562557bf8e74fb3fa35f894e2e98c38521f3bc9e01a109a15d5", "tests/data/",
          ("zarr.json", ".zattrs")),
    Suite("stardist", "0.9.2", "65120fe0a092608f3d76fc664c67cdf147d02ac4a101937fb806a60a7bcb055a",
          "stardist/data/images/"),
    Suite("ome_zarr", "0.21.0", "16ab76fd3f184752ee6a21548b21db3d1fb4a64bfab9fc48c8332f6bab0a0e2c", "tests/data/"),
)  # fmt: skip


@pytest.fixture(scope="module")
def homes(pytestconfig: pytest.Config) -> dict[str, Path]:
    """The folder of each suite; all tests are skipped at once where there is no registry."""
    cache = pytestconfig.cache.mkdir("foreign")
    with warnings.catch_warnings(action="ignore"):  # of pip
        return {suite.name: suite.fetched(cache) for suite in SUITES}


def files_of(home: Path) -> dict[str, Path]:
    """Give the files of a suite, and its OME-Zarrs, by their name within it."""
    zarrs = [
        path for path in home.rglob("*") if path.is_dir() and (path.suffix == ".zarr" or (path / ".zattrs").is_file())
    ]
    zarrs = [path for path in zarrs if not any(parent in zarrs for parent in path.parents)]
    files = [path for path in home.rglob("*") if path.is_file() and not any(one in path.parents for one in zarrs)]
    return {path.relative_to(home).as_posix(): path for path in sorted([*zarrs, *files])}


def read(path: Path, axes: Axes | None = None) -> tuple[list[NDArray], list[str]]:
    """Give the planes, (C, H, W), that can be read, and the lines that say why others cannot be."""
    try:
        images, failures, _ = find([str(path)], axes)
    except CellpruneError as error:
        if axes is None and "give --z max, each or" in str(error):
            return read(path, Axes("each"))
        return [], [str(error)]
    planes, lines = [], [failure.why for failure in failures]
    for image in images:
        try:
            planes.append(image.levels(channels=image.header.channels))
        except CellpruneError as error:
            lines.append(str(error))
    return planes, lines


def expected(path: Path) -> Iterator[NDArray]:
    """Give the planes of a file as another library reads them than ours does, where there is one that can."""
    try:
        with Image.open(path) as image:
            if image.format in ("JPEG", "MPO"):
                pixels = imagecodecs.jpeg8_decode(path.read_bytes())
                yield pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
                return
            for at in range(image.n_frames if image.format == "TIFF" else 1):
                image.seek(at)
                if image.format != "TIFF" or not image.tag_v2.get(_KIND, 0) & 1:  # a smaller copy
                    yield shown(image)
    except (OSError, NotImplementedError):
        with tifffile.TiffFile(path) as tif:
            yield from of_series(tif.series[0])


def shown(image: Image.Image) -> NDArray:
    """Give the pixels of an image that Pillow holds at its full depth; of small numbers those that are saved."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    bits = tags.get(_BITS, (8,))[0]
    if _DEPTH in tags or tags.get(_SAMPLES, 1) > len(image.getbands()) or (image.mode in ("RGB", "RGBA") and bits > 8):
        raise NotImplementedError("Pillow gives the first slice, the first channel, or the upper 8 bits")
    if image.mode in ("P", "PA"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    pixels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    if image.mode == "1":
        return pixels.astype(np.uint8) * 255
    return pixels // (255 // (2**bits - 1)) if image.mode == "L" and bits < 8 else pixels


def of_series(series: tifffile.TiffPageSeries) -> Iterator[NDArray]:
    """Give the planes of a TIFF, whatever the order of its axes."""
    axes = series.axes
    pixels = np.moveaxis(series.asarray(), [axes.index(one) for one in "YX"], [-2, -1])
    axes = "".join(one for one in axes if one not in "YX")
    for letter in "CS":
        if letter in axes:
            pixels = np.moveaxis(pixels, axes.index(letter), -3)
            yield from pixels.reshape(-1, *pixels.shape[-3:])
            return
    yield from pixels.reshape(-1, 1, *pixels.shape[-2:])


def equal(ours: NDArray, theirs: NDArray) -> bool:
    """Tell whether pixels are the same; alpha of theirs hides nothing, and signed bytes are bytes to Pillow."""
    theirs = theirs[: len(ours)]
    if ours.dtype == np.int8 and theirs.dtype == np.uint8:
        theirs = theirs.view(np.int8)
    return ours.shape == theirs.shape and np.array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore")  # of the readers that are compared with
@pytest.mark.parametrize("suite", [suite.name for suite in SUITES])
def test_pixels_are_those_of_another_reader_or_the_line_is_the_expected_one(suite: str, homes: dict[str, Path]) -> None:
    files = files_of(homes[suite])
    with warnings.catch_warnings(action="error"):
        outcomes = {name: (path, *read(path)) for name, path in files.items()}
    unmet = {(name, reason) for reason, names in REFUSED[suite].items() for name in names.split()}
    refused = {name for name, _ in unmet}
    for name, (path, planes, lines) in outcomes.items():
        assert bool(lines) == (name in refused), (name, lines)
        for line in lines:
            assert line.startswith(str(path))
            assert "\n" not in line
            said = line.removeprefix(str(path)).split(" ", 1)[1]
            reasons = [
                reason for reason, names in REFUSED[suite].items() if name in names.split() and said.startswith(reason)
            ]
            assert reasons, line
            unmet -= {(name, reason) for reason in reasons}
        if not lines:
            theirs = list(expected(path))
            assert len(planes) == len(theirs), name
            assert all(map(equal, planes, theirs)), name
    assert not unmet, "these are no longer refused"


def test_they_are_as_many_as_the_page_says(homes: dict[str, Path]) -> None:
    n_files = sum(len(files_of(home)) for home in homes.values())
    n_refused = sum(len({name for names in reasons.values() for name in names.split()}) for reasons in REFUSED.values())
    said = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"Tests read {n_files} files of other projects' test suites" in said
    assert f"{n_files - n_refused} of them are images that can be predicted" in said
    assert f"The other {n_refused} are damaged" in said


def test_predict_goes_through_them_and_all_that_it_says_is_its_own(
    homes: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    onnx_file(tmp_path / "a.onnx")
    tiffs, damaged, zarrs = (homes[name] for name in ("imagecodecs", "tifftools", "yaozarrs"))
    inputs = [*tiffs.glob("tiff/gray.[tu]*.tif"), *damaged.glob("*.tif"), *zarrs.glob("broken/*.zarr")]
    assert typed("predict", tmp_path / "a.onnx", *inputs, "-o", tmp_path / "out", "--no-overlays") == 1
    said = capfd.readouterr().err
    starts = r"warning: |not done: |\d+ images of up to|loading |.*, \d+ of \d+ done"
    assert not [line for line in said.splitlines() if not re.match(starts, line)]
    assert len(list((tmp_path / "out/labels").iterdir())) >= 10
