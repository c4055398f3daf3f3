"""The four policies, on frames small enough to count by eye: squares of 8 x 8, markers of 4 x 4 inside them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cellprune.data.cells.ctc import frames
from cellprune.data.cells.truth import POLICIES, TruthError, completeness, labelled, target, usual_area_px
from cellprune.images.read import ImageError, read_labels

from ..conftest import SIZE, write

ALL = [(4, 4), (4, 24), (30, 24)]  # three tracked cells
AREA = 64


@pytest.fixture
def partial(drawn: Callable[..., Path]) -> Path:
    """Frame 0: two of three cells in gold, the third in silver. 1: the third nowhere. 2: one of three. 3: silver."""
    return drawn(
        {
            "01/000": {"gold": ALL[:2], "silver": ALL, "markers": ALL},
            "01/001": {"gold": ALL[:2], "silver": ALL[:2], "markers": ALL},
            "01/002": {"gold": ALL[:1], "silver": ALL, "markers": ALL},
            "01/003": {"silver": ALL[:2], "markers": ALL},
        }
    )


def counted(folder: Path, number: int, policy: str, **options: int) -> tuple[int, int]:
    """Give the pixels that are cell and those that are ignored."""
    drawn = target(frames(folder, "drawn")[number], policy, **options)
    assert drawn.dtype == np.uint8
    assert drawn.shape == SIZE
    assert set(np.unique(drawn)) <= {0, 1, 255}
    return int((drawn == 1).sum()), int((drawn == 255).sum())


def test_paper_takes_a_missing_cell_for_background(partial: Path) -> None:
    assert counted(partial, 0, "paper") == (2 * AREA, 0)


def test_ignore_leaves_out_the_silver_mask(partial: Path) -> None:
    assert counted(partial, 0, "ignore") == (2 * AREA, AREA)


def test_ignore_without_silver_leaves_out_a_disc_of_the_usual_area(partial: Path) -> None:
    n_cell, n_ignored = counted(partial, 1, "ignore")
    assert n_cell == 2 * AREA
    assert n_ignored == pytest.approx(AREA, abs=6)
    row, column = ALL[2]
    assert target(frames(partial, "drawn")[1], "ignore")[row + 4, column + 4] == 255


def test_silver_takes_the_silver_mask_for_true(partial: Path) -> None:
    assert counted(partial, 0, "silver") == (3 * AREA, 0)


def test_every_cell_keeps_its_number_and_silver_ones_get_their_own(partial: Path) -> None:
    frame = frames(partial, "drawn")[0]
    gold = read_labels(frame.gold)
    for policy, third in (("paper", 0), ("ignore", -1), ("silver", 3)):
        labels = labelled(frame, policy)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels[gold > 0], gold[gold > 0])
        assert np.unique(labels[30:38, 24:32]).tolist() == [third], "the cell that the gold truth lacks"


def test_a_black_and_white_image_has_a_cell_for_each_region(drawn: Callable[..., Path]) -> None:
    frame = frames(drawn({"01/000": {"gold": ALL}}), "drawn")[0]
    write(frame.gold, np.uint8(255) * (read_labels(frame.gold) > 0))
    labels = labelled(frame, "ignore")
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(labels > 0, target(frame, "ignore") == 1)


def test_huge_numbers_are_counted_anew(drawn: Callable[..., Path]) -> None:
    folder = drawn({"01/000": {"gold": ALL}})
    path = frames(folder, "drawn")[0].gold
    write(path, np.uint32([0, 7, 2**31 - 1, 900])[read_labels(path)])
    labels = labelled(frames(folder, "drawn")[0], "paper")
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    assert [np.unique(labels[y : y + 8, x : x + 8]).size for y, x in ALL] == [1, 1, 1]


def test_silver_without_a_mask_ignores(partial: Path) -> None:
    n_cell, n_ignored = counted(partial, 3, "silver")
    assert n_cell == 2 * AREA
    assert n_ignored == pytest.approx(AREA, abs=6)


def test_a_labelled_cell_is_never_overwritten(drawn: Callable[..., Path]) -> None:
    # the marker of a missing cell lies close to a labelled one: the disc would cover part of it
    folder = drawn({"01/000": {"gold": [(4, 4)], "markers": [(4, 4), (4, 13)]}})
    assert counted(folder, 0, "ignore")[0] == AREA
    folder_silver = drawn({"01/001": {"gold": [(4, 4)], "silver": [(4, 8)], "markers": [(4, 4), (4, 9)]}})
    n_cell, n_ignored = counted(folder_silver, 1, "ignore")
    assert (n_cell, n_ignored) == (AREA, 8 * 4)


@pytest.mark.parametrize(
    ("number", "n_missing", "dropped_by"), [(0, 1, {"complete"}), (2, 2, {"complete", "ignore"})]
)  # fmt: skip
def test_a_policy_drops_frames_that_lack_too_much(
    partial: Path, number: int, n_missing: int, dropped_by: set[str]
) -> None:
    found = completeness(frames(partial, "drawn")[number])
    assert (found.n_missing, found.n_cells) == (n_missing, 3)
    assert {policy for policy in POLICIES if found.fault(policy)} == dropped_by


def test_exactly_half_missing_is_kept(drawn: Callable[..., Path]) -> None:
    folder = drawn({"01/000": {"gold": ALL[:1], "markers": ALL[:2]}})
    assert completeness(frames(folder, "drawn")[0]).fault("ignore") is None


def test_without_markers_nothing_is_known_to_be_missing(drawn: Callable[..., Path]) -> None:
    folder = drawn({"01/000": {"gold": ALL[:1]}})
    assert completeness(frames(folder, "drawn")[0]).fault("complete") is None
    assert counted(folder, 0, "ignore") == (AREA, 0)


def test_the_border_ignores_background_only(partial: Path) -> None:
    n_cell, n_ignored = counted(partial, 0, "paper", ignore_border_px=6)
    n_band = SIZE[0] * SIZE[1] - (SIZE[0] - 12) * (SIZE[1] - 12)
    n_cell_in_band = 8 * 8 - 6 * 6 + 2 * 8  # the first cell reaches 2 px into two sides, the second into one
    assert n_cell == 2 * AREA
    assert n_ignored == n_band - n_cell_in_band


@pytest.mark.parametrize("policy", ["paper", "ignore", "complete"])
def test_a_frame_without_gold_is_refused(partial: Path, policy: str) -> None:
    with pytest.raises(TruthError, match=r"01/003 has no truth for policy"):
        counted(partial, 3, policy)


def test_an_unknown_policy_is_refused(partial: Path) -> None:
    with pytest.raises(TruthError, match="no truth policy 'gold'"):
        counted(partial, 0, "gold")


def test_truth_of_another_size_is_named(partial: Path) -> None:
    write(partial / "01_GT" / "SEG" / "man_seg000.tif", np.ones((9, 9), np.uint16))
    with pytest.raises(ImageError, match=r"man_seg000\.tif is \(9, 9\) pixels but its image t000\.tif is \(48, 64\)"):
        counted(partial, 0, "ignore")


def test_no_cell_has_no_usual_area(drawn: Callable[..., Path]) -> None:
    folder = drawn({"01/000": {"gold": [], "markers": ALL[:1]}})
    with pytest.raises(TruthError, match="shows no cell in any frame"):
        counted(folder, 0, "ignore")


def test_the_usual_area_is_a_sequence_s_median(partial: Path) -> None:
    assert usual_area_px(partial / "01_GT" / "SEG") == AREA


def test_other_files_beside_the_truth_have_no_say_in_the_usual_area(partial: Path) -> None:
    folder = partial / "01_GT" / "SEG"
    (folder / "._man_seg000.tif").write_bytes(b"of another system")
    write(folder / "all.tif", np.ones((48, 64), np.uint16))
    assert usual_area_px(folder) == AREA
