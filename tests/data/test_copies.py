"""Copies: known by their pixels, and said once for all that are alike."""

import numpy as np

from cellprune.data.copies import Annotated, copies, digest


def test_content_decides_with_its_shape_and_type() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert digest(pixels) == digest(np.asfortranarray(pixels))
    assert len({digest(p) for p in (pixels, pixels.reshape(4, 3), pixels.view(np.int8), pixels + 1)}) == 4


def test_of_many_pairs_the_first_is_named() -> None:
    same = [Annotated(name, b"image", b"labels") for name in "abc"]
    (line,) = copies([*same, Annotated("d", b"other", b"labels")])
    assert line.startswith("a and b are the same image with the same labels (and 1 more pair): ")
    assert copies([]) == []
