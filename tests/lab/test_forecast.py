"""What predicting will take: more for larger images, never more for more of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lab_engines import Bright
from lab_jobs import predicted

from cellprune.lab import tiles
from cellprune.lab.forecast import memory_bytes
from cellprune.lab.inputs import find


def test_memory_is_that_of_the_largest_image_whatever_their_number(write: Callable[..., Path]) -> None:
    (image,), _, _ = find([str(write("a.tif"))])
    engine = Bright()
    engine.bytes_per_pixel = 480.0  # of a U-Net whose predictions were measured: 0.80 GB at 2048 px

    def of(*sides: int) -> float:
        images = [replace(image, header=replace(image.header, size=(side, side))) for side in sides]
        return memory_bytes(engine, images, {"a": (0.4923, 0.3678)}) / 1e6

    assert of(1000) == of(*[1000] * 9, 10) < of(2000)
    assert of(2048) == pytest.approx(800, rel=0.15)
    assert of(2896) == pytest.approx(1200, rel=0.15)
    assert of(16000) < 200 + tiles.MEMORY_BYTES / 1e6 + 256 * 60, "the network goes through in tiles"


def test_the_pace_is_told_once_and_not_of_what_was_there(three: Path, tmp_path: Path) -> None:
    told: list[int] = []
    predicted(three / "a.tif", tmp_path / "out")
    done = predicted(three, tmp_path / "out", pace=lambda seconds, left: told.append(left))
    assert (done.kept, told) == (1, [1])
