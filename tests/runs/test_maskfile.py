"""The masks file by itself."""

from pathlib import Path

import numpy as np
import pytest

from cellprune.runs import maskfile
from cellprune.runs.container import UnreadableFileError
from cellprune.runs.cost import Budget, MaskCost
from cellprune.structure.counts import Macs, Parameters, Sparsity

COST = MaskCost(
    parameters=Parameters(19, 3, 19, 3, 3),
    macs=Macs(190, 30, (1, 9, 9)),
    sparsity=Sparsity(16 / 19, 16 / 19, (1, 9, 9)),
    layers=(),
    budget=Budget("weights", 0.2, 3 / 19, 19, 3, 3),
)
MADE = maskfile.Made({"pruning": {"method": "snip"}}, COST)
MASKS = {"b": np.eye(3, dtype=bool), "a": np.zeros((2, 5), dtype=bool)}


def test_what_is_written_is_read_from_the_file_and_from_its_folder(tmp_path: Path) -> None:
    maskfile.write(tmp_path / maskfile.NAME, MASKS, made=MADE)
    for path in (tmp_path, tmp_path / maskfile.NAME):
        again = maskfile.read(path)
        assert all(np.array_equal(again[name], mask) for name, mask in MASKS.items())


def test_a_file_that_stands_alone_says_how_its_masks_were_chosen(tmp_path: Path) -> None:
    maskfile.write(tmp_path / "alone", MASKS, made=MADE)
    maskfile.write(tmp_path / "of a run", MASKS)
    assert maskfile.made(tmp_path / "alone") == MADE
    assert maskfile.made(tmp_path / "of a run") is None


def test_the_hash_is_of_the_masks_alone(tmp_path: Path) -> None:
    maskfile.write(tmp_path / "one", MASKS, made=MADE)
    maskfile.write(tmp_path / "other", MASKS)
    assert maskfile.digest(maskfile.read(tmp_path / "one")) == maskfile.digest(maskfile.read(tmp_path / "other"))
    for changed in ({"b": MASKS["b"]}, MASKS | {"a": np.ones((2, 5), bool)}, MASKS | {"a": np.zeros((5, 2), bool)}):
        assert maskfile.digest(changed) != maskfile.digest(MASKS)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(UnreadableFileError, match="safetensors"):
            maskfile.read(path)
