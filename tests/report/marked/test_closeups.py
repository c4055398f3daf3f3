"""The worst places: a fair share of each kind, the worst first, none shown twice, all inside of their image."""

import numpy as np

from cellprune.evaluation.cells import judge
from cellprune.report.marked.closeups import worst
from cellprune.report.marked.image import ImageCells, Located
from cellprune.report.marked.pictures import draw

SHAPE = (200, 400)


def image(name: str, *boxes: tuple[str, int, int, int]) -> ImageCells:
    """Draw square cells (what, row, column, side)."""
    truth, found = np.zeros((2, *SHAPE), np.int32)
    for at, (what, row, column, side) in enumerate(boxes, start=1):
        here, next_to_it = (np.s_[row : row + side, start : start + side] for start in (column, column + side))
        if what != "extra":
            truth[here] = 2 * at
        if what in ("extra", "merged", "right"):
            found[here] = at
        if what == "merged":
            truth[next_to_it], found[next_to_it] = 2 * at + 1, at
    unknown = np.zeros(SHAPE, bool)
    return ImageCells(
        name, np.zeros((1, *SHAPE)), Located(truth), Located(found), unknown, judge(truth, found, ignored=unknown), 0
    )


def named(images: list[ImageCells]) -> list[tuple[str, str, int]]:
    return [(closeup.fault.error, closeup.image.id, closeup.fault.area_px) for closeup in worst(images)]


def test_every_kind_has_its_share_and_what_is_left_goes_to_merged_cells() -> None:
    merged = [("merged", row, column, 10) for row in (5, 140) for column in (5, 105, 205, 305)]
    extra = [("extra", 80, column, 8) for column in (10, 110, 210)]
    found = named([image("a", *merged), image("b", *extra), image("c", ("merged", 50, 50, 12))])
    assert [error for error, _, _ in found] == ["merged"] * 6 + ["extra"] * 2
    assert found[0] == ("merged", "c", 288), "the largest first"


def test_no_place_is_shown_twice() -> None:
    crowded = image("a", ("missed", 50, 50, 8), ("missed", 50, 60, 6), ("missed", 150, 300, 4))
    assert named([crowded]) == [("missed", "a", 64), ("missed", "a", 16)]
    assert named([image("a", ("right", 50, 50, 8))]) == []


def test_places_lie_inside_and_show_their_cells() -> None:
    cells = image("a", ("missed", 0, 0, 4), ("missed", 100, 100, 90), ("extra", 190, 390, 10))
    for _, fault, _, box in worst([cells]):
        rows, columns = box
        assert 0 <= rows.start < rows.stop <= SHAPE[0]
        assert 0 <= columns.start < columns.stop <= SHAPE[1]
        labels = cells.found.labels if fault.error == "extra" else cells.truth.labels
        whole = np.isin(labels, fault.marked)
        assert whole[box].sum() == whole.sum()
    sides = {closeup.fault.area_px: closeup.box[0].stop - closeup.box[0].start for closeup in worst([cells])}
    assert sides == {16: 40, 8100: 144, 100: 40}


def test_a_run_shows_its_range_by_seg_and_counts_its_errors() -> None:
    good, bad, empty = (
        image("a", ("right", 50, 50, 8)), image("b", ("missed", 50, 50, 8), ("extra", 9, 9, 8)), image("c"),
    )  # fmt: skip
    pictures = draw([good, bad, empty])
    assert [(picture.rank, picture.id) for picture in pictures.frames] == [("best", "a"), ("worst", "b")]
    first, second = pictures.closeups
    assert (first.error, first.id, first.n_true, first.n_found, first.x, first.y) == ("missed", "b", 1, 0, 54, 54)
    assert (second.error, second.x, second.y) == ("extra", 13, 13), "of the cell, though the picture ends at the edge"
    assert pictures.n_errors == 2
