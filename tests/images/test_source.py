"""What every format shares: pixel sizes that can be meant, names of the images of a file, places of its planes."""

from pathlib import Path

import pytest

from cellprune.images.source import micrometers, numbered, steps


@pytest.mark.parametrize("sizes", [(None, 0.5), (0.5, None), (None, None)])
def test_half_a_pixel_size_is_none(sizes: tuple[float | None, float | None]) -> None:
    assert micrometers(sizes) == (
        None,
        ("does not state the size of its pixels in um: give --pixel-size Y X where it matters",),
    )


def test_images_of_a_file_have_numbers_and_one_alone_has_none() -> None:
    assert [one.name for one in numbered(Path("a.czi"), 1)] == [""]
    assert [one.name for one in numbered(Path("a.czi"), 1001)][::500] == ["s0000", "s0500", "s1000"]


def test_a_plane_is_where_its_number_says() -> None:
    assert steps((("T", 2), ("Z", 3)), 4) == {"T": 1, "Z": 1}
    assert steps((), 0) == {}
