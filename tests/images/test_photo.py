"""Photographs of usual formats, whole ones alone."""

import re
from pathlib import Path

import numpy as np
import pytest
from class_folders import picture
from PIL import Image

from cellprune.images import photo
from cellprune.images.read import ImageError


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_what_pillow_makes_of_it_in_colour(tmp_path: Path, mode: str) -> None:
    path = picture(tmp_path / "a.JPEG", 0, (20, 30), mode=mode)
    assert photo.size_of(path) == (20, 30)
    with Image.open(path) as opened:
        expected = np.array(opened.convert("RGB"), dtype=int)
    read = photo.read(path)
    assert (read.shape, read.dtype) == ((20, 30, 3), np.uint8)
    assert abs(read - expected).max() <= 2  # decoders round otherwise


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGBA"), ("a.bmp", "RGB"), ("a.webp", "RGB"), ("a.tif", "L")])
def test_other_formats_are_read_too(tmp_path: Path, name: str, mode: str) -> None:
    read = photo.read(picture(tmp_path / name, 1, mode=mode))
    assert read.shape == (16, 16, 3)
    assert (np.ptp(read, axis=2).max() == 0) == (mode == "L")


def test_more_than_a_jpeg_in_its_file_does_no_harm(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", 2)
    whole = photo.read(path)
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    assert abs(photo.read(path).astype(int) - whole).max() <= 2


def test_what_is_no_whole_image_of_bytes_is_refused_by_name(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", 0, (64, 64))
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:20], b"no image", b""):
        path.write_bytes(content)
        with pytest.raises(ImageError, match=rf"{re.escape(str(path))} cannot be read as an image \(.*copy it again"):
            photo.read(path)
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(tmp_path / "deep.png")
    for read in (photo.read, photo.size_of):
        with pytest.raises(ImageError, match=r"deep.png has more than 8 bits per channel: save it with 8"):
            read(tmp_path / "deep.png")


def test_a_size_is_looked_at_before_any_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo, "MAX_PIXELS", 100)
    with pytest.raises(ImageError, match=r"is 16 x 16 px, more than 100 pixels"):
        photo.read(picture(tmp_path / "a.png", 0))
