"""TinyImageNet's archive comes in as folders of classes, the test images without a class left out."""

import logging
from pathlib import Path, PurePosixPath

import class_folders
import pytest

from cellprune.data import fetch as module
from cellprune.data.fetch import FetchError, fetch
from cellprune.data.labelled import sets
from cellprune.data.labelled.folders import FoldersError
from cellprune.data.labelled.tiny_imagenet import in_order
from cellprune.data.sets.download import digest
from cellprune.data.sets.named import MissingDataError


def test_each_validation_image_goes_into_the_folder_of_its_class() -> None:
    paths = [PurePosixPath(path) for path in ("train/n01/images/a.JPEG", "train/n01/n01_boxes.txt", "val/images/b.JPEG",
             "val/val_annotations.txt", "test/images/c.JPEG", "wnids.txt")]  # fmt: skip
    places = in_order(paths, "b.JPEG\tn02\t0\t0\t9\t9\n")
    assert {str(path): str(to) for path, to in places.items()} == {
        "train/n01/images/a.JPEG": "train/n01/a.JPEG",
        "val/images/b.JPEG": "val/n02/b.JPEG",
        "wnids.txt": "wnids.txt",
    }
    with pytest.raises(FoldersError, match=r"val_annotations.txt does not list the image b.JPEG: the archive is not"):
        in_order(paths, "")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return class_folders.zipped(class_folders.tiny(tmp_path), tmp_path / "tiny.zip")


def test_the_archive_is_taken_by_its_checksum_alone(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "root"
    with pytest.raises(FetchError, match=r"tiny.zip fails its checksum \(md5 \w{32}, not 90528d7ca1a48142e341f4ef8d21"):
        fetch("tiny-imagenet", source=archive, data_root=root)
    assert not root.exists() or not list(root.iterdir())
    card = module.known_card("tiny-imagenet").model_copy(update={"md5": digest(archive, "md5")})
    monkeypatch.setattr(module, "known_card", lambda name: card)
    folder = fetch("tiny-imagenet", source=archive, data_root=root)
    assert not caplog.records
    assert {path.name for path in folder.iterdir()} == {"train", "val", "wnids.txt"}
    assert len(list((folder / "val" / "n02").iterdir())) == 2
    ours = sets.open_labelled("tiny-imagenet", data_root=root)
    theirs = sets.open_labelled(str(tmp_path / "tiny-imagenet-200"))  # unpacked, and not put in order
    assert (ours.name, ours.n_train, ours.targets.tolist()) == ("tiny-imagenet", 12, theirs.targets.tolist())
    assert (
        sets.split(ours, holdout=0.25, seed=0).train.tolist() == sets.split(theirs, holdout=0.25, seed=0).train.tolist()
    )


def test_a_folder_is_linked_to_and_looked_at_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(MissingDataError, match=r"imagenet is not in .*, and nobody may pass it on .*--from FOLDER'"):
        sets.open_labelled("imagenet", data_root=tmp_path / "root")
    with pytest.raises(MissingDataError, match=r"nobody may pass it on"):
        fetch("imagenet", source=None, data_root=tmp_path / "root")
    with caplog.at_level(logging.WARNING):
        folder = fetch("imagenet", source=class_folders.parts(tmp_path / "own"), data_root=tmp_path / "root")
    assert "own is a folder, so its content is not verified; it is linked to, not copied" in caplog.text
    assert folder.resolve() == (tmp_path / "own").resolve()
    assert sets.open_labelled("imagenet", data_root=tmp_path / "root").n_train == 12
    (tmp_path / "empty" / "train").mkdir(parents=True)
    with pytest.raises(FoldersError, match=r"has train, but none of val"):
        fetch("tiny-imagenet", source=tmp_path / "empty", data_root=tmp_path / "root")


def test_a_file_is_no_source_of_a_set_without_an_archive(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"tiny.zip is a file, but imagenet comes as a folder"):
        fetch("imagenet", source=archive, data_root=tmp_path / "root")
