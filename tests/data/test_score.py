"""Folders of results, judged: the challenge's own numbers, partial truth, drawn masks, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import drawn_results
import drawn_tracks
import numpy as np
import pytest
import tifffile
from command_line import typed
from numpy.typing import NDArray

from cellprune.data.score import score
from cellprune.errors import CellpruneError
from cellprune.evaluation.cells import CELL_SCORES
from cellprune.evaluation.tracks import LinkCount

SIZE = (40, 50)
WITHOUT_TRACKS = "TRA and LNK need 01_GT/TRA/man_track.txt, so they are not computed"


def labels(*corners: tuple[int, int], side: int = 8) -> NDArray[np.uint16]:
    """Draw squares, numbered from 1."""
    drawn = np.zeros(SIZE, np.uint16)
    for number, (row, column) in enumerate(corners, start=1):
        drawn[row : row + side, column : column + side] = number
    return drawn


def save(path: Path, pixels: NDArray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels)
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give 01_GT and 01_RES, which no test may change."""
    return drawn_results.write(tmp_path_factory.mktemp("drawn"))


def test_scores_of_a_challenge_folder_are_py_ctcmetrics(drawn: tuple[Path, Path]) -> None:
    """Its 1.3.3 on these folders, by benchmarks/ctcmetrics.py."""
    scored = score(*drawn)
    assert scored.scores["seg"] == pytest.approx(0.4678372747222946, abs=1e-12)
    assert scored.scores["det"] == pytest.approx(0.8433734939759037, abs=1e-12)
    assert (len(scored.images), len(scored.markers), scored.notes) == (3, 6, (WITHOUT_TRACKS,))
    assert scored.scores["op_csb"] == pytest.approx((scored.scores["seg"] + scored.scores["det"]) / 2, abs=1e-15)
    assert score(drawn[0] / "SEG", drawn[1]).scores == {**scored.scores, "det": None, "op_csb": None}


def test_the_table_and_the_json_say_the_same(drawn: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("score", "--truth", drawn[0], "--result", drawn[1]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{drawn[1]}, judged by {drawn[0]}: 3 images, 6 frames with markers"
    assert said[1] == "44 cells found, 41 true"
    assert said[2].split()[:2] == ["SEG", "0.4678"]
    assert [line.split("  ")[0] for line in said[2:-3]] == [row.label for row in CELL_SCORES.values()]
    assert "14.6 % (6 / 41)" in said[8]
    assert [line[:22] for line in said[-3:-1]] == ["DET             0.8434", "OP_CSB          0.6556"]
    assert said[-1] == f"note: {WITHOUT_TRACKS}"
    assert typed("score", "--truth", drawn[0], "--result", drawn[1], "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["scores"]["seg"] == pytest.approx(0.4678, abs=1e-4)
    assert content["total"]["merged"] == 6
    assert [image["id"] for image in content["images"]] == ["01/000", "01/002", "01/005"]


def test_a_cell_that_nobody_outlined_is_not_extra(tmp_path: Path) -> None:
    everything = labels((4, 4), (4, 20), (20, 4))
    save(tmp_path / "01_GT/SEG/man_seg000.tif", labels((4, 4), (4, 20)))
    save(tmp_path / "01_GT/TRA/man_track000.tif", everything)
    result = save(tmp_path / "01_RES/mask000.tif", labels((4, 4), (4, 20), (20, 4), (20, 30))).parent
    scored = score(tmp_path / "01_GT", result)
    assert (scored.total.true, scored.total.found, scored.total.extra) == (2, 3, 1)
    assert scored.notes[0] == "no outline for 1 tracked cell in 1 gold frame: what is found there is not extra"
    assert scored.scores["det"] == pytest.approx(1 - 1 / 30)


def test_the_card_of_the_set_knows_the_field_of_interest(tmp_path: Path) -> None:
    truth, found = np.zeros((130, 140), np.uint16), np.zeros((130, 140), np.uint16)
    truth[45:55, 45:60] = found[45:55, 45:60] = 1
    found[60:70, 2:12] = 2
    folder = tmp_path / "PhC-C2DH-U373" / "01_GT"
    save(folder / "SEG/man_seg000.tif", truth)
    result = save(tmp_path / "01_RES/mask000.tif", found).parent
    known = score(folder, result)
    assert (known.field_of_interest_px, known.total.found, known.total.extra) == (50, 1, 0)
    assert score(folder / "SEG", result).field_of_interest_px == 50
    whole = score(folder, result, field_of_interest_px=0)
    assert (whole.total.found, whole.total.extra) == (2, 1)


def test_masks_without_numbers_are_judged_piece_by_piece(tmp_path: Path) -> None:
    for name, corners in (("a", [(4, 4), (4, 20)]), ("b", [(20, 4)])):
        save(tmp_path / f"truth/{name}.tif", (labels(*corners) > 0).astype(np.uint8) * 255)
        save(tmp_path / f"result/{name}.tif", labels(*corners))
    scored = score(tmp_path / "truth", tmp_path / "result")
    assert (scored.total.true, scored.total.found, scored.scores["seg"], scored.scores["ap_90"]) == (3, 3, 1, 1)
    assert scored.notes == ("the truth has one number for all cells: every connected piece counts as a cell",)
    assert [image.id for image in scored.images] == ["a.tif", "b.tif"]


def test_in_the_challenge_a_number_is_a_cell_in_any_number_of_pieces(tmp_path: Path) -> None:
    pieces = (labels((4, 4), (4, 20)) > 0).astype(np.uint16)
    truth = save(tmp_path / "01_GT/SEG/man_seg000.tif", pieces).parent
    scored = score(truth, save(tmp_path / "01_RES/mask000.tif", pieces).parent)
    assert (scored.total.true, scored.total.found, scored.scores["seg"]) == (1, 1, 1)
    assert "the result has one number for all cells: it counts as one cell per frame" in scored.notes


def test_markers_alone_give_det_alone(drawn: tuple[Path, Path], tmp_path: Path) -> None:
    truth = shutil.copytree(drawn[0] / "TRA", tmp_path / "01_GT" / "TRA").parent
    scored = score(truth, drawn[1])
    assert {name for name, value in scored.scores.items() if value is not None} == {"det"}
    assert scored.scores["det"] == pytest.approx(0.8433734939759037)
    assert "no cell is outlined (man_seg000.tif in 01_GT/SEG), so SEG is not computed" in scored.notes


def test_empty_images_count_and_define_nothing(tmp_path: Path) -> None:
    for side in ("truth", "result"):
        save(tmp_path / side / "a.tif", labels())
    assert set(score(tmp_path / "truth", tmp_path / "result").scores.values()) == {None}
    save(tmp_path / "result/a.tif", labels((4, 4)))
    scored = score(tmp_path / "truth", tmp_path / "result")
    assert (scored.scores["seg"], scored.scores["ap_50"], scored.total.extra) == (None, 0, 1)


def test_what_an_ignore_image_says_is_not_judged(tmp_path: Path) -> None:
    save(tmp_path / "cells/labels/a.tif", labels((4, 4)))
    save(tmp_path / "cells/ignore/a.tif", (labels((18, 2), side=16) > 0).astype(np.uint8) * 255)
    save(tmp_path / "result/a.tif", labels((4, 4), (20, 4)))
    assert score(tmp_path / "cells", tmp_path / "result").total.found == 1


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (labels((4, 4))[:30], r"mask000.tif is 30 x 50 pixels, but its truth .*man_seg000.tif is 40 x 50: score"),
        (labels((4, 4)) / 1.0, r"mask000.tif holds float64 values, but labels are whole numbers: save them as 16 bit"),
        (np.stack([labels((4, 4))] * 2), r"mask000.tif is a stack of 2 images, but one is expected"),
        (labels((4, 4)).astype(np.int16) - 1, r"mask000.tif has labels outside 0..2\^31-1: number the cells from 1"),
        (
            np.arange(2000).reshape(SIZE).astype(np.uint16) % 9,
            r"mask000.tif has 8 numbers in [\d,]+ pieces, as an image of",
        ),
    ],
)
def test_what_holds_no_labels_is_refused(tmp_path: Path, pixels: NDArray, said: str) -> None:
    truth = save(tmp_path / "01_GT/SEG/man_seg000.tif", labels((4, 4))).parent.parent
    with pytest.raises(CellpruneError, match=said):
        score(truth, save(tmp_path / "01_RES/mask000.tif", pixels).parent)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give 01_GT and 01_RES with tracks, which no test may change."""
    folder, truth = tmp_path_factory.mktemp("tracked"), drawn_tracks.truth(0)
    result = drawn_tracks.write(folder, *drawn_tracks.spoiled(*truth, 0), is_truth=False)
    return drawn_tracks.write(folder, *truth, is_truth=True), result


def test_scores_of_tracks_are_py_ctcmetrics(tracked: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Its 1.3.3 on these folders, by benchmarks/ctcmetrics.py."""
    scored = score(*tracked)
    theirs = {"seg": 0.9529770371875635, "det": 0.956390977443609, "tra": 0.930601454064772, "lnk": 0.7431693989071038}
    theirs |= {"op_csb": (theirs["seg"] + theirs["det"]) / 2, "op_ctb": (theirs["seg"] + theirs["tra"]) / 2}
    assert {name: scored.scores[name] for name in theirs} == pytest.approx(theirs, abs=1e-12)
    assert (scored.links, scored.notes) == (LinkCount(true=122, missed=24, wrong=9, of_wrong_kind=2), ())
    assert typed("score", "--truth", tracked[0], "--result", tracked[1]) == 0
    lines = capsys.readouterr().out.splitlines()[-5:]
    assert [line.split()[:2] for line in lines] == [
        ["DET", "0.9564"], ["TRA", "0.9306"], ["LNK", "0.7432"], ["OP_CSB", "0.9547"], ["OP_CTB", "0.9418"],
    ]  # fmt: skip


def test_truth_is_its_own_perfect_result(tracked: tuple[Path, Path]) -> None:
    scores = score(tracked[0], tracked[0] / "TRA").scores
    assert (scores["det"], scores["tra"], scores["lnk"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("side", "change", "said"),
    [
        (1, lambda lines: lines[1:], r"res_track.txt does not list track 1, which frame 0 shows: correct the file or"),
        (1, lambda lines: [*lines, "99 2 5 0"], r"res_track.txt lists track 99 in frame 2, which does not show it"),
        (1, lambda lines: [*lines[1:], "1 1 8 0"], r"res_track.txt lists track 1 for 1 to 8, but frame 0 shows it"),
        (1, lambda lines: [*lines[:-1], f"{lines[-1][:-1]}77"], r"names \d*77 as parent of track \d+, but does not"),
        (0, lambda lines: [f"{lines[0][:-1]}3", *lines[1:]], r"begins track 1 in frame 0, but its parent 3 ends in \d"),
        (1, lambda lines: ["1 0 77 0", *lines[1:]], r"res_track.txt lists track 1 in frame \d+, which has no image"),
        (1, lambda lines: [*lines, lines[0]], r"res_track.txt, line \d+: track 1 is listed twice"),
    ],
)
def test_tracks_that_the_images_do_not_show_are_refused(
    tracked: tuple[Path, Path], tmp_path: Path, side: int, change: Callable[[list[str]], list[str]], said: str
) -> None:
    folders = [shutil.copytree(folder, tmp_path / folder.name) for folder in tracked]
    path = folders[1] / "res_track.txt" if side else folders[0] / "TRA" / "man_track.txt"
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(CellpruneError, match=said):
        score(*folders)


def test_markers_that_are_lost_are_not_taken_for_a_shorter_recording(
    tracked: tuple[Path, Path], tmp_path: Path
) -> None:
    truth = shutil.copytree(tracked[0], tmp_path / "01_GT")
    (truth / "TRA" / "man_track001.tif").unlink()
    with pytest.raises(CellpruneError, match=r"man_track.txt lists track \d+ in frame 1, which has no image: correct"):
        score(truth, tracked[1])


U373, HELA = "PhC-C2DH-U373", "DIC-C2DH-HeLa"
REAL = {  # silver truth as result: its SEG and DET by benchmarks/ctcmetrics.py with py-ctcmetrics 1.3.3
    (U373, "01"): (0.951133695449535, 1.0),
    (U373, "02"): (0.8883704614790053, 1.0),
    (HELA, "01"): (0.9537055813495614, 0.9410714285714286),
    (HELA, "02"): (0.958172121134596, 0.8815533980582524),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sequence"), REAL)
def test_real_folders_are_scored_as_py_ctcmetrics_does(real_root: Path, name: str, sequence: str) -> None:
    scored = score(real_root / name / f"{sequence}_GT", real_root / name / f"{sequence}_ST", field_of_interest_px=0)
    assert (scored.scores["seg"], scored.scores["det"]) == pytest.approx(REAL[name, sequence], abs=1e-9)


TRACKED = {  # the truth, spoiled by `drawn_tracks.spoiled`: TRA and LNK by benchmarks/ctcmetrics.py
    (U373, "01"): (0.8396494821895982, 0.48988566402814426),
    (U373, "02"): (0.8223969801824473, 0.43309002433090027),
    (HELA, "01"): (0.9170817120622567, 0.7227272727272727),
    (HELA, "02"): (0.9116489654296958, 0.7124958786679855),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sequence"), TRACKED)
def test_real_tracks_are_scored_as_py_ctcmetrics_does(
    real_root: Path, tmp_path: Path, name: str, sequence: str
) -> None:
    truth = real_root / name / f"{sequence}_GT"
    markers = [tifffile.imread(path) for path in sorted((truth / "TRA").glob("*.tif"))]
    lines = [tuple(map(int, line.split())) for line in (truth / "TRA/man_track.txt").read_text().splitlines()]
    spoiled = drawn_tracks.spoiled(markers, lines, 1)
    result = drawn_tracks.write(tmp_path, *spoiled, is_truth=False, sequence=sequence)
    scored = score(truth, result, field_of_interest_px=0)
    assert (scored.scores["tra"], scored.scores["lnk"]) == pytest.approx(TRACKED[name, sequence], abs=1e-9)
