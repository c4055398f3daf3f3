"""Images that are read when they are needed: the same batches for any number of threads, and from memory."""

from dataclasses import replace
from pathlib import Path

import class_folders
import numpy as np
import pytest
import torch
from small_pictures import loaders

from cellprune.data.labelled import sets, streamed
from cellprune.data.labelled.pictures import Arrays, Files
from cellprune.data.labelled.sets import Labelled
from cellprune.data.labelled.views import MARGIN, drawn, middle
from cellprune.errors import CellpruneError, WorkError

LARGER = (24, 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return class_folders.parts(tmp_path / "set", n_train=8)


def in_memory(dataset: Labelled) -> Labelled:
    pixels = [np.moveaxis(dataset.pictures.read(at), -1, 0) for at in range(len(dataset.targets))]
    return replace(dataset, pictures=Arrays(np.stack(pixels)))


@pytest.mark.parametrize("augment", ["crop", "none"])
def test_batches_from_files_are_those_from_memory(folder: Path, augment: str) -> None:
    read = sets.open_labelled(str(folder))
    assert (read.size, read.is_of_own_size, read.channels) == ((16, 16), True, 3)
    ours, theirs = (loaders(one, augment=augment, batch_size=5) for one in (read, in_memory(read)))
    for made, expected in ((ours.train(1), theirs.train(1)), (ours.batches("report"), theirs.batches("report"))):
        for (images, targets), (others, their_targets) in zip(made, expected, strict=True):
            assert torch.equal(targets, their_targets)
            assert torch.allclose(images, others, atol=1e-5), "they are rounded in another order"


@pytest.mark.parametrize("augment", ["crop", "resized-crop"])
def test_threads_memory_and_earlier_epochs_change_nothing(
    folder: Path, augment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = sets.open_labelled(str(folder), size=LARGER)
    one = loaders(dataset, augment=augment, workers=1)
    expected = [images for images, _ in one.train(1)]
    again = [images for images, _ in one.train(1)]
    monkeypatch.setattr(streamed, "_KEPT_SHARE", 0.0)
    many = loaders(dataset, augment=augment, workers=5)
    others = [images for images, _ in many.train(1)]
    assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(expected, again, others, strict=True))
    assert expected[0].shape == (16, 3, *LARGER)
    scoring, repeated = one.scoring(16), many.scoring(16)
    assert all(torch.equal(next(scoring)[0], next(repeated)[0]) for _ in range(3))


def test_a_part_of_each_image_is_learned_from_and_the_middle_is_scored(folder: Path) -> None:
    dataset = sets.open_labelled(str(folder), size=LARGER)
    made = loaders(dataset, augment="resized-crop")
    ours = streamed.Streamed(dataset, torch.device("cpu"), "resized-crop")
    indices, numbers = made.parts.train[:3], np.array([5, 6, 2**63], dtype=np.uint64)
    views, plain = ours._views(indices, numbers), ours._views(indices, None)
    for at, index in enumerate(indices.tolist()):
        image = dataset.pictures.read(index)
        assert np.array_equal(views[at], drawn(image, LARGER, int(numbers[at])))
        assert np.array_equal(plain[at], middle(image, LARGER, MARGIN))


def test_images_in_memory_are_brought_to_another_size(dataset: Labelled) -> None:
    made = loaders(replace(dataset, size=(16, 16), is_of_own_size=False), augment="crop")
    assert next(iter(made.train(0)))[0].shape == (16, 3, 16, 16)
    images = torch.cat([images for images, _ in made.plain()])
    assert images.mean().abs() < 1e-3


def test_a_file_that_cannot_be_read_ends_the_work_with_its_name(folder: Path) -> None:
    dataset = sets.open_labelled(str(folder))
    made = loaders(dataset)
    broken = folder / dataset.pictures.paths[made.parts.train[-1]]
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(WorkError, match=rf"{broken.name} cannot be read as an image") as failure:
        list(made.train(0))
    assert failure.value.exit_code == 1


def test_an_image_of_another_size_is_told_before_the_work_or_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders.picture(folder / "train/n02/zz.png", 1, (16, 18))
    with pytest.raises(CellpruneError, match=r"zz.png is 16 x 18 px, but .*n01_0.JPEG 16 x 16: give --data.size HEI"):
        sets.open_labelled(str(folder))
    assert sets.open_labelled(str(folder), size=LARGER).size == LARGER
    monkeypatch.setattr(sets, "_SIZES_LOOKED_AT", 1)
    dataset = sets.open_labelled(str(folder))
    with pytest.raises(WorkError, match=r"zz.png is 16 x 18 px, and others are 16 x 16: give --data.size HEIGHT WIDTH"):
        list(loaders(dataset, batch_size=4).plain())


def test_who_stops_early_leaves_no_thread_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = loaders(sets.open_labelled(str(folder), size=LARGER), augment="resized-crop", batch_size=2, workers=1)
    read, original = list[int](), Files.read
    monkeypatch.setattr(Files, "read", lambda files, index: read.append(index) or original(files, index))
    epoch = iter(made.train(0))
    next(epoch)
    epoch.close()
    made._pixels._readers.shutdown(wait=True)
    assert 2 <= len(read) <= 2 * (1 + streamed.AHEAD)


def test_the_time_of_an_epoch_is_told_from_some_images(folder: Path) -> None:
    dataset = sets.open_labelled(str(folder))
    clock = iter([10.0, 12.0])
    seconds = streamed.reading_s(dataset, np.arange(24), clock=lambda: next(clock))
    assert seconds == pytest.approx(2.0)
    assert streamed.n_threads(dataset, 3) == 3
