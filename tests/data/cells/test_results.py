"""Truth and results that belong together are paired, in either layout; every mistake is one clear line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import drawn_results
import numpy as np
import pytest
import tifffile

from cellprune.data.cells.layouts import LayoutError
from cellprune.data.cells.results import left_out, pair

LABELS = np.array([[1, 1], [0, 2]], np.uint16)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give 01_GT and 01_RES, which no test may change."""
    return drawn_results.write(tmp_path_factory.mktemp("drawn"))


def save(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / name, LABELS)
    return folder


def test_results_of_the_challenge_are_paired_by_frame(drawn: tuple[Path, Path]) -> None:
    truth, result = drawn
    pairs = pair(truth, result)
    assert [frame.id for frame in pairs.frames] == [f"01/{at:03d}" for at in range(drawn_results.N_FRAMES)]
    assert [frame.number for frame in pairs.frames if frame.gold] == list(drawn_results.WITH_GOLD)
    assert all(frame.markers for frame in pairs.frames)
    assert pairs.has_markers
    of_gold = pair(truth / "SEG", result)
    assert [frame.image.name for frame in of_gold.frames] == ["mask000.tif", "mask002.tif", "mask005.tif"]
    assert not of_gold.has_markers
    assert left_out(of_gold) == ["3 results without truth not scored: mask001.tif, mask003.tif, mask004.tif"]


def test_what_predict_writes_is_a_result_of_either_kind(drawn: tuple[Path, Path], tmp_path: Path) -> None:
    names = [f"labels/{sequence}_t{at:03d}.tif" for sequence in ("01", "02") for at in range(6)]
    predicted = save(tmp_path / "predicted", *names, "cells.csv")
    assert [frame.image.name for frame in pair(drawn[0], predicted).frames] == [f"01_t{at:03d}.tif" for at in range(6)]
    alone = save(tmp_path / "alone", *(f"labels/t{at:03d}.tif" for at in range(6)))
    assert len(pair(drawn[0], alone).frames) == 6
    plain = save(tmp_path / "own", "images/a.tif", "labels/a.tif")
    assert [f.id for f in pair(plain, save(tmp_path / "more", "labels/a.tif", "labels/b.tif")).frames] == ["a.tif"]


def test_a_folder_of_truth_is_a_result_too(drawn: tuple[Path, Path], tmp_path: Path) -> None:
    silver = save(tmp_path / "01_ST", *(f"SEG/man_seg{at:03d}.tif" for at in range(6)))
    assert pair(drawn[0], silver).frames[5].image == silver.resolve() / "SEG/man_seg005.tif"
    as_truth = pair(silver, drawn[1])
    assert (len(as_truth.frames), as_truth.has_markers) == (6, False)


@pytest.mark.parametrize(
    "names", [("a.tif", "a.png"), ("labels/a.tif", "masks/a_masks.png"), ("a.tif", "a_cp_masks.tif")]
)
def test_label_images_are_paired_by_name(tmp_path: Path, names: tuple[str, str]) -> None:
    truth, result = (save(tmp_path / side, name) for side, name in zip(("one", "two"), names, strict=True))
    (frame,) = pair(truth, result).frames
    assert (frame.gold, frame.image) == (truth / names[0], result / names[1])


def test_images_beside_labels_are_left_out_and_ignore_images_are_found(tmp_path: Path) -> None:
    truth = save(tmp_path / "one", "images/a.tif", "labels/a.tif", "ignore/a.tif")
    result = save(tmp_path / "two", "a.tif", "a_masks.tif")
    for named in (truth, truth / "labels"):
        (frame,) = pair(named, result).frames
        assert (frame.image.name, frame.ignore) == ("a_masks.tif", (truth / "ignore/a.tif").resolve())


def other_sequence(truth: Path, result: Path) -> tuple[Path, Path]:
    return truth, result.rename(result.with_name("02_RES"))


def missing_result(truth: Path, result: Path) -> tuple[Path, Path]:
    (result / "mask003.tif").unlink()
    return truth, result


def no_truth(truth: Path, result: Path) -> tuple[Path, Path]:
    for path in truth.rglob("*.tif"):
        path.unlink()
    return truth, result


def other_names(truth: Path, result: Path) -> tuple[Path, Path]:
    return save(truth / "a", "cell_1.tif", "b.tif"), save(truth / "b", "cells_1.tif", "b.tif")


def one_called_a_mask(truth: Path, result: Path) -> tuple[Path, Path]:
    return save(truth / "a", "i0.tif", "i1.tif"), save(truth / "b", "i0.tif", "i1.tif", "i1_masks.tif")


MISTAKES: dict[str, tuple[Callable[[Path, Path], tuple[Path, Path]], str]] = {
    "no folder": (lambda truth, result: (truth / "no", result), r"no is not a folder: name folders of label images"),
    "another sequence": (other_sequence, r"02_RES is of sequence 02, but .*01_GT of 01: name those of one"),
    "a whole set": (lambda truth, result: (truth.parent, result), r"whole recordings: .* such as --truth .*01_GT$"),
    "a result is missing": (
        missing_result, r"01_RES has no result for 1 of 6 frames with truth, .* for .*man_track003.tif: write .*SEG"
    ),
    "no truth": (no_truth, r"01_GT holds no truth: man_seg000.tif in SEG or man_track000.tif in TRA"),
    "two results of a frame": (
        lambda truth, result: (truth, save(result, "t002.tif")), r"t002.tif and mask002.tif are both frame 2: remove"
    ),
    "no result of that name": (
        other_names, r"no result for 1 of 2 label images .*, the first for cell_1.tif \(is it cells_1.tif\?\): write"
    ),
    "a result that is called a mask": (
        one_called_a_mask,
        r"for i0.tif: .* \(i0.tif and 1 more count as images there, because i1_masks.tif is a label image by its"
    ),
    "two of one name": (
        lambda truth, result: (save(truth / "a", "a_masks.tif", "mask_a.tif"), result), r"both labels of 'a'"
    ),
    "no label images": (lambda truth, result: (save(truth / "a", "x/y.tif"), result), r"holds no label images: name"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_line(drawn: tuple[Path, Path], tmp_path: Path, mistake: str) -> None:
    spoil, said = MISTAKES[mistake]
    copies = [shutil.copytree(folder, tmp_path / folder.name) for folder in drawn]
    with pytest.raises(LayoutError, match=said) as refused:
        pair(*spoil(*copies))
    assert "\n" not in str(refused.value)
