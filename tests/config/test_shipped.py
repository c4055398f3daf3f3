"""The folders that travel with the code: beside the package in a clone, inside it in a wheel."""

from pathlib import Path

import pytest

from cellprune.config import shipped
from cellprune.errors import CellpruneError


@pytest.mark.parametrize("name", ["datasets", "configs"])
def test_a_clone_has_its_folders(name: str) -> None:
    assert any(shipped.folder(name).glob("*.yaml"))


def test_a_wheel_comes_before_what_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "cellprune"
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    beside, inside = tmp_path / "site" / "configs", package / "_shipped" / "configs"
    for folder in (beside, inside):
        folder.mkdir(parents=True)
        assert shipped.folder("configs") == folder


def test_a_folder_that_is_missing_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "cellprune")
    (tmp_path / "configs").touch()
    with pytest.raises(CellpruneError, match=r"^the folder 'configs' .* is missing beside .*: install"):
        shipped.folder("configs")
