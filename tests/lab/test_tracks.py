"""What is written of tracks: tables, relabelled images, the challenge's folder, and a GEFF."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pages
import pytest
import tifffile
from tiff_pages import predictors

from cellprune.data.cells import ctc, track_file
from cellprune.errors import CellpruneError
from cellprune.lab import track_table, tracks
from cellprune.lab.followed import Followed
from cellprune.lab.recordings import recordings

STAYS = {7: (4, 4)}
# a cell that divides, and another that is missed in one frame and has no file in the next
MOVIE = {
    0: {1: (30, 40)} | STAYS, 1: {2: (30, 35), 1: (30, 45)} | STAYS, 2: {1: (30, 34), 2: (30, 46)},
    4: {2: (30, 34), 1: (30, 46), 9: (5, 5)},
}  # fmt: skip


@pytest.fixture
def followed(write: Callable[..., Path]) -> Followed:
    y, x = np.mgrid[:40, :60]
    for number, cells in MOVIE.items():
        labels = np.zeros((40, 60), np.uint16)
        for label, (row, column) in cells.items():
            labels[(y - row) ** 2 + (x - column) ** 2 <= 16] = label
        path = write(
            f"01_RES/mask{number:03d}.tif", labels, resolution=(1e4 / 0.5, 1e4 / 2), resolutionunit="CENTIMETER"
        )
    (recording,) = recordings([str(path.parent)])
    return tracks.follow(recording)


def test_the_table_has_a_line_for_each_track(followed: Followed) -> None:
    lines = list(csv.DictReader(io.StringIO(track_table.as_csv([followed]))))
    assert tuple(lines[0]) == track_table.COLUMNS
    said = [
        (line["track"], line["parent"], line["daughters"], line["first_frame"], line["last_frame"]) for line in lines
    ]
    assert said == [
        ("1", "", "3 4", "0", "0"), ("2", "", "", "0", "4"), ("3", "1", "", "1", "4"), ("4", "1", "", "1", "4"),
    ]  # fmt: skip
    assert [line["n_frames"] for line in lines] == ["1", "3", "3", "3"]
    gap = lines[1]
    assert [gap[name] for name in ("first_y_px", "last_x_px", "first_y_um", "last_x_um")] == [
        "4.0",
        "5.0",
        "8.0",
        "2.5",
    ]
    assert (followed.summary.tracks, followed.summary.divisions, followed.summary.missing_frames) == (4, 1, [3])


def test_every_column_is_explained() -> None:
    page = (pages.DOCS / "reference/tracks.md").read_text(encoding="utf-8")
    assert not [column for column in track_table.COLUMNS if f"`{column}`" not in page]


def test_every_cell_has_its_track_and_parent(followed: Followed) -> None:
    lines = list(track_table.cell_lines(followed))
    assert [(line.frame, line.label, line.track, line.parent) for line in lines[:5]] == [
        (0, 1, 1, None), (0, 7, 2, None), (1, 1, 3, 1), (1, 2, 4, 1), (1, 7, 2, None),
    ]  # fmt: skip
    assert (lines[0].area_px, lines[0].area_um2, lines[0].y_um) == (49, 49.0, 60.0)
    counts = {image.name: len(MOVIE[image.number]) for image in followed.recording.images}
    assert list(tracks.of_cells(counts, [followed])) == [tracks.OfTrack(line.track, line.parent) for line in lines]


def test_images_are_relabelled_through_time(followed: Followed, tmp_path: Path) -> None:
    tracks.write(tmp_path, [followed], ctc=False, geff=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_RES", "tracked", "tracks.csv"]
    made = {number: tifffile.imread(tmp_path / f"tracked/mask{number:03d}.tif") for number in MOVIE}
    assert [made[0][4, 4], made[1][4, 4], made[4][5, 5]] == [2, 2, 2]
    assert [made[number][30, 35] for number in (1, 2, 4)] == [4, 4, 4]
    assert made[0].dtype == np.uint16
    assert predictors(tmp_path / "tracked") == {1}, "ImageJ reads no others rightly"
    for number, labels in made.items():
        assert np.array_equal(labels > 0, followed.recording.images[list(MOVIE).index(number)].read() > 0)


def test_the_challenge_s_folder_has_no_gaps_and_agrees_with_its_track_file(followed: Followed, tmp_path: Path) -> None:
    tracks.write(tmp_path, [followed], ctc=True, geff=False)
    place = tmp_path / "ctc/01_RES"
    listed = ctc.tracks(place / "res_track.txt")
    assert [(t.begin, t.end, t.parent) for t in listed.values()] == [
        (0, 0, 0), (0, 1, 0), (1, 2, 1), (1, 2, 1), (4, 4, 3), (4, 4, 4), (4, 4, 2),
    ]  # fmt: skip
    masks = ctc.results_in(place, None)
    assert list(masks) == [0, 1, 2, 3, 4], "a frame without a file is written without cells"
    shown: dict[int, list[int]] = {}
    for number, path in masks.items():
        assert tifffile.imread(path).dtype == np.uint16
        for label in np.unique(tifffile.imread(path))[1:].tolist():
            shown.setdefault(label, []).append(number)
    assert list(track_file.faults(place, listed, shown, list(masks))) == []


def test_frames_numbered_in_steps_are_neighbours_in_the_challenge_s_folder(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for number in (0, 10, 30):
        labels = np.zeros((9, 9), np.uint8)
        labels[3:6, 3:6] = 1 + number
        place = write(f"in/mask{number:03d}.tif", labels).parent
    tracks.write_ctc(tmp_path / "RES", tracks.follow(recordings([str(place)])[0]))
    assert list(ctc.results_in(tmp_path / "RES", None)) == [0, 1, 2, 3]
    assert (tmp_path / "RES/res_track.txt").read_text() == "1 0 1 0\n2 3 3 1\n"


def test_more_tracks_than_the_challenge_s_files_hold_are_refused(
    followed: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks, "_MOST_IN_CTC", 6)
    with pytest.raises(CellpruneError, match=r"01 has 7 tracks, but the challenge's files hold 6: give --no-ctc"):
        tracks.write(tmp_path / "new", [followed], ctc=True, geff=False)
    assert not (tmp_path / "new").exists()


def test_the_geff_is_valid_and_has_the_links(followed: Followed, tmp_path: Path) -> None:
    geff = pytest.importorskip("geff", reason="it is in the extras lab and dev")
    tracks.write(tmp_path, [followed], ctc=False, geff=True)
    path = tmp_path / "geff/01.geff"
    geff.validate_structure(path)
    graph, about = geff.read(path, backend="networkx")
    assert [axis.unit for axis in about.axes] == ["frame", "micrometer", "micrometer"]
    of = graph.nodes
    assert sorted((of[a]["t"], of[a]["track"], of[b]["t"], of[b]["track"]) for a, b in graph.edges) == [
        (0, 1, 1, 3), (0, 1, 1, 4), (0, 2, 1, 2), (1, 2, 4, 2), (1, 3, 2, 3), (1, 4, 2, 4), (2, 3, 4, 3), (2, 4, 4, 4),
    ]  # fmt: skip
    assert of[0] == {"t": 0, "y": 60.0, "x": 20.0, "area_px": 49, "label": 1, "track": 1}
