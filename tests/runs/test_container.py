"""The container that masks and models share: what is written is read, and nothing else is."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from cellprune.errors import WorkError
from cellprune.runs import container
from cellprune.runs.container import UnreadableFileError

KIND = {"kind": "masks", "version": 2}


def saved(path: Path, note: object, **tensors: np.ndarray) -> Path:
    """Write a file past the container."""
    save_file(tensors or {"a": np.zeros(1)}, path, metadata={"cellprune": json.dumps(note)})
    return path


def test_tensors_of_any_shape_and_kind_come_back_with_the_note(tmp_path: Path) -> None:
    tensors = {
        "scalar": np.array(3.5, np.float64),
        "empty": np.zeros((0, 4), np.int32),
        "bits": np.array([[True, False], [False, True]]),
        "across": np.arange(12, dtype=np.uint8).reshape(3, 4).T,
    }
    container.write(tmp_path / "file", tensors, **KIND, note={"seed": 1, "name": "\u00b5m"})
    back, note = container.read(tmp_path / "file", **KIND)
    assert note == {**KIND, "seed": 1, "name": "\u00b5m"}
    assert back.keys() == tensors.keys()
    for name, array in tensors.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert (back[name] == array).all()


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    one, two = np.arange(3.0), np.ones(2)
    container.write(tmp_path / "one", {"a": one, "b": two}, **KIND, note={"x": 1, "y": 2})
    container.write(tmp_path / "two", {"b": two, "a": one}, **KIND, note={"y": 2, "x": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_note_that_json_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        container.write(tmp_path / "file", {"a": np.zeros(1)}, **KIND, note={"x": float("nan")})
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="nowhere"):
        container.write(tmp_path / "nowhere" / "file", {"a": np.zeros(1)}, **KIND, note={})


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ({"kind": "model", "version": 1}, "is a 'model' file: give a masks file"),
        ({"kind": "masks", "version": 3}, "has format version '3', this cellprune reads up to 2: update cellprune"),
        ({"kind": "masks", "version": True}, "its note names no kind and version"),
        ({"kind": 1, "version": 1}, "its note names no kind and version"),
        ([], "its note names no kind and version"),
    ],
)
def test_a_note_of_another_kind_or_version_is_refused(tmp_path: Path, note: object, said: str) -> None:
    with pytest.raises(UnreadableFileError) as error:
        container.read(saved(tmp_path / "file", note), **KIND)
    assert said.replace("'3'", "3") in str(error.value).replace("'3'", "3")
    assert str(error.value).startswith(str(tmp_path / "file"))
    assert "\n" not in str(error.value)


def test_a_file_of_others_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    save_file({"a": np.zeros(1)}, tmp_path / "theirs")
    with pytest.raises(UnreadableFileError, match="was not written by cellprune: give a masks file"):
        container.read(tmp_path / "theirs", **KIND)
    (tmp_path / "short").write_bytes(b"1234")
    with pytest.raises(UnreadableFileError, match=r"empty or cut off \(4 bytes\)"):
        container.read(tmp_path / "short", **KIND)
    (tmp_path / "pickle").write_bytes(b"\x80\x04\x95" + b"." * 30)
    with pytest.raises(UnreadableFileError, match="is a pickle"):
        container.read(tmp_path / "pickle", **KIND)
    (tmp_path / "claims").write_bytes((2**30).to_bytes(8, "little") + b"{}")
    with pytest.raises(UnreadableFileError, match="is no masks file, or is damaged: give a masks file"):
        container.read(tmp_path / "claims", **KIND)


def test_an_older_version_is_read(tmp_path: Path) -> None:
    container.write(tmp_path / "file", {"a": np.ones(2)}, kind="masks", version=1, note={})
    assert container.read(tmp_path / "file", **KIND)[1]["version"] == 1


@pytest.mark.parametrize("error", [ValueError("broken"), KeyError("x"), RecursionError("deep"), OverflowError("large")])
def test_whatever_breaks_within_is_one_line_with_the_name(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(UnreadableFileError, match="file is damaged"), container.read_whole(tmp_path / "file", "masks"):
        raise error


def test_a_lack_of_memory_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="more memory than there is"), container.read_whole(tmp_path / "f", "masks"):
        raise MemoryError
