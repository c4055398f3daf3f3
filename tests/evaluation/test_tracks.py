"""TRA and LNK: a small case for every kind of error in time, its price counted by hand."""

import numpy as np
import pytest

from cellprune.evaluation.cells import match_markers
from cellprune.evaluation.tracks import LinkCount, Track, count_links, lnk, tra

A, B = (1, 1), (6, 6)  # where two cells lie, far from each other


def movie(*frames: dict[int, tuple[int, int]]) -> list[np.ndarray]:
    """Draw a cell of 2 x 2 px for each label of a frame."""
    drawn = []
    for cells in frames:
        labels = np.zeros((10, 10), np.int32)
        for label, (row, column) in cells.items():
            labels[row : row + 2, column : column + 2] = label
        drawn.append(labels)
    return drawn


def tracks(*lines: tuple[int, int, int, int]) -> dict[int, Track]:
    return {line[0]: Track(*line) for line in lines}


TWO = movie({1: A, 2: B}, {1: A, 2: B}, {1: A, 2: B}), tracks((1, 0, 2, 0), (2, 0, 2, 0))
DIVIDED = (
    movie({1: A}, {1: A}, {2: A, 3: B}, {2: A, 3: B}), tracks((1, 0, 1, 0), (2, 2, 3, 1), (3, 2, 3, 1)),
)  # fmt: skip
CASES = {  # truth, result, (missed, wrong, of the wrong kind), price of the nodes
    "right, with other numbers": (
        TWO, (movie(*[{7: A, 5: B}] * 3), tracks((7, 0, 2, 0), (5, 0, 2, 0))), (0, 0, 0), 0,
    ),
    "a missed link: the track begins anew": (
        TWO, (movie({1: A, 2: B}, {3: A, 2: B}, {3: A, 2: B}), tracks((1, 0, 0, 0), (3, 1, 2, 0), (2, 0, 2, 0))),
        (1, 0, 0), 0,
    ),
    "a false division: the track goes on as a child, and so does another": (
        TWO, (movie({1: A, 2: B}, {3: A, 4: B}, {3: A, 4: B}),
              tracks((1, 0, 0, 0), (2, 0, 0, 0), (3, 1, 2, 1), (4, 1, 2, 1))),
        (1, 1, 1), 0,
    ),
    "a swap and back": (
        TWO, (movie({1: A, 2: B}, {1: B, 2: A}, {1: A, 2: B}), tracks((1, 0, 2, 0), (2, 0, 2, 0))), (4, 4, 0), 0,
    ),
    "merged tracks: one cell covers both in the middle": (
        TWO, ([TWO[0][0], np.ones((10, 10), np.int32), TWO[0][2]], tracks((1, 0, 2, 0), (2, 0, 0, 0), (3, 2, 2, 0))),
        (4, 0, 0), 5,
    ),
    "a gap: the cell is missed in the middle": (
        TWO, (movie({1: A, 2: B}, {2: B}, {3: A, 2: B}), tracks((1, 0, 0, 0), (3, 2, 2, 1), (2, 0, 2, 0))),
        (2, 1, 0), 10,
    ),
    "a missed division": (
        DIVIDED, (DIVIDED[0], tracks((1, 0, 1, 0), (2, 2, 3, 0), (3, 2, 3, 0))), (2, 0, 0), 0,
    ),
    "a division whose mother goes on as a daughter": (
        DIVIDED, (movie({1: A}, {1: A}, {1: A, 3: B}, {1: A, 3: B}), tracks((1, 0, 3, 0), (3, 2, 3, 0))),
        (1, 0, 1), 0,
    ),
    "a division one frame too late": (
        DIVIDED, (movie({1: A}, {1: A}, {1: A, 4: B}, {2: A, 3: B}),
                  tracks((1, 0, 2, 0), (4, 2, 2, 0), (2, 3, 3, 1), (3, 3, 3, 1))),
        (2, 1, 2), 0,
    ),
    "an extra cell with a track of its own": (
        TWO, (movie(*[{1: A, 2: B, 3: (1, 6)}] * 3), tracks((1, 0, 2, 0), (2, 0, 2, 0), (3, 0, 2, 0))), (0, 0, 0), 3,
    ),
    "nothing found": (TWO, (movie({}, {}, {}), {}), (4, 0, 0), 60),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_error_in_time_has_its_price(name: str) -> None:
    (truth, true_tracks), (result, result_tracks), errors, nodes = CASES[name]
    matched = {at: match_markers(*pair) for at, pair in enumerate(zip(truth, result, strict=True))}
    links = count_links(matched, true_tracks, result_tracks)
    n_links = 4 if true_tracks is TWO[1] else 5
    assert links == LinkCount(n_links, *errors)
    markers = [frame.count for frame in matched.values()]
    assert sum(frame.cost for frame in markers) == nodes
    price = 1.5 * errors[0] + errors[1] + errors[2]
    assert lnk(links) == max(0, 1 - price / (1.5 * n_links))
    assert tra(markers, links) == pytest.approx(max(0, 1 - (nodes + price) / (60 + 1.5 * n_links)), abs=1e-15)


def test_cells_outside_the_field_of_interest_have_no_links() -> None:
    edge = movie(*[{1: (0, 0), 2: (4, 4)}] * 2)
    matched = {at: match_markers(labels, labels, field_of_interest_px=2) for at, labels in enumerate(edge)}
    listed = tracks((1, 0, 1, 0), (2, 0, 1, 0))
    assert count_links(matched, listed, listed) == LinkCount(1, 0, 0, 0)


def test_without_links_or_markers_nothing_is_judged() -> None:
    one = {0: match_markers(*movie({1: A}, {1: A}))}
    links = count_links(one, tracks((1, 0, 0, 0)), tracks((1, 0, 0, 0)))
    assert (lnk(links), tra([one[0].count], links), tra([], links)) == (None, 1, None)
