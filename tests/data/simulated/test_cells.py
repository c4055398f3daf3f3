"""Simulated cells: how they live, move and divide, and that each pixel belongs to one."""

import numpy as np
import pytest

from cellprune.data.simulated.cells import scenes

SIZE = (80, 100)


@pytest.fixture(scope="module")
def lived():
    return list(scenes(np.random.default_rng(4), 12, SIZE))


def test_depth_and_labels_tell_the_same_cells(lived) -> None:
    for scene, alive in lived:
        assert scene.labels.shape == scene.depth.shape == scene.thickness.shape == SIZE
        assert np.array_equal(scene.labels > 0, scene.depth > 0)
        assert not scene.thickness[scene.labels == 0].any()
        assert set(np.unique(scene.labels)) - {0} <= {track.label for track in alive}
        assert scene.depth.max() <= 1


def test_a_cell_that_divides_ends_and_its_two_daughters_begin(lived) -> None:
    tracks = {track.label: track for _, alive in lived for track in alive}
    mothers = {track.parent for track in tracks.values() if track.parent}
    assert mothers, "some cell divides"
    for mother in mothers:
        daughters = [track for track in tracks.values() if track.parent == mother]
        assert len(daughters) == 2
        assert {track.begin for track in daughters} == {tracks[mother].end + 1}
    assert all(track.begin == 0 for track in tracks.values() if not track.parent)


def test_a_track_is_in_every_frame_from_its_begin_to_its_end(lived) -> None:
    present = [{track.label for track in alive} for _, alive in lived]
    tracks = {track.label: track for _, alive in lived for track in alive}
    for label, track in tracks.items():
        assert [label in labels for labels in present] == [track.begin <= n <= track.end for n in range(len(lived))]


def test_the_generator_alone_decides_and_a_larger_field_has_more_cells() -> None:
    def first(seed: int, size: tuple[int, int]):
        return next(scenes(np.random.default_rng(seed), 4, size))

    assert np.array_equal(first(1, SIZE)[0].labels, first(1, SIZE)[0].labels)
    assert not np.array_equal(first(1, SIZE)[0].labels, first(2, SIZE)[0].labels)
    assert len(first(1, (40, 40))[1]) == 3, "three at least"
    assert len(first(1, (160, 200))[1]) == 8


def test_cells_move_and_stay_in_the_picture(lived) -> None:
    (first, alive), (last, _) = lived[0], lived[-1]
    assert (first.labels != last.labels).any()
    for scene, alive in lived:
        for track in alive:
            assert (scene.labels == track.label).any(), "none is lost at the edge or beneath another"
