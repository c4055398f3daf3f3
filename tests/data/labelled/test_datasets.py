"""Torch data sets in Python: read as they are, refused where they augment, normalize or name classes."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_pictures import loaders
from torch.utils.data import Subset, TensorDataset

from cellprune.data.labelled.datasets import labelled
from cellprune.data.labelled.sets import open_labelled
from cellprune.errors import CellpruneError


def tensors(n: int = 12, size: int = 8, dtype: torch.dtype = torch.uint8) -> TensorDataset:
    draw = torch.Generator().manual_seed(n)
    return TensorDataset(torch.randint(0, 256, (n, 3, size, size), generator=draw).to(dtype), torch.arange(n) % 3)


def items(images: list, targets: list) -> list:
    return list(zip(images, targets, strict=True))


def test_a_set_is_trained_on_like_any_other() -> None:
    made = labelled(tensors(), tensors(6), name="noise")
    assert (made.name, made.classes, made.n_train, made.size) == ("python:noise", ("0", "1", "2"), 12, (8, 8))
    assert made.targets.tolist() == [*[0, 1, 2] * 4, *[0, 1, 2] * 2]
    images, targets = next(iter(loaders(made, batch_size=9).train(0)))
    assert images.shape == (9, 3, 8, 8)
    assert set(targets.tolist()) == {0, 1, 2}
    with pytest.raises(CellpruneError, match=r"python:noise is a set that was given in Python, .*again, as frames"):
        open_labelled(made.name)


def test_its_files_tell_sets_and_sizes_apart() -> None:
    first, again, other = (labelled(tensors(n), tensors(6), name="noise").files for n in (12, 12, 15))
    assert first == again != other
    assert labelled(tensors(), tensors(6), name="noise", size=(9, 9)).files != first


def test_names_and_classes_are_taken_as_torchvision_has_them() -> None:
    class Named(TensorDataset):
        targets, classes = [2, 0, 1], ["a", "b", "c"]

    grey = Named(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.zeros(3))
    made = labelled(grey, Subset(grey, [1]), name="s")
    assert made.classes == ("a", "b", "c")
    assert made.targets.tolist() == [2, 0, 1, 0]
    assert made.channels == 1
    with pytest.raises(CellpruneError, match=r"test\[0\] has 3 channels, and the first 1"):
        labelled(grey, tensors(3, 4), name="s")


def test_images_of_pil_and_arrays_are_read() -> None:
    grey, colour = Image.new("L", (5, 4), 7), Image.new("P", (5, 4))
    made = labelled(items([grey, np.full((4, 5), 9, np.uint8)], [0, 1]), items([grey], [1]), name="grey")
    assert (made.channels, made.size) == (1, (4, 5))
    assert made.pictures.read(1).max() == 9
    assert labelled(items([colour, colour], [0, 1]), items([colour], [0]), name="colour").channels == 3


REFUSED = {
    "an empty part": ([], [(np.zeros((4, 4), np.uint8), 0)], r"train holds no image"),
    "floats": (tensors(dtype=torch.float32), tensors(), r"train\[0\] is float32 \(8, 8, 3\), not an image of bytes"),
    "no image": ([("a", 0)], tensors(), r"train\[0\] is str, not an image of bytes: give uint8 tensors"),
    "a class by name": (
        [(np.zeros((4, 4), np.uint8), "cat")],
        tensors(),
        r"train\[0\] has the class 'cat': give its n",
    ),
    "no pair": ([np.zeros((4, 4), np.uint8)], tensors(), r"train\[0\] is ndarray, not a pair of an image and the nu"),
    "one class": (Subset(tensors(), [0, 3]), Subset(tensors(), [0]), r"1 class named, and numbers go up to 0"),
    "a class of the test alone": (Subset(tensors(), [0, 1]), tensors(), r"test has the class 2, of which train has no"),
    "several sizes": (tensors(), tensors(4, 9), r"test\[0\] is 9 x 9 px, but train\[0\] 8 x 8: give --data.size"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_set_of_images_is_refused(what: str) -> None:
    train, test, said = REFUSED[what]
    with pytest.raises(CellpruneError, match=said):
        labelled(train, test, name="s")


def test_a_name_is_one_that_a_record_can_hold() -> None:
    with pytest.raises(CellpruneError, match=r"'a/b' is no name of a set"):
        labelled(tensors(), tensors(), name="a/b")
