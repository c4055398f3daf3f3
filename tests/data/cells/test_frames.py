"""What a data set is on disk: frames by their names, and the files that belong to them."""

from pathlib import Path

import pytest

from cellprune.data.cells.frames import Dataset, Frame


def frame(number: int = 2, **files: Path | str | None) -> Frame:
    truth = {"gold": None, "silver": None, "markers": None}
    return Frame("cells", "01", number, **({"image": Path("t002.tif")} | truth | files))


@pytest.mark.parametrize(("number", "name"), [(2, "01/002"), (0, "01/000"), (1234, "01/1234")])
def test_a_frame_is_named_by_sequence_and_time(number: int, name: str) -> None:
    assert frame(number).id == name


def test_a_frame_that_has_a_name_is_called_by_it() -> None:
    assert frame(name="plate A.tif").id == "plate A.tif"


def test_only_files_that_there_are_are_listed_by_their_kind() -> None:
    assert frame().files == {"image": Path("t002.tif")}
    whole = frame(gold=Path("g"), silver=Path("s"), markers=Path("m"), ignore=Path("i"))
    assert list(whole.files) == ["image", "gold", "silver", "markers", "ignore"]


def test_gold_frames_are_those_that_a_human_annotated() -> None:
    frames = (frame(0), frame(1, gold=Path("g")), frame(2, silver=Path("s")), frame(3, gold=Path("h")))
    assert [found.number for found in Dataset("cells", Path(), frames).gold_frames] == [1, 3]


def test_grey_that_is_saved_in_colour_is_seen_either_way_and_all_else_as_it_is() -> None:
    saved_in_colour = Dataset("cells", Path(), (), channels=1, saved_channels=3)
    assert saved_in_colour.seen_with(3).channels == 3
    assert saved_in_colour.seen_with(1).channels == 1
    assert saved_in_colour.seen_with(2).channels == 1
    grey = Dataset("cells", Path(), ())
    assert grey.seen_with(3).channels == 1
    assert saved_in_colour.seen_with(3).seen_with(3).channels == 3
