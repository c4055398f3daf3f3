"""The table of overlaps: against plain loops, block by block, and what it refuses."""

import numpy as np
import pytest

from cellprune.evaluation import contingency as module
from cellprune.evaluation.contingency import Contingency, areas, contingency, inside_px


def shared(table: Contingency) -> dict[tuple[int, int], int]:
    pairs = zip(table.first.numbers[table.at_first], table.second.numbers[table.at_second], strict=True)
    return dict(zip(((int(a), int(b)) for a, b in pairs), table.shared_px.tolist(), strict=True))


@pytest.mark.parametrize("block_px", [1, 7, 2**22])
def test_it_counts_as_loops_do_whatever_the_block(monkeypatch: pytest.MonkeyPatch, block_px: int) -> None:
    monkeypatch.setattr(module, "_BLOCK_PX", block_px)
    rng = np.random.default_rng(0)
    first, second = (rng.choice([0, 3, 70_000, 2**31 - 1], (9, 11)).repeat(3, axis=1) for _ in range(2))
    table = contingency(first, second.astype(np.uint32))
    for cells, labels in ((table.first, first), (table.second, second)):
        assert cells.numbers.tolist() == [3, 70_000, 2**31 - 1]
        assert cells.area_px.tolist() == [int((labels == number).sum()) for number in cells.numbers]
    assert shared(table) == {
        (a, b): n for a in (3, 70_000, 2**31 - 1) for b in (3, 70_000, 2**31 - 1)
        if (n := int(((first == a) & (second == b)).sum()))
    }  # fmt: skip


def test_nothing_is_a_table_too() -> None:
    for shape in ((0, 5), (4, 5)):
        table = contingency(np.zeros(shape, np.uint8), np.zeros(shape, np.int64))
        assert (len(table.first), len(table.second), len(table.shared_px)) == (0, 0, 0)


def test_areas_and_pixels_inside() -> None:
    labels = np.array([[2, 2, 0, 9], [2, 0, 9, 9]])
    assert areas(labels).area_px.tolist() == [3, 3]
    assert inside_px(labels, np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros((2, 3), int), r"\(2, 2\) and \(2, 3\) pixels differ in shape"),
        (np.zeros((2, 2)), "float64 are no whole numbers"),
        (np.full((2, 2), -1), "no whole numbers in 0"),
        (np.full((2, 2), 2**31), "no whole numbers in 0"),
    ],
)
def test_what_is_no_label_image_is_refused(labels: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        contingency(np.ones((2, 2), int), labels)
