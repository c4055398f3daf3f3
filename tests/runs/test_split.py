"""split.yaml: what is written is read, of frames and of images; damaged ones are named."""

from dataclasses import replace
from pathlib import Path

import pytest

from cellprune.errors import CellpruneError
from cellprune.runs import documents, split
from cellprune.runs.split import DroppedFrame, FrameSplit, ImagePart, ImageSplit, Split, SplitFrame

NAMED = SplitFrame(sequence="cells", frame=0, name="żółw", sha256={"image": "12"})
FRAMES = FrameSplit(
    dataset="simulated", how="random", holdout=0.3, seed=0, select_share=0.0, policy="ignore", fold=(0, 5),
    parts={"train": (SplitFrame(sequence="01", frame=7, sha256={"image": "ab", "gold": "cd"}),), "select": (),
           "report": (NAMED,)},
    dropped=(DroppedFrame(sequence="02", frame=3, sha256={"image": "ef"}, part="train", reason="no pixel known"),),
)  # fmt: skip
IMAGES = ImageSplit(
    dataset="cifar10", how="random", holdout=0.1, seed=0, files={"data_batch_1": "34"},
    parts={part: ImagePart(10, "56") for part in ("train", "select", "report")},
)  # fmt: skip


@pytest.mark.parametrize("value", [FRAMES, IMAGES])
def test_what_is_written_is_read(tmp_path: Path, value: Split) -> None:
    split.write(tmp_path / "split.yaml", value)
    assert split.read(tmp_path / "split.yaml") == value


def test_a_name_and_a_share_are_there_only_where_there_is_one() -> None:
    frames = documents.plain(FRAMES)
    assert frames["parts"]["train"] == [{"sequence": "01", "frame": 7, "sha256": {"image": "ab", "gold": "cd"}}]
    assert list(frames["parts"]["report"][0]) == ["sequence", "frame", "name", "sha256"]
    assert "select_share" not in documents.plain(IMAGES)


def test_a_change_of_data_is_named_by_its_first_file() -> None:
    other, more = (replace(NAMED, sha256={"image": "13"}), SplitFrame(sequence="x", frame=0, sha256={"image": "0"}))
    assert split.change(FRAMES, replace(FRAMES, seed=1)) == ""
    assert split.change(FRAMES, replace(FRAMES, parts=FRAMES.parts | {"report": (other,)})) == (
        "the image file of żółw changed"
    )
    gone = replace(FRAMES, parts=FRAMES.parts | {"report": (more,)})
    assert split.change(FRAMES, gone) == "the image file of żółw is gone, and 1 more"
    assert split.change(gone, FRAMES) == "the image file of x/000 is gone, and 1 more"
    assert split.change(FRAMES, replace(FRAMES, parts=FRAMES.parts | {"select": (more,)})).endswith("x/000 is new")
    assert split.change(IMAGES, replace(IMAGES, files={"data_batch_1": "35"})) == "data_batch_1 changed"
    assert split.change(IMAGES, replace(IMAGES, dataset="cifar100")) == "cifar10 is cifar100 now"


def test_a_damaged_file_is_named_with_its_key(tmp_path: Path) -> None:
    documents.write_yaml(tmp_path / "split.yaml", documents.plain(FRAMES) | {"parts": {"train": [{"frame": 1}]}})
    with pytest.raises(CellpruneError, match=r"split.yaml is damaged \(parts.train.0.sequence: field required\)"):
        split.read(tmp_path / "split.yaml")
