"""From what a user types to frames; cards; where data live."""

from pathlib import Path

import numpy as np
import platformdirs
import pytest

from cellprune.config import shipped
from cellprune.data.cells.ctc import LayoutError
from cellprune.data.cells.frames import CLASSES
from cellprune.data.open import open_dataset
from cellprune.data.sets import cards
from cellprune.data.sets.cards import CardError
from cellprune.data.sets.named import MissingDataError, is_folder
from cellprune.data.sets.root import data_root as root_of
from cellprune.errors import CellpruneError

from .conftest import write


def test_a_folder_is_opened_by_its_path(cells: Path) -> None:
    dataset = open_dataset(str(cells))
    assert dataset.name == "cells"
    assert (len(dataset.frames), len(dataset.gold_frames)) == (16, 12)
    assert dataset.classes == CLASSES
    assert dataset.pixel_size_um == (0.65, 0.65), "as its files say"
    assert (dataset.frame_interval_min, dataset.field_of_interest_px) == (None, None)


def test_files_that_do_not_agree_on_the_pixel_size_say_nothing(own_cells: Path) -> None:
    first = next(frame for frame in open_dataset(str(own_cells)).frames if frame.gold)
    write(first.image, np.arange(64 * 72, dtype=np.uint16).reshape(64, 72))
    assert open_dataset(str(own_cells)).pixel_size_um is None


def test_images_that_each_have_a_class_are_for_the_other_task(tmp_path: Path) -> None:
    (tmp_path / "set.npz").touch()
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "train").touch()
    for given in ("set.npz", "cifar-100-python", ""):
        with pytest.raises(CellpruneError, match=r"holds a class for each image.*: add --task classification"):
            open_dataset(f"{tmp_path}/{given}")


def test_a_separator_makes_a_folder(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [is_folder(text) for text in ("cells", "./cells", ".", "..", "a/b")] == [False, True, True, True, True]
    monkeypatch.chdir(cells.parent)
    assert open_dataset("./cells").name == "cells"
    monkeypatch.chdir(cells)
    assert open_dataset(".").name == "cells"
    monkeypatch.chdir(cells.parent)
    with pytest.raises(CellpruneError, match=r"no data set is named 'cells'; write '\./cells'"):
        open_dataset("cells")


def test_simulated_cells_are_made_once(data_root: Path) -> None:
    dataset = open_dataset("simulated", data_root=data_root)
    made = dataset.frames[0].image.stat().st_mtime_ns
    assert open_dataset("simulated", data_root=data_root).frames[0].image.stat().st_mtime_ns == made
    assert dataset.pixel_size_um == (0.65, 0.65)
    assert (len(dataset.frames), len(dataset.gold_frames)) == (24, 18)


@pytest.mark.parametrize("name", ["Fluo-C3DH-A549", "Fluo-N3DL-DRO", "Fluo-C3DL-MDA231"])
def test_a_3d_set_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(CellpruneError, match=f"{name} is one of the challenge's 3-D sets: cellprune reads 2-D"):
        open_dataset(name)


def test_a_set_of_stacks_is_refused_as_3d(own_cells: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 9, (5, 64, 72)).astype(np.uint8)
    write(own_cells / "01" / "t000.tif", stack, photometric="minisblack")
    with pytest.raises(LayoutError, match=r"t000\.tif is a stack of 5 planes, so .* is a 3-D set"):
        open_dataset(str(own_cells))


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(CellpruneError, match=r"no data set 'PhC-C2DH-U374'\.\nDid you mean 'PhC-C2DH-U373'"):
        open_dataset("PhC-C2DH-U374")


def test_missing_data_names_the_ways_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError) as raised:
        open_dataset("PhC-C2DH-U373", data_root=tmp_path)
    for way in (str(tmp_path), "http://data.celltrackingchallenge.net", "--from", "--data-root", "$CELLPRUNE_DATA"):
        assert way in str(raised.value)
    assert "\n" not in str(raised.value)


def test_truth_without_an_image_is_refused(own_cells: Path) -> None:
    (own_cells / "01" / "t002.tif").unlink()
    with pytest.raises(LayoutError, match=r"man_seg002\.tif is truth without an image \(3 such files\)"):
        open_dataset(str(own_cells))


def test_the_root_given_the_environment_s_or_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root_of(tmp_path) == tmp_path
    assert root_of() == Path(platformdirs.user_data_dir("cellprune", appauthor=False)) / "datasets"
    monkeypatch.setenv("CELLPRUNE_DATA", str(tmp_path / "env"))
    assert root_of() == tmp_path / "env"
    assert root_of(tmp_path) == tmp_path


@pytest.mark.parametrize("name", cards.names())
def test_every_card_is_complete(name: str) -> None:
    card = cards.card(name)
    assert card.name == name
    assert card.terms
    assert card.modality
    assert (card.source == "fetch") == (card.address is not None) == ((card.sha256 or card.md5) is not None)
    assert (card.source != "simulate") == bool(card.citations)


def test_the_cards_of_the_real_sets_say_what_is_known() -> None:
    u373, hela = cards.card("PhC-C2DH-U373"), cards.card("DIC-C2DH-HeLa")
    assert (u373.pixel_size_um, u373.frame_interval_min, u373.field_of_interest_px) == ((0.65, 0.65), 15, 50)
    assert (hela.pixel_size_um, hela.frame_interval_min, hela.field_of_interest_px) == ((0.19, 0.19), 10, 50)


GOOD = (shipped.folder("datasets") / "simulated.yaml").read_text()
BAD_CARDS = {
    "unknown field": (f"{GOOD}pixelsize: 1\n", "pixelsize: Extra inputs"),
    "missing field": (GOOD.replace("modality", "#"), "modality: Field required"),
    "bad values, all of them": (
        GOOD.replace("15", "-1").replace("[0.65, 0.65]", "[1]"),
        "pixel_size_um.*frame_interval",
    ),
    "an object": (f"{GOOD}x: !!python/object/apply:os.getcwd []\n", "not plain YAML"),
    "a list": ("- 1\n", "not valid: card"),
    "another name": (GOOD.replace("name: simulated", "name: other"), "names 'other'"),
}


@pytest.mark.parametrize("name", BAD_CARDS)
def test_a_bad_card_is_refused(tmp_path: Path, name: str) -> None:
    text, message = BAD_CARDS[name]
    path = tmp_path / "simulated.yaml"
    path.write_text(text)
    with pytest.raises(CardError, match=message) as raised:
        cards.read(path)
    assert "\n" not in str(raised.value)


def test_an_unknown_card_is_refused() -> None:
    with pytest.raises(CardError, match="no data set 'none'"):
        cards.card("none")
