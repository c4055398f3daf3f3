"""What the command line leaves, as layers."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from drawn_recording import N_FRAMES, SIZE, cells_at, typed

from cellprune.errors import CellpruneError
from napari_cellprune import predictions


def test_a_prediction_that_follows_cells_has_overlays_labels_and_tracks(
    challenge: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert typed("predict", model, challenge / "01", "-o", out, "--track", "--pixel-size", 0.5, 0.25) == 0
    assert predictions.is_one(out)
    (overlays, _, first), (cells, said, second), (points, tracks, third) = predictions.layers(out)
    assert (first, second, third) == ("image", "labels", "tracks")
    assert overlays.shape == (N_FRAMES, *SIZE, 3)
    assert np.array_equal(cells > 0, [cells_at(at) > 0 for at in range(N_FRAMES)])
    assert said["scale"] == (1.0, 0.5, 0.25)
    assert said["name"] == "01 cells"
    assert len(points) == 7
    mother = int(points[(points[:, 1] == 0) & (points[:, 2] > 20), 0][0])
    assert list(tracks["graph"].values()) == [[mother], [mother]]


def test_tracks_of_labels_from_elsewhere_find_their_parents_under_any_name(challenge: Path, tmp_path: Path) -> None:
    assert typed("track", challenge / "01_RES", "-o", tmp_path / "tracks") == 0
    *_, (_, said, _) = predictions.layers(tmp_path / "tracks")
    assert len(said["graph"]) == 2
    (tmp_path / "tracks/tracks.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CellpruneError, match=r"tracks\.csv is no table of tracks: run 'cellprune track' again"):
        predictions.layers(tmp_path / "tracks")


def test_images_of_one_size_are_a_stack_and_a_stack_is_one(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "overlays").mkdir()
    for name, shape in (("a", (10, 20)), ("b", (10, 20)), ("c", (8, 20)), ("film", (4, 10, 20))):
        tifffile.imwrite(tmp_path / f"labels/{name}.tif", np.ones(shape, np.uint16), photometric="minisblack")
    tifffile.imwrite(tmp_path / "overlays/c.png", np.ones((4, 10, 3), np.uint8))  # smaller, as of a very large image
    (tmp_path / "prediction.json").write_text("{}")
    shapes = {said["name"]: (kind, data.shape) for data, said, kind in predictions.layers(tmp_path)}
    assert shapes == {
        "film cells": ("labels", (4, 10, 20)), f"{tmp_path.name} cells": ("labels", (2, 10, 20)),
        "c overlays": ("image", (4, 10, 3)), "c cells": ("labels", (8, 20)),
    }  # fmt: skip
    (said,) = (said for _, said, kind in predictions.layers(tmp_path) if kind == "image")
    assert (said["scale"], said["translate"]) == ((2.0, 2.0), (0.5, 0.5))


def test_shards_that_are_not_merged_are_a_prediction(challenge: Path, model: Path, tmp_path: Path) -> None:
    assert typed("predict", model, challenge / "01", "-o", tmp_path / "out", "--shard", "1/2") == 0
    assert predictions.is_one(tmp_path / "out")
    assert [said["name"] for _, said, _ in predictions.layers(tmp_path / "out")] == ["out overlays", "out cells"]


def test_a_prediction_without_labels_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "prediction.json").write_text("{}")
    with pytest.raises(CellpruneError, match="has no labels yet: run its 'cellprune predict' to the end"):
        predictions.layers(tmp_path)
