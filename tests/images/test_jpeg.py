"""JPEG: for predicting alone, with a warning; never truth."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from lab_engines import spots
from PIL import Image

from cellprune.images.header import ImageError
from cellprune.images.read import read_labels
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find, notes


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **words: object) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, format="JPEG", quality=95, **words)
    return path


def test_grey_and_colour_are_read_as_pillow_shows_them_with_a_warning(tmp_path: Path) -> None:
    colours = np.stack([spots(), spots() // 2, 9 + spots()], axis=-1)
    paths = [save(tmp_path / "a.jpg", spots()), save(tmp_path / "b.JPEG", colours)]
    images, failures, _ = find([str(tmp_path)], Axes())
    assert not failures
    assert [image.header.channels for image in images] == [1, 3]
    for path, image in zip(paths, images, strict=True):
        shown = np.atleast_3d(np.asarray(Image.open(path)))
        assert np.array_equal(np.moveaxis(image.levels(channels=image.header.channels), 0, -1), shown)
    assert notes(images) == [
        "a.jpg (and 1 more) is a JPEG, whose compression changed the grey levels: use the original where there is one"
    ]
    (green,), _, _ = find([str(paths[1])], Axes(channel=1, order="YXC"))
    assert np.array_equal(green.levels(channels=1)[0], shown[..., 1])


def test_truth_as_jpeg_is_refused_with_the_reason(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.tif"):
        with pytest.raises(
            ImageError, match=r"is a JPEG, which changes pixel values: use the original, as TIFF or PNG"
        ):
            read_labels(save(tmp_path / name, spots()))


def test_what_is_damaged_or_cannot_be_meant_is_one_clear_line_and_others_go_on(tmp_path: Path) -> None:
    save(tmp_path / "good.jpg", spots())
    content = save(tmp_path / "cut.jpg", spots()).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "head.jpg").write_bytes(content[:20])
    save(tmp_path / "cmyk.jpg", spots(), "CMYK")
    (tmp_path / "deep.jpg").write_bytes(b"\xff\xd8\xff\xc3\x00\x0b\x10" + bytes(20))
    (tmp_path / "ls.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x03\0\xff\xf7\x00\x0b\x08" + bytes(20))
    exif = Image.Exif()
    exif[274] = 6
    save(tmp_path / "turned.jpg", spots(), exif=exif)
    images, failures, _ = find([str(tmp_path)])
    assert [image.name for image in images] == ["cut", "good"], "a cut is in the pixels, which are not read yet"
    with pytest.raises(ImageError, match=r"cut\.jpg is not a whole JPEG \(.*truncated.*\): copy it again"):
        images[0].levels(channels=1)
    assert [failure.why.split(".jpg ")[1].split(" (")[0] for failure in failures] == [
        "is a JPEG in CMYK, not in grey or RGB: use the original",
        "is a lossless or rare JPEG of 16 bits, which cellprune does not read: save it as TIFF or PNG",
        "is not a whole JPEG",
        "is a JPEG-LS of 8 bits, which cellprune does not read: save it as TIFF or PNG",
        "is stored rotated or mirrored",
    ]


def test_words_beside_the_image_that_are_damaged_make_no_noise(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", spots(), exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0")
    with warnings.catch_warnings(action="error"):
        (image,), _, _ = find([str(path)])
        image.levels(channels=1)
