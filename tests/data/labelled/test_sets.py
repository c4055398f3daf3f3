"""Small images with a class each: opened by name or path, split evenly, batched by seeds alone."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import class_folders
import numpy as np
import pytest
import small_pictures
from command_line import typed

from cellprune.data.fetch import fetch
from cellprune.data.labelled import content
from cellprune.data.labelled import sets as labelled
from cellprune.data.open import open_dataset
from cellprune.data.sets.named import MissingDataError
from cellprune.errors import CellpruneError


def test_a_named_set_is_found_where_fetch_or_torchvision_put_it(tmp_path):
    with pytest.raises(MissingDataError, match=r"cifar10 is not in .* --from FILE"):
        labelled.open_labelled("cifar10", data_root=tmp_path)
    md5 = small_pictures.official(tmp_path / "theirs")
    with small_pictures.known_by(md5):
        assert labelled.open_labelled("cifar10", data_root=tmp_path / "theirs").n_train == 80
        fetch("cifar10", source=tmp_path / "theirs", data_root=tmp_path / "ours")
        found = labelled.open_labelled("cifar10", data_root=tmp_path / "ours")
    assert (found.name, found.n_train, len(found.targets)) == ("cifar10", 80, 104)


def test_each_kind_of_set_is_refused_where_the_other_is_meant(tmp_path):
    with pytest.raises(CellpruneError, match=r"cifar10 holds a class for each image.*add --task classification"):
        open_dataset("cifar10", data_root=tmp_path)
    with pytest.raises(
        CellpruneError, match=r"PhC-C2DH-U373 holds outlined cells.*take cifar10, cifar100, imagenet, tiny-imagenet"
    ):
        labelled.open_labelled("PhC-C2DH-U373", data_root=tmp_path)


def test_a_broken_source_leaves_nothing_behind(tmp_path):
    broken = small_pictures.npz(tmp_path / "own.npz", x_test=None)
    with pytest.raises(CellpruneError, match=r"lacks x_test"):
        fetch("cifar10", source=broken, data_root=tmp_path / "root")
    assert not any((tmp_path / "root").iterdir())


def test_the_parts_are_disjoint_even_and_moved_by_the_seed_alone(dataset):
    parts = labelled.split(dataset, holdout=0.25, seed=0)
    assert sorted([*parts.train, *parts.select, *parts.report]) == list(range(104))
    assert np.bincount(dataset.targets[parts.select]).tolist() == [5, 5, 5, 5]
    assert parts.report.min() == 80
    assert labelled.split(dataset, holdout=0.25, seed=0).written() == parts.written()
    assert labelled.split(dataset, holdout=0.25, seed=1).written() != parts.written()
    with pytest.raises(CellpruneError, match=r"leaves a part empty"):
        labelled.split(dataset, holdout=0.01, seed=0)


def test_what_a_search_chooses_on_joins_the_validation_images(dataset):
    plain = labelled.split(dataset, holdout=0.25, seed=0)
    parts = labelled.split(dataset, holdout=0.25, seed=0, select_share=0.3)
    assert np.bincount(dataset.targets[parts.select]).tolist() == [9, 9, 9, 9]  # 5 of 20, then 30 % of 15
    assert set(plain.select) < set(parts.select)
    assert sorted([*parts.train, *parts.select]) == list(range(80))
    assert (parts.report == plain.report).all()
    assert (labelled.again(dataset, parts.written(), "train").report == parts.train).all()
    assert plain.written().select_share == 0


def test_a_written_split_is_found_again_or_refused(dataset, tmp_path):
    parts = labelled.split(dataset, holdout=0.25, seed=0)
    written = parts.written()
    assert (labelled.again(dataset, written, "report").report == parts.report).all()
    assert (labelled.again(dataset, written, "train").report == parts.train).all()
    assert len(labelled.again(dataset, written, "all").report) == 104
    changed = small_pictures.arrays(seed=1)
    other = labelled.open_labelled(str(small_pictures.npz(tmp_path / "own.npz", **changed)))
    with pytest.raises(CellpruneError, match=r"own is not what was split: own.npz changed; restore it"):
        labelled.again(other, written, "report")


def test_an_older_run_that_hashed_no_content_is_found_again(tmp_path: Path) -> None:
    dataset = labelled.open_labelled(f"{class_folders.parts(tmp_path / 'set')}", size=(8, 8))
    now = labelled.split(dataset, holdout=0.25, seed=0)
    older = replace(now.written(), files={content.LIST: dataset.files[content.LIST]})
    assert labelled.again(dataset, older, "report").written() == older
    with pytest.raises(CellpruneError, match="set is not what was split: the list of all files changed; restore it"):
        labelled.again(dataset, replace(older, files={content.LIST: "0"}), "report")


@pytest.fixture(params=["npz", "folder", "name"])
def place(request, tmp_path: Path):
    small_pictures.npz(tmp_path / "cifar10.npz")
    fetch("cifar10", source=tmp_path / "cifar10.npz", data_root=tmp_path)
    return {"npz": str(tmp_path / "cifar10.npz"), "folder": str(tmp_path / "cifar10"), "name": "cifar10"}[request.param]


def test_an_npz_is_taken_with_a_warning_that_nobody_vouches_for_it(tmp_path, caplog):
    fetch("cifar10", source=small_pictures.npz(tmp_path / "own.npz"), data_root=tmp_path / "root")
    assert "own.npz is an npz, so its images are not verified against the official files" in caplog.text


def test_check_counts_the_classes(place, tmp_path, capsys):
    assert typed("data", "check", place, "--data-root", tmp_path) == 0
    told = capsys.readouterr().out
    assert "red" in told
    assert "no errors" in told


def test_check_tells_of_a_file_that_fails(tmp_path, capsys):
    small_pictures.official(tmp_path)
    assert typed("data", "check", tmp_path) == 1
    assert "batches.meta fails its checksum" in capsys.readouterr().out


def test_check_tells_of_test_images_that_were_learned(tmp_path):
    made = small_pictures.arrays()
    path = small_pictures.npz(tmp_path / "own.npz", x_test=made["x_train"][:24])
    found = labelled.check(str(path))
    assert found.duplicates == 24
    assert any("so scores are too good" in note for note in found.notes)


def test_check_reads_every_image_of_folders(tmp_path, capsys):
    folder = class_folders.parts(tmp_path / "own")
    shutil.copy(folder / "train/n01/n01_0.JPEG", folder / "val/n01/known.JPEG")
    assert typed("data", "check", folder) == 0
    told = capsys.readouterr().out
    for part in ("n03", "1 test images are also training images", "no errors"):
        assert part in told
    with pytest.raises(CellpruneError, match=r"own holds a class for each image.*add --task classification"):
        open_dataset(str(folder))
    (folder / "val/n02/n02_1.JPEG").write_bytes(b"nothing")
    assert typed("data", "check", folder) == 1
    assert "n02_1.JPEG cannot be read as an image" in " ".join(capsys.readouterr().out.split())
    assert labelled.check(str(class_folders.tree(tmp_path / "tree", n=1))).notes == (
        "no images of a test: 'train' holds out a share of each class, by data.holdout",
    )


@pytest.mark.skipif("CELLPRUNE_REAL_DATA" not in os.environ, reason="the real data are not here")
def test_the_real_part_of_cifar10_has_its_known_counts():
    found = labelled.check(str(Path(os.environ["CELLPRUNE_REAL_DATA"]) / "cifar10-subset.npz"))
    assert found.images == {"train": 8068, "test": 1017}
    assert found.duplicates == 0
    assert [row.name for row in found.classes][:2] == ["airplane", "automobile"]
