"""What a network is shown of an image of any size."""

import numpy as np
import pytest

from cellprune.data.labelled.views import drawn, middle, moves


def ramp(height: int, width: int) -> np.ndarray:
    """Rows in the first channel, columns in the second."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, 0 * rows], 2).astype(np.uint8)


def test_the_middle_is_the_image_where_it_has_the_size() -> None:
    image = ramp(20, 30)
    assert middle(image, (20, 30)) is image


@pytest.mark.parametrize(("size", "corner"), [((10, 10), (5, 10)), ((20, 20), (0, 5)), ((10, 30), (5, 0))])
def test_the_middle_keeps_the_aspect_and_cuts_the_rest(size: tuple[int, int], corner: tuple[int, int]) -> None:
    shown = middle(ramp(20, 30), size, margin=min(20 / size[0], 30 / size[1]))
    assert shown.shape == (*size, 3)
    assert tuple(shown[0, 0, :2]) == corner, "no pixel is resized: the part has the size already"


def test_a_large_image_is_averaged_not_sampled() -> None:
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    shown = middle(np.repeat(checks[..., None], 3, 2).astype(np.uint8), (8, 8))
    assert abs(shown.astype(int) - 127).max() <= 1


def test_a_part_is_drawn_from_its_number_alone_within_the_published_bounds() -> None:
    image = ramp(100, 200)
    numbers = [n * 0x9E3779B97F4A7C15 % 2**64 for n in range(1, 200)]
    views = [drawn(image, (24, 24), number) for number in numbers]
    assert np.array_equal(views[0], drawn(image, (24, 24), numbers[0]))
    heights = np.array([np.ptp(view[..., 0].astype(int)) for view in views]) * 25 / 24 + 1
    widths = np.array([np.ptp(view[..., 1].astype(int)) for view in views]) * 25 / 24 + 1
    areas, aspects = heights * widths / 20_000, widths / heights
    assert 0.06 < areas.min() < 0.2
    assert areas.max() > 0.5
    assert 0.6 < aspects.min() < 0.85
    assert 1.2 < aspects.max() < 1.6
    mirrored = np.mean([view[0, 0, 1] > view[0, -1, 1] for view in views])
    assert 0.35 < mirrored < 0.65


def test_an_image_of_extreme_aspect_gives_its_middle() -> None:
    view = drawn(ramp(2, 250), (8, 8), 3)
    assert view.shape == (8, 8, 3)
    assert abs(view[..., 1].astype(int) - 124).max() < 4


def test_moves_are_of_four_pixels_at_most() -> None:
    down, right, mirror = moves(np.arange(2 * 9 * 9, dtype=np.uint64))
    assert len(set(zip(down.tolist(), right.tolist(), mirror.tolist(), strict=True))) == 162
    assert (down.max(), right.max(), mirror.max()) == (8, 8, 1)
