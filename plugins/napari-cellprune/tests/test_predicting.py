"""A model on an open image gives what the command gives, tells how far it is, and stops."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from drawn_recording import N_FRAMES, SIZE, bright_model, cells_at, typed
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.lab import tiles
from napari_cellprune.agreement import Agreement, agreement, compare
from napari_cellprune.predicting import OpenImage, Predicted, Stopped, predict


def predicted(model: Path, image: OpenImage) -> Predicted:
    return predict(model, image, tell=lambda share, message: None, is_stopped=lambda: False)


def recording(challenge: Path) -> NDArray:
    return np.stack([tifffile.imread(challenge / f"01/t{at:03d}.tif") for at in range(N_FRAMES)])


def test_the_labels_are_those_of_the_command(challenge: Path, model: Path, tmp_path: Path) -> None:
    assert typed("predict", model, challenge / "01", "-o", tmp_path / "out", "--no-overlays") == 0
    commands = [tifffile.imread(path) for path in sorted((tmp_path / "out/labels").iterdir())]
    told: list[tuple[float, str]] = []
    image = OpenImage("film", recording(challenge)[:, None])  # axes T, Z, Y, X
    made = predict(model, image, tell=lambda *said: told.append(said), is_stopped=lambda: False)
    assert np.array_equal(made.labels[:, 0], commands)
    assert made.labels.dtype == np.int32
    assert (made.model, made.n_cells, made.warnings) == ("bright", 7, ())
    assert told[0] == (0, "loading the model")
    assert told[-1] == (1.0, "image 3 of 3")
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def test_stopping_between_tiles_gives_nothing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "fits", lambda *_: False)
    told: list[str] = []
    monkeypatch.setattr(tiles, "_tile", lambda *_: (16, 50))
    image = OpenImage("film", np.stack([cells_at(0)] * 2))
    with pytest.raises(Stopped):
        predict(model, image, tell=lambda _, said: told.append(said), is_stopped=lambda: len(told) > 3)
    assert told == ["loading the model", "image 1 of 2", "image 1 of 2, tile 1/3", "image 1 of 2, tile 2/3"]


def test_colours_are_channels_or_grey(tmp_path: Path, model: Path) -> None:
    cells = cells_at(0)
    grey = np.stack([cells, cells, cells, np.full(SIZE, 255)], axis=-1).astype(np.uint8)
    assert predicted(model, OpenImage("grey", grey, is_colour=True)).n_cells == 2
    red = np.stack([cells, 0 * cells + 1, 0 * cells], axis=-1).astype(np.uint8)
    in_colour = bright_model(tmp_path / "colour.onnx", in_channels=3)
    assert predicted(in_colour, OpenImage("red", red, is_colour=True)).n_cells == 2
    with pytest.raises(CellpruneError, match="red has 3 channels, but the model takes 1: convert it to grey"):
        predicted(model, OpenImage("red", red, is_colour=True))


def test_what_cannot_be_predicted_is_told(tmp_path: Path, model: Path) -> None:
    with pytest.raises(CellpruneError, match=r"there is no file or folder '.*x\.onnx': choose a model"):
        predicted(tmp_path / "x.onnx", OpenImage("a", cells_at(0)))
    with pytest.raises(CellpruneError, match="a holds bool values, which are not grey levels: choose another image"):
        predicted(model, OpenImage("a", cells_at(0) > 0))
    with pytest.raises(CellpruneError, match="a is constant or has NaN or infinite pixels: there is nothing to see"):
        predicted(model, OpenImage("a", np.full(SIZE, np.nan)))
    blank = predicted(model, OpenImage("a", np.stack([cells_at(0), np.zeros(SIZE)]), pixel_size_um=(5.0, 5.0)))
    assert blank.n_cells == 2
    size, lost = blank.warnings
    assert size.startswith("a has pixels of 5 x 5 um, but the model learned from 0.5 x 0.5 um")
    assert size.endswith("correct the scale of the layer, or use 'cellprune predict --rescale'")
    assert lost == "1 image of a have no labels, the first at 1: constant, or with NaN or infinite pixels"


def test_two_models_are_compared_cell_by_cell(tmp_path: Path, model: Path) -> None:
    image = np.where(cells_at(0) == 2, 100, 0) + np.where(cells_at(0) == 1, 200, 0)
    strict = bright_model(tmp_path / "strict.onnx", above=3.0)
    told: list[float] = []
    compared = compare(
        model, strict, OpenImage("a", image), tell=lambda share, _: told.append(share), is_stopped=lambda: False
    )
    assert compared.agreement == Agreement(both=1, first_alone=1, second_alone=0)
    assert compared.sentence == "1 cell in both (IoU above 0.5), 1 in bright alone, 0 in strict alone"
    assert told == [0.0, 0.0, 0.5, 0.5, 0.5, 1.0], "each model is half of the work"
    with pytest.raises(CellpruneError, match=r"both models are .*bright\.onnx: choose two"):
        compare(model, model, OpenImage("a", image), tell=lambda *_: None, is_stopped=lambda: False)


def test_stacks_agree_plane_by_plane() -> None:
    first, second = (np.stack([cells_at(0), labels]) for labels in (cells_at(1), np.roll(cells_at(2), 3, axis=1)))
    assert agreement(first, second) == Agreement(both=2, first_alone=2, second_alone=3)
