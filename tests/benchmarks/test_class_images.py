"""Reading images of classes takes less than torchvision's way."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest


@pytest.mark.slow
def test_an_epoch_of_small_images_takes_at_most_seven_tenths(
    benchmark: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    measured = benchmark("class_images")
    measured.ensure_torchvision()
    seconds = measured.of_images(measured.written(tmp_path, (64, 64), 200), None, "crop", 4)
    assert seconds["ours"][0] / median(seconds["plain"]) < 0.7
    assert median(seconds["ours"][1:]) / median(seconds["plain"]) < 0.35
