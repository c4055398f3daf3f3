"""Masks as files, for who trains with a loop of his own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models.masks import load_masks, save_masks
from cellprune.pruning.prune import prune
from cellprune.runs.container import UnreadableFileError


def test_masks_come_back_as_they_were(tmp_path: Path) -> None:
    masks = prune(nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2)), method="random", sparsity=0.5)
    save_masks(tmp_path / "masks", masks)
    again = load_masks(str(tmp_path / "masks"))
    assert masks.keys() == again.keys()
    assert all(torch.equal(mask, again[name]) for name, mask in masks.items())


@pytest.mark.parametrize(("mask", "kind"), [(torch.ones(2), "torch.float32"), ([True], "list")])
def test_what_is_no_mask_is_refused_and_the_file_stays(tmp_path: Path, mask: object, kind: str) -> None:
    file = tmp_path / "masks"
    file.write_bytes(b"kept")
    with pytest.raises(CellpruneError, match=rf"the mask of 'a' is {kind}, not a bool tensor"):
        save_masks(file, {"b": torch.ones(2).bool(), "a": mask})  # type: ignore[dict-item]
    assert file.read_bytes() == b"kept"
    with pytest.raises(UnreadableFileError):
        load_masks(file)


@pytest.mark.parametrize(
    ("masks", "said"),
    [([1], "these masks are list: give parameter name"), ({1: torch.ones(2).bool()}, "a mask is called 1: give the")],
)
def test_what_are_no_masks_is_refused_in_one_line(tmp_path: Path, masks: Any, said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        save_masks(tmp_path / "masks", masks)
    assert not list(tmp_path.iterdir())
