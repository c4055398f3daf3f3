"""What a header claims is believed within reason; which plane is meant; alpha that hides something is refused."""

from pathlib import Path

import numpy as np
import pytest

from cellprune.images.header import MAX_CHANNELS, MAX_PIXELS, Header, ImageError, believed, chosen, without_alpha

FILE = Path("image.tif")


def header(size: tuple[int, int] = (4, 6), channels: int = 1, planes: int = 1, **more: bool) -> Header:
    return Header(size, channels, planes, np.dtype(np.uint8), None, **more)


def test_whole_numbers_of_any_library_become_int() -> None:
    made = header(size=(np.int64(4), np.uint16(6)))
    assert made.size == (4, 6)
    assert all(type(side) is int for side in made.size)


@pytest.mark.parametrize("size", [(1, 1), (1, MAX_PIXELS), (2**14, 2**14)])
def test_a_size_at_the_edge_is_believed(size: tuple[int, int]) -> None:
    claimed = header(size, channels=MAX_CHANNELS)
    assert believed(claimed, FILE) is claimed


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (1, MAX_PIXELS + 1), (2**20, 2**20), (-4, 4)])
def test_a_size_of_nothing_or_too_much_is_not(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"^image.tif claims {size[0]} x {size[1]} pixels, more than {MAX_PIXELS}"):
        believed(header(size), FILE)


@pytest.mark.parametrize("channels", [0, MAX_CHANNELS + 1])
def test_nor_are_channels_that_no_image_has(channels: int) -> None:
    with pytest.raises(ImageError, match=f"claims {channels} channels, more than {MAX_CHANNELS}: save those"):
        believed(header(channels=channels), FILE)


def test_of_one_image_no_plane_need_be_named_and_of_a_stack_one_must() -> None:
    assert chosen(header(), None, FILE) == 0
    assert chosen(header(planes=3), 2, FILE) == 2
    with pytest.raises(ImageError, match="is a stack of 3 images, but one is expected: save each image"):
        chosen(header(planes=3), None, FILE)


@pytest.mark.parametrize("plane", [-1, 3, 99])
def test_a_plane_that_is_not_there_is_named(plane: int) -> None:
    with pytest.raises(ImageError, match=f"has no image {plane}: it holds 3, counted from 0"):
        chosen(header(planes=3), plane, FILE)


@pytest.mark.parametrize(("dtype", "opaque"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_alpha_that_hides_nothing_is_dropped(dtype: type, opaque: int) -> None:
    pixels = np.full((2, 2, 2), opaque, dtype)
    pixels[0] = 3
    assert np.array_equal(without_alpha(pixels, header(), FILE), pixels[:1])
    pixels[1, 0, 0] = opaque - 1
    with pytest.raises(ImageError, match=r"is transparent in places: save it without an alpha channel$"):
        without_alpha(pixels, header(), FILE)
    with pytest.raises(ImageError, match=r"channel; if these are images of a stack, save them with photometric"):
        without_alpha(pixels, header(looks_stacked=True), FILE)
