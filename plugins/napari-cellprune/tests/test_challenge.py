"""A folder of the challenge as layers."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from drawn_recording import N_FRAMES, SIZE, cells_at

from cellprune.errors import CellpruneError
from napari_cellprune import challenge as of_challenge
from napari_cellprune import layers as of_layers


def test_a_sequence_has_its_images_truth_result_and_tracks(challenge: Path) -> None:
    made = of_challenge.layers(challenge / "01")
    said = {keywords["name"]: (kind, data) for data, keywords, kind in made}
    assert {name: kind for name, (kind, _) in said.items()} == {
        "01 image": "image", "01 truth (1 of 3 frames)": "labels", "01 true tracks": "tracks", "01 result": "labels",
        "01 tracks": "tracks",
    }  # fmt: skip
    image, truth = said["01 image"][1], said["01 truth (1 of 3 frames)"][1]
    assert image.shape == (N_FRAMES, *SIZE)
    assert image.dtype == np.uint8
    assert np.array_equal(truth, [cells_at(0), np.zeros(SIZE), np.zeros(SIZE)]), "a frame without truth is empty"
    assert np.array_equal(said["01 result"][1], [cells_at(at) for at in range(N_FRAMES)])


def test_tracks_are_centroids_by_track_and_time_and_a_division_joins_them(challenge: Path) -> None:
    (points, keywords, _), *_ = [layer for layer in of_challenge.layers(challenge) if layer[1]["name"] == "01 tracks"]
    assert points.tolist() == [
        [1, 0, 7.5, 8.5], [1, 1, 10.5, 8.5], [1, 2, 13.5, 8.5],
        [2, 0, 24.5, 35.5], [2, 1, 24.5, 35.5], [3, 2, 24.5, 30.5], [4, 2, 24.5, 39.5],
    ]  # fmt: skip
    assert keywords["graph"] == {3: [2], 4: [2]}


def test_a_parent_that_no_image_shows_is_left_out_as_napari_asks(challenge: Path) -> None:
    (challenge / "01_RES/res_track.txt").write_text("1 0 2 9\n2 0 1 0\n3 2 2 2\n9 0 0 0\n")
    graphs = {said["name"]: said["graph"] for _, said, kind in of_challenge.layers(challenge) if kind == "tracks"}
    assert graphs["01 tracks"] == {3: [2]}


def test_a_known_set_has_its_cards_pixel_size_and_later_sequences_are_hidden(challenge: Path) -> None:
    folder = challenge.rename(challenge.with_name("PhC-C2DH-U373"))
    (folder / "02").mkdir()
    tifffile.imwrite(folder / "02/t000.tif", np.arange(200, dtype=np.uint8).reshape(10, 20))
    made = of_challenge.layers(folder)
    assert made[0][1]["scale"] == (1.0, 0.65, 0.65)
    assert made[0][1]["units"] == ("pixel", "um", "um")
    *_, (lone, said, _) = made
    assert (said["name"], said["visible"], lone.shape, said["scale"]) == ("02 image", False, (10, 20), (0.65, 0.65))
    assert "visible" not in made[0][1]


def test_a_blank_frame_is_shown_and_a_file_of_another_size_is_named(challenge: Path) -> None:
    tifffile.imwrite(challenge / "01/t001.tif", np.zeros(SIZE, np.uint8))
    assert not of_challenge.layers(challenge)[0][0][1].any()
    tifffile.imwrite(challenge / "01_RES/mask001.tif", np.zeros((8, 9), np.uint16))
    with pytest.raises(CellpruneError, match=r"mask001\.tif is 8 x 9 pixels, but its image 40 x 50: labels are as"):
        of_challenge.layers(challenge)
    tifffile.imwrite(challenge / "01/t001.tif", np.zeros((8, 9), np.uint16))
    with pytest.raises(CellpruneError, match=r"t001\.tif is 8 x 9 pixels, grey, uint16: images of one layer are alike"):
        of_challenge.layers(challenge)


def test_a_large_stack_is_read_when_it_is_shown(challenge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask")
    at_once = [data for data, *_ in of_challenge.layers(challenge)]
    monkeypatch.setattr(of_layers, "AT_ONCE_BYTES", 100)
    later = [data for data, *_ in of_challenge.layers(challenge)]
    (challenge / "01_RES/mask002.tif").unlink()
    assert type(later[0]).__module__.startswith("dask")
    for one, other in zip(at_once[:3], later, strict=False):
        assert np.array_equal(one, np.asarray(other))
    assert np.array_equal(np.asarray(later[3][1]), at_once[3][1]), "the frame alone is read"


def test_folders_that_only_look_like_one_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "2024" / "01").mkdir(parents=True)
    tifffile.imwrite(tmp_path / "2024/01/photo.tif", np.eye(4, dtype=np.uint8))
    assert not of_challenge.is_one(tmp_path / "2024")
    assert not of_challenge.is_one(tmp_path / "2024/01")
