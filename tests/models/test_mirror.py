"""An image continued by mirroring, to any size, and the middle cut back out."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cellprune.errors import CellpruneError
from cellprune.models.mirror import centre, mirrored

sides = st.tuples(st.integers(2, 9), st.integers(2, 9))


@given(have=sides, more=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_the_middle_is_the_image_whatever_the_size(have: tuple[int, int], more: tuple[int, int]) -> None:
    image = torch.rand(1, 2, *have)
    size = [have[0] + more[0], have[1] + more[1]]
    larger = mirrored(image, size)
    assert list(larger.shape[-2:]) == size
    assert torch.equal(centre(larger, have), image)


@pytest.mark.parametrize(("have", "want"), [((4, 5), (7, 9)), ((4, 5), (10, 13)), ((3, 3), (4, 3))])
def test_it_reflects_as_numpy_does(have: tuple[int, int], want: tuple[int, int]) -> None:
    image = torch.arange(have[0] * have[1]).float().view(1, 1, *have)
    before = [(w - h) // 2 for h, w in zip(have, want, strict=True)]
    padding = [(b, w - h - b) for h, w, b in zip(have, want, before, strict=True)]
    expected = np.pad(image[0, 0].numpy(), padding, mode="reflect")
    assert np.array_equal(mirrored(image, want)[0, 0].numpy(), expected)


def test_an_image_that_has_the_size_is_given_back_as_it_is() -> None:
    image = torch.rand(1, 1, 1, 1)
    assert mirrored(image, (1, 1)) is image


@pytest.mark.parametrize("size", [(1, 5), (5, 1), (1, 1)])
def test_a_side_of_one_pixel_has_nothing_to_mirror(size: tuple[int, int]) -> None:
    said = f"an image of {size[0]} x {size[1]} px is too small to mirror: give at least 2 px"
    with pytest.raises(CellpruneError, match=said):
        mirrored(torch.zeros(1, 1, *size), (8, 8))


def test_the_middle_of_an_odd_rest_lies_above_and_left() -> None:
    maps = torch.arange(5.0).view(1, 1, 1, 5)
    assert centre(maps, (1, 2)).flatten().tolist() == [1.0, 2.0]
