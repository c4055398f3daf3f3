"""Linking: drawn cells that move, divide, vanish and come back, each with the tracks that anybody would draw."""

import numpy as np
import pytest

from cellprune.lab.linking import Frame, Tracks, link
from cellprune.runs.linking import Linking

SIZE = (60, 80)
Places = dict[int, tuple[int, int]]


def drawn(cells: Places, radius: int = 4) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    labels = np.zeros(SIZE, np.int32)
    for label, (row, column) in cells.items():
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = label
    return labels


def linked(*frames: Places, numbers: list[int] | None = None, **options: float) -> Tracks:
    images = [drawn(cells) for cells in frames]
    return link(
        [Frame(at, lambda k=k: images[k]) for k, at in enumerate(numbers or range(len(images)))], Linking(**options)
    )


def tracks_of(tracks: Tracks) -> list[dict[int, int]]:
    """Give label -> track for each frame."""
    return [
        dict(zip(f.labels.tolist(), t.tolist(), strict=True))
        for f, t in zip(tracks.frames, tracks.track_of, strict=True)
    ]


def test_cells_that_move_keep_their_tracks_whatever_their_labels() -> None:
    tracks = linked({1: (20, 20), 2: (20, 40)}, {5: (22, 38), 9: (23, 24)}, {3: (25, 27), 4: (24, 37)})
    assert tracks_of(tracks) == [{1: 1, 2: 2}, {5: 2, 9: 1}, {3: 1, 4: 2}]
    assert tracks.parent_of == {}
    assert tracks.frames[0].position_px.tolist() == [[20, 20], [20, 40]]
    assert tracks.frames[0].area_px.tolist() == [49, 49]


def test_the_least_total_cost_decides_not_the_nearest_neighbour() -> None:
    """Two cells move on by 6 px, so that the first lands next to where the second was."""
    tracks = linked({1: (20, 20), 2: (20, 30)}, {1: (20, 26), 2: (20, 36)}, max_distance_px=12)
    assert tracks_of(tracks)[1] == {1: 1, 2: 2}


def test_a_cell_that_overlaps_goes_on_rather_than_one_that_is_as_near() -> None:
    small = drawn({1: (20, 20)})
    after = drawn({2: (20, 27)}, radius=2) + drawn({3: (20, 13)}, radius=5)
    images = [small, after]
    tracks = link([Frame(at, lambda at=at: images[at]) for at in (0, 1)], Linking(max_distance_px=10))
    assert tracks_of(tracks)[1][3] == 1


def test_numbers_may_say_that_nothing_divides_and_that_sharing_pixels_counts_little() -> None:
    dividing = ({1: (30, 40)}, {1: (30, 35), 2: (30, 45)}, {1: (30, 32), 2: (30, 48)})
    assert linked(*dividing).parent_of == {2: 1, 3: 1}
    assert linked(*dividing, off_middle=0).parent_of == {}
    images = [drawn({1: (20, 20)}), drawn({2: (20, 26)}, radius=1) + drawn({3: (20, 13)}, radius=5)]
    frames = [Frame(at, lambda at=at: images[at]) for at in (0, 1)]
    by = [Linking(max_distance_px=10, off_middle=0, overlap=overlap) for overlap in (1, 0)]
    goes_on = [next(label for label, track in tracks_of(link(frames, one))[1].items() if track == 1) for one in by]
    assert goes_on == [3, 2], "the one that shares pixels, or the nearest"
    with pytest.raises(ValueError, match="off_middle is nan, not 0 to 100"):
        Linking(off_middle=float("nan"))


def test_a_division_ends_the_mother_and_begins_two_daughters() -> None:
    tracks = linked({1: (30, 40)}, {1: (30, 40)}, {1: (30, 35), 2: (30, 45)}, {1: (30, 32), 2: (30, 48)})
    assert tracks_of(tracks) == [{1: 1}, {1: 1}, {1: 2, 2: 3}, {1: 2, 2: 3}]
    assert tracks.parent_of == {2: 1, 3: 1}


def test_a_cell_that_falls_apart_for_a_moment_does_not_divide() -> None:
    whole, apart = {1: (30, 40)}, {1: (30, 37), 2: (30, 43)}
    tracks = linked(whole, apart, whole, apart, apart, max_gap=0)
    assert tracks_of(tracks)[0] == tracks_of(tracks)[2] == {1: 1}
    assert set(tracks_of(tracks)[1].values()) == {1, 2}
    assert tracks.parent_of == {3: 1, 4: 1}, "only what is seen twice is a daughter"
    assert linked(whole, whole, apart).parent_of == {2: 1, 3: 1}, "the last frame is not known to be brief"


def test_a_cell_that_comes_in_beside_one_that_stays_is_no_daughter() -> None:
    tracks = linked({1: (30, 40)}, {1: (30, 40), 2: (30, 49)}, max_distance_px=12)
    assert (tracks_of(tracks)[1], tracks.parent_of) == ({1: 1, 2: 2}, {})
    apart = linked({1: (30, 40)}, {1: (30, 34), 2: (30, 49)}, max_distance_px=12)
    assert apart.parent_of == {2: 1, 3: 1}, "if the other one makes room, it is"


def test_a_speck_is_no_daughter() -> None:
    images = [drawn({1: (30, 40)}), drawn({1: (30, 39)}) + drawn({2: (30, 46)}, radius=1)]
    assert link([Frame(at, lambda at=at: images[at]) for at in (0, 1)]).parent_of == {}


@pytest.mark.parametrize(("max_gap", "last"), [(0, 3), (1, 3), (2, 1), (5, 1)])
def test_a_cell_that_is_missed_goes_on_within_the_gap(max_gap: int, last: int) -> None:
    stays = {7: (10, 70)}
    frames = [{1: (30, 40)} | stays, stays, stays, {1: (32, 41)} | stays]
    assert tracks_of(linked(*frames, max_gap=max_gap))[3] == {1: last, 7: 2}


def test_a_frame_without_a_file_is_a_gap() -> None:
    cells = {1: (30, 40)}
    assert tracks_of(linked(cells, cells, cells, numbers=[0, 1, 3], max_gap=1))[2] == {1: 1}
    assert tracks_of(linked(cells, cells, cells, numbers=[0, 1, 3], max_gap=0))[2] == {1: 2}
    assert tracks_of(linked(cells, cells, cells, numbers=[5, 15, 25], max_gap=0))[2] == {1: 1}, "numbered in steps"


def test_empty_frames_and_no_frames_are_followed_too() -> None:
    tracks = linked({}, {1: (30, 40)}, {}, {})
    assert (tracks_of(tracks), tracks.parent_of) == ([{}, {1: 1}, {}, {}], {})
    assert (linked({}, {}).reach.max_distance_px, link([]).frames) == (0, ())


def test_how_far_a_cell_may_move_follows_from_size_and_spacing() -> None:
    near = linked({1: (30, 30), 2: (30, 42)}, {})
    assert near.reach.max_distance_px == pytest.approx(2 * np.sqrt(49 / np.pi))
    assert linked({1: (30, 10), 2: (30, 70)}, {}).reach.max_distance_px == 30
    far = [{1: (30, 10)}, {1: (30, 21)}]
    assert tracks_of(linked(*far, max_distance_px=12))[1] == {1: 1}
    assert tracks_of(linked(*far, max_distance_px=10))[1] == {1: 2}


def test_other_labels_and_a_turned_image_change_no_link() -> None:
    rng = np.random.default_rng(0)
    places = rng.integers(6, 54, (12, 2))
    images = []
    for _ in range(5):
        images.append(drawn({k + 1: (int(y), int(x)) for k, (y, x) in enumerate(places)}, radius=3))
        places = places + rng.integers(-2, 3, places.shape)
    renumbered = [np.where(image > 0, 40 - image, 0)[::-1, ::-1] for image in images]
    one, other = (
        link([Frame(k, lambda k=k, of=of: of[k]) for k in range(5)]) for of in (images, renumbered)
    )  # fmt: skip
    pairs = {
        (mine[label], theirs[40 - label])
        for mine, theirs in zip(tracks_of(one), tracks_of(other), strict=True)
        for label in mine
    }
    assert len(pairs) == len(dict(pairs)) == max(max(tracks) for tracks in one.track_of), "tracks map one to one"
    assert len(one.parent_of) == len(other.parent_of)


def test_ten_thousand_cells_are_followed() -> None:
    grid = np.zeros((600, 600), np.int32)
    rows, columns = np.mgrid[2:600:6, 2:600:6]
    for dy in range(3):
        for dx in range(3):
            grid[rows + dy, columns + dx] = np.arange(1, rows.size + 1).reshape(rows.shape)
    moved = [grid, np.roll(grid, 1, 0), np.roll(grid, (1, 1), (0, 1))]
    tracks = link([Frame(at, lambda at=at: moved[at]) for at in range(3)])
    assert sum(map(len, tracks.track_of)) == 3 * rows.size
    assert tracks_of(tracks)[2] == {label: label for label in range(1, rows.size + 1)}
