"""A picture marks what is counted, where it is, and nothing in ignored regions."""

import imagecodecs
import numpy as np
import pytest
from scipy import ndimage

from cellprune.evaluation.cells import judge
from cellprune.report.marked.image import Box, ImageCells, Located
from cellprune.report.marked.looks import FOUND, LOOKS, TRUE, UNJUDGED, UNKNOWN, Colour
from cellprune.report.marked.panels import panels

SHAPE = (80, 120)
WHOLE: Box = (slice(0, 80), slice(0, 120))


def drawn_cells() -> tuple[np.ndarray, np.ndarray]:
    """Draw two merged cells, a split one, a missed one, two extra ones and one that is right."""
    truth, found = np.zeros((2, *SHAPE), np.int32)
    truth[10:26, 10:22], truth[10:26, 22:34] = 1, 2
    found[10:26, 10:34] = 70_000_000  # as large as labels may be
    truth[10:26, 50:74] = 3
    found[10:26, 50:61], found[10:26, 63:74] = 2, 3
    truth[10:26, 90:110] = 4
    found[50:66, 10:30], found[50:66, 40:60] = 4, 5
    truth[50:66, 80:100] = found[50:66, 80:100] = 9
    return truth, found


def seen(truth: np.ndarray, found: np.ndarray, *, channels: int = 1, ignored: np.ndarray | None = None, band: int = 0):
    """Give the cells on an image of noise."""
    unknown = np.zeros(SHAPE, bool) if ignored is None else ignored
    judged = judge(truth, found, ignored=unknown, field_of_interest_px=band)
    pixels = 0.3 + 0.1 * np.random.default_rng(0).random((channels, *SHAPE))
    return ImageCells("01/000", pixels, Located(truth), Located(found), unknown, judged, band)


def drawn(image: ImageCells, box: Box = WHOLE, longest_px: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Give the two panels, RGB."""
    picture = imagecodecs.png_decode(panels(image, box, longest_px=longest_px))[..., :3]
    width = (picture.shape[1] - 8) // 2
    return picture[:, :width], picture[:, -width:]


def where(panel: np.ndarray, colour: Colour) -> np.ndarray:
    return (panel == colour).all(axis=-1)


def n_marks(panel: np.ndarray, colour: Colour) -> int:
    """Count the filled shapes: they are thicker than every line."""
    return int(ndimage.label(ndimage.binary_opening(where(panel, colour), np.ones((4, 4))))[1])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_error_that_is_counted_has_one_mark_of_its_colour(channels: int) -> None:
    image = seen(*drawn_cells(), channels=channels)
    plain, marked = drawn(image)
    assert plain.shape == marked.shape == (400, 600, 3)
    counts = {error: getattr(image.judged.count, error) for error in LOOKS}
    assert counts == {"merged": 2, "missed": 1, "split": 1, "extra": 2}
    assert {error: n_marks(marked, look.colour) for error, look in LOOKS.items()} == counts
    assert where(marked, FOUND).any()
    assert where(marked, TRUE).any()
    assert not any(where(plain, look.colour).any() for look in LOOKS.values())


def test_marks_lie_in_their_cells_and_outlines_on_their_edges() -> None:
    truth, found = drawn_cells()
    _, marked = drawn(seen(truth, found))
    zoom = 5
    for colour, cells in ((LOOKS["missed"].colour, truth == 4), (LOOKS["merged"].colour, found == 70_000_000)):
        near = ndimage.binary_dilation(cells, np.ones((3, 3))).repeat(zoom, axis=0).repeat(zoom, axis=1)
        assert where(marked, colour).any()
        assert not where(marked, colour)[~near].any()
    right = where(marked, FOUND)
    assert right.any(axis=1).nonzero()[0][[0, -1]] == pytest.approx([50 * zoom - 0.5, 66 * zoom - 0.5], abs=2)


def test_nothing_is_marked_where_the_truth_is_unknown() -> None:
    truth, found = drawn_cells()
    ignored = np.zeros(SHAPE, bool)
    ignored[45:] = True
    truth[44:50, 60:75] = 5  # missed, and half of it is known
    ignored[47:50, 60:75] = False
    found[27:45, 100:105] = found[45:52, 97:109] = 11  # extra, half of it is known, and its deepest pixel is not
    image = seen(truth, found, ignored=ignored)
    assert (image.judged.count.extra, image.judged.count.missed) == (1, 2)
    _, marked = drawn(image)
    below = marked[(50 + 1) * 5 :]
    assert where(below, UNKNOWN).any()
    assert not any(where(below, colour).any() for colour in (FOUND, *(look.colour for look in LOOKS.values())))
    assert where(below, UNJUDGED).any(), "cells that do not count are grey"
    assert n_marks(marked, LOOKS["missed"].colour) == 2
    extra = LOOKS["extra"].colour
    assert n_marks(marked[: 46 * 5], extra) == 1
    assert not where(marked, extra)[46 * 5 :].any()


def test_the_outer_band_has_an_edge_and_its_cells_are_grey() -> None:
    truth, found = np.zeros((2, *SHAPE), np.int32)
    truth[2:8, 20:40], found[70:78, 60:80] = 1, 1
    plain, marked = drawn(seen(truth, found, band=12))
    assert not where(marked, FOUND).any()
    assert not where(marked, TRUE)[~where(plain, TRUE)].any()
    grey = where(marked, UNJUDGED)
    assert grey[: 9 * 5].any(), "a true cell"
    assert grey[-11 * 5 :].any(), "a found one"
    assert grey[12 * 5 - 1 : 12 * 5 + 1, 300:].any(), "the edge"


def test_a_part_is_enlarged_and_has_the_marks_that_lie_in_it() -> None:
    _, marked = drawn(seen(*drawn_cells()), (slice(0, 40), slice(0, 40)), longest_px=300)
    assert marked.shape == (300, 300, 3)
    assert [n_marks(marked, look.colour) for look in LOOKS.values()] == [2, 0, 0, 0]


@pytest.mark.parametrize("value", [0.3, np.nan])
def test_an_image_without_cells_or_contrast_is_drawn(value: float) -> None:
    nothing = np.zeros(SHAPE, np.int32)
    judged = judge(nothing, nothing)
    cells = Located(nothing)
    plain, marked = drawn(ImageCells("a", np.full((1, *SHAPE), value), cells, cells, nothing > 0, judged, 0))
    assert np.array_equal(plain, marked)
    assert len(np.unique(plain)) == 1
