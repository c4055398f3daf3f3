"""Small images with a class each: opened by name or path, split evenly, batched by seeds alone."""

import os
from pathlib import Path

import numpy as np
import pytest
import small_pictures
import torch
from command_line import typed

from cellprune.data.fetch import fetch
from cellprune.data.labelled import sets as labelled
from cellprune.data.labelled.loaders import Loaders, Normalization
from cellprune.data.open import open_dataset
from cellprune.data.sets.named import MissingDataError
from cellprune.errors import CellpruneError


@pytest.fixture
def dataset(tmp_path):
    return labelled.open_labelled(str(small_pictures.npz(tmp_path / "own.npz")))


def loaders(dataset, **options):
    parts = labelled.split(dataset, holdout=0.25, seed=0)
    given = {"batch_size": 16, "seed": 0, "device": torch.device("cpu"), "augment": "crop"} | options
    return Loaders(parts, **given)


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
    with pytest.raises(CellpruneError, match=r"PhC-C2DH-U373 holds outlined cells.*take cifar10 or cifar100"):
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
    with pytest.raises(CellpruneError, match=r"own is not what was split"):
        labelled.again(other, written, "report")


def test_batches_depend_on_seed_epoch_and_index_alone(dataset):
    first, again, other = loaders(dataset), loaders(dataset), loaders(dataset, seed=1)
    third = [images for images, _ in first.train(3)]
    assert len(third) == len(first.train(3)) == 4
    assert all(torch.equal(a, b) for a, (b, _) in zip(third, again.train(3), strict=True))
    assert not torch.equal(third[0], next(iter(first.train(4)))[0])
    assert not torch.equal(third[0], next(iter(other.train(3)))[0])
    scoring, repeated = first.scoring(32), again.scoring(32)
    drawn = [next(scoring) for _ in range(4)]  # more than the training part holds
    assert all(torch.equal(images, next(repeated)[0]) for images, _ in drawn)
    assert {len(targets) for _, targets in drawn} == {32}


def test_an_augmented_image_is_the_image_moved_or_mirrored(dataset):
    own = Normalization((0, 0, 0), (1, 1, 1))
    made = loaders(dataset)
    made._own = own
    indices = made.parts.train[:16]
    images, targets = made._batch(indices, "train", np.full(16, 1))
    seen = set()
    for image, target, index in zip(images, targets, indices, strict=True):
        assert target == dataset.targets[index]
        padded = np.pad(dataset.images[index], [(0, 0), (4, 4), (4, 4)]) / np.float32(255)
        for mirror in (False, True):
            for down in range(9):
                for right in range(9):
                    crop = padded[:, down : down + 32, right : right + 32]
                    if np.allclose(image.numpy(), crop[..., ::-1] if mirror else crop):
                        seen.add((int(index), mirror, down, right))
    assert len({index for index, *_ in seen}) == 16
    assert {mirror for _, mirror, *_ in seen} == {False, True}
    assert len({(down, right) for *_, down, right in seen}) > 8


def test_the_training_part_has_mean_0_and_deviation_1(dataset):
    images = torch.cat([images for images, _ in loaders(dataset).plain()])
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(images.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    plain = torch.cat([images for images, _ in loaders(dataset, augment="none").train(1)])
    assert torch.allclose(plain.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)


def test_processes_share_each_batch(dataset):
    made = loaders(dataset, batch_size=25)
    alone = [targets for _, targets in made.train(1)]
    shares = [[targets for _, targets in made.train(1, rank, 2)] for rank in (0, 1)]
    assert [len(t) for t in alone] == [25, 25, 10]
    assert [len(t) for t in shares[0]] == [len(t) for t in shares[1]] == [13, 13, 5]
    assert torch.equal(torch.stack([shares[0][2], shares[1][2]], 1).flatten(), alone[2])


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


@pytest.mark.skipif("CELLPRUNE_REAL_DATA" not in os.environ, reason="the real data are not here")
def test_the_real_part_of_cifar10_has_its_known_counts():
    found = labelled.check(str(Path(os.environ["CELLPRUNE_REAL_DATA"]) / "cifar10-subset.npz"))
    assert found.images == {"train": 8068, "test": 1017}
    assert found.duplicates == 0
    assert [row.name for row in found.classes][:2] == ["airplane", "automobile"]
