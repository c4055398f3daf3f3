"""Label images sorted into time-lapses by their names, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.lab.recordings import recordings, require_numbers, require_time_lapse

ONE = np.eye(8, dtype=np.uint16)
Write = Callable[..., Path]


def found(*inputs: Path) -> dict[str, list[int]]:
    return {found.name: [image.number for image in found.images] for found in recordings(list(map(str, inputs)))}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["01_RES/mask000.tif", "01_RES/mask002.tif", "01_RES/mask001.tif"], {"01": [0, 1, 2]}),
        (["cells/labels/01_t008.tif", "cells/labels/01_t012.tif", "cells/labels/02_t000.tif"],
         {"01": [8, 12], "02": [0]}),
        (["movie/well A 9_masks.tif", "movie/well A 10_masks.tif"], {"well A": [9, 10]}),
        (["movie/t000.tif", "movie/t001.tif"], {"movie": [0, 1]}),
        # results bear its name, and no file of Windows is called aux.geff
        (["movie/aux1.tif", "movie/aux2.tif"], {"aux_": [1, 2]}),
    ],
)  # fmt: skip
def test_the_number_at_the_end_of_a_name_is_its_time(write: Write, files: list[str], expected: dict) -> None:
    root = write("x.tif", ONE).parent
    for file in files:
        write(file, ONE)
    assert found(root / Path(files[0]).parts[0]) == expected


def test_a_stack_is_a_recording_of_its_own(write: Write) -> None:
    (recording,) = recordings([str(write("cells.tif", np.stack([ONE, ONE * 2, ONE * 3]), photometric="minisblack"))])
    assert [(image.name, int(image.read().max())) for image in recording.images] == [
        ("cells_t000", 1), ("cells_t001", 2), ("cells_t002", 3),
    ]  # fmt: skip
    assert (recording.name, recording.missing, recording.size) == ("cells", [], (8, 8))


def test_missing_frames_are_known(write: Write) -> None:
    files = [write(f"t{number:03d}.tif", ONE) for number in (3, 4, 7)]
    (recording,) = recordings(list(map(str, files)))
    assert recording.missing == [5, 6]
    (in_steps,) = recordings([str(write(f"s{number:03d}.tif", ONE)) for number in (0, 10, 30)])
    assert in_steps.missing == [20]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"cells.tif": ONE}, "cells.tif has no number at the end of its name, so its time is unknown"),
        (
            {"t001.tif": ONE, "t99999999999999999999999.tif": ONE},
            "t9{23}.tif ends with a number of more than 18 digits, which is no time: number the frames",
        ),
        ({"t000.tif": ONE}, "t000.tif is alone: tracks need two images or more of one recording"),
        ({"t000.tif": ONE, "t0000.tif": ONE}, "and t0000.tif are both frame 0: remove one"),
        ({"t000.tif": ONE, "t001.tif": ONE[:6]}, "t000.tif is 8 x 8 pixels, but t001.tif is 6 x 8"),
        ({"x.txt": None}, "holds no label images: give one with TIFF or PNG files"),
    ],
)
def test_what_is_no_time_lapse_is_refused(write: Write, files: dict[str, NDArray | None], said: str) -> None:
    for name, image in files.items():
        place = write(f"in/{name}", ONE if image is None else image).parent
    with pytest.raises(CellpruneError, match=said):
        recordings([str(place)])


def test_what_is_not_there_is_named_with_what_is_like_it(write: Write) -> None:
    place = write("labels/t000.tif", ONE).parent
    with pytest.raises(CellpruneError, match=r"no file or folder '.*label' \(did you mean labels\?\)"):
        recordings([str(place.parent / "label")])


@pytest.mark.parametrize(
    "names", [("a/01_RES/mask", "b/01_RES/mask"), ("a/Well_t", "b/well_t"), ("a/z\u00e9_t", "b/ze\u0301_t")]
)
def test_two_recordings_of_one_name_are_not_mixed(write: Write, names: tuple[str, str]) -> None:
    files = [write(f"{name}{at:03d}.tif", ONE) for name in names for at in (0, 1)]
    with pytest.raises(CellpruneError, match=r"are of recordings of one name"):
        recordings(list(map(str, files)))


def test_masks_without_numbers_are_refused(write: Write) -> None:
    two = np.zeros((8, 8), np.uint8)
    two[1:3, 1:3] = two[5:7, 5:7] = 255
    files = [str(write(f"t{at:03d}.tif", two)) for at in range(2)]
    with pytest.raises(CellpruneError, match=r"t000.tif has one number for all cells"):
        require_numbers(recordings(files)[0])
    write("t001.tif", np.where(two > 0, np.arange(8, dtype=np.uint8)[:, None], 0))
    require_numbers(recordings(files)[0])


def test_names_alone_tell_whether_images_are_a_time_lapse() -> None:
    require_time_lapse(["01_t000.tif", "01_t001.tif"])
    with pytest.raises(CellpruneError, match=r"01_t000.tif is alone"):
        require_time_lapse(["01_t000.tif", "02_t000.tif"])
    require_time_lapse(["t0.tif", "t600.tif", "t1200.tif"])
    require_time_lapse([f"t{10**17 + at:040d}.tif" for at in range(2)])
    seconds = ["t1699000000.tif", "t1699000601.tif", "t1699001200.tif"]
    with pytest.raises(CellpruneError, match=r"t1699000000 to 1699001200 would be 1,201 frames, but 3 have an image"):
        require_time_lapse(seconds)
