"""Which paths napari is offered a reader for."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from cellprune.errors import CellpruneError
from napari_cellprune.reader import get_reader, layers


def test_only_one_folder_of_ours_is_read(challenge: Path, tmp_path: Path) -> None:
    read = get_reader(str(challenge))
    assert read is not None
    assert len(read([str(challenge)])) == 5, "napari asks with a path and reads with a list"
    (tmp_path / "empty").mkdir()
    file = challenge / "01/t000.tif"
    for other in (str(file), str(tmp_path / "empty"), str(tmp_path / "absent"), [str(challenge), str(challenge)]):
        assert get_reader(other) is None
    with pytest.raises(CellpruneError, match="empty is no folder of the Cell Tracking Challenge"):
        layers(tmp_path / "empty")


def test_what_cannot_be_shown_is_one_line_and_no_layer(challenge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    for name in ("napari", "napari.utils"):
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name) or ModuleType(name))
    notifications = ModuleType("napari.utils.notifications")
    notifications.__dict__["show_error"] = said.append
    monkeypatch.setitem(sys.modules, notifications.__name__, notifications)
    (challenge / "01/t001.tif").write_bytes(b"II*\0broken")
    read = get_reader(str(challenge))
    assert read is not None
    assert read(str(challenge)) == [(None,)]
    (line,) = said
    assert "t001.tif is not a whole TIFF or PNG" in line
    assert "\n" not in line
