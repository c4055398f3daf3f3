"""What two runs of segmentation are compared by, image by image: the overlap of pixels, or their cells."""

import pytest

from cellprune.config.names import resolve
from cellprune.evaluation.cells import CellCount, ScoredCells, summary
from cellprune.evaluation.iou import summary as iou_summary
from cellprune.runs.scores import CellScores, SegmentationScores

RESULTS = resolve("results", "segmentation")


def count(true: int, found: int, jaccard: float, matched: int) -> CellCount:
    return CellCount(true, found, jaccard, (matched, 0, 0), 0.0, abs(true - found), 0, 0, 0, 0)


def scores(*counts: CellCount) -> SegmentationScores:
    images = tuple(ScoredCells(f"01/{at:03d}", "01", at, one) for at, one in enumerate(counts))
    cells = CellScores(0, images, summary(counts)) if counts else None
    return SegmentationScores("segmentation", "ignore", "select", (), iou_summary([]), (), cells)


def test_cells_are_compared_image_by_image_where_there_are_some() -> None:
    own = scores(count(4, 5, 3.0, 3), count(0, 2, 0.0, 0), count(0, 0, 0.0, 0))
    seg, ap50 = (RESULTS.compared_by(name) for name in ("seg", "ap50"))
    assert (seg.name, ap50.name, seg.images) == ("SEG", "AP at IoU 0.5", "frames")
    assert seg.of_each(own) == {"01/000": 0.75}, "of no true cell there is no SEG"
    assert ap50.of_each(own) == {"01/000": 3 / 6, "01/001": 0.0}
    assert not seg.watched, "training watches pixels, which say little of cells"
    assert seg.nothing(own) == ap50.nothing(own) == ""


def test_a_network_that_finds_no_cell_has_learned_nothing() -> None:
    blind = scores(count(4, 1, 0.0, 0), count(3, 0, 0.0, 0))
    assert RESULTS.compared_by("seg").nothing(blind) == "its SEG is 0: it finds none of 7 cells"
    assert RESULTS.compared_by("ap50").nothing(blind) == "its AP at IoU 0.5 is 0: it finds none of 7 cells"
    assert RESULTS.compared_by("seg").nothing(scores(count(0, 1, 0.0, 0))) == "", "there was none to find"


def test_scores_that_count_no_cells_are_not_compared_by_them() -> None:
    with pytest.raises(ValueError, match=r"its scores\.json counts no cells"):
        RESULTS.compared_by("seg").of_each(scores())


def test_every_other_name_is_the_usual_score() -> None:
    assert RESULTS.compared_by("iou") is RESULTS.metric
    assert not resolve("results", "classification").of_cells


def test_a_terminal_reads_of_cells_before_pixels() -> None:
    own = scores(count(1400, 1500, 1000.0, 1234), count(1, 1, 0.9, 1))
    assert RESULTS.headline(own) == (
        "on the set-apart frames: 1,235 of 1,401 true cells found (1,501 cells in all), SEG 0.7144; "
        "pixels: IoU undefined at the network's size, undefined at native size"
    )
    assert RESULTS.headline(scores()).startswith("on the set-apart frames: IoU undefined")
    lines = RESULTS.table(own)
    assert lines[1] == "1,501 cells found, 1,401 true"
    assert [line.split()[0] for line in (lines[2], lines[12])] == ["SEG", "pixels"]
