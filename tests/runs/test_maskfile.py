"""The masks file by itself."""

from pathlib import Path

import numpy as np
import pytest

from cellprune.runs import maskfile
from cellprune.runs.container import UnreadableFileError

MASKS = {"b": np.eye(3, dtype=bool), "a": np.zeros((2, 5), dtype=bool)}


def test_what_is_written_is_read_from_the_file_and_from_its_folder(tmp_path: Path) -> None:
    maskfile.write(tmp_path / maskfile.NAME, MASKS, made={"by": "hand"})
    for path in (tmp_path, tmp_path / maskfile.NAME):
        again = maskfile.read(path)
        assert all(np.array_equal(again[name], mask) for name, mask in MASKS.items())


def test_the_hash_is_of_the_masks_alone(tmp_path: Path) -> None:
    maskfile.write(tmp_path / "one", MASKS, made={"by": "hand"})
    maskfile.write(tmp_path / "other", MASKS)
    assert maskfile.digest(maskfile.read(tmp_path / "one")) == maskfile.digest(maskfile.read(tmp_path / "other"))
    for changed in ({"b": MASKS["b"]}, MASKS | {"a": np.ones((2, 5), bool)}, MASKS | {"a": np.zeros((5, 2), bool)}):
        assert maskfile.digest(changed) != maskfile.digest(MASKS)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(UnreadableFileError, match="safetensors"):
            maskfile.read(path)
