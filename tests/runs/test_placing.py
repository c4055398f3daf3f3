"""A folder appears whole or not at all."""

from pathlib import Path

import pytest

from cellprune.errors import WorkError
from cellprune.runs.placing import PlaceError, appearing


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "set"
    with appearing(folder) as beside:
        (beside / "file").write_text("x")
        assert not folder.exists()
    assert (folder / "file").read_text() == "x"
    assert [path.name for path in folder.parent.iterdir()] == ["set"]


def fill(folder: Path, error: Exception) -> None:
    with appearing(folder) as beside:
        (beside / "file").write_text("x")
        raise error


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cut"):
        fill(tmp_path / "set", ValueError("cut"))
    with pytest.raises(WorkError, match="could not be written"):
        fill(tmp_path / "set", OSError(28, "No space left on device"))
    assert not list(tmp_path.iterdir())


def test_another_process_s_folder_stays(tmp_path: Path) -> None:
    with appearing(tmp_path / "set") as beside:
        (beside / "ours").touch()
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "theirs").touch()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["theirs"]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(PlaceError, match="not empty"), appearing(place):
            pass
    with pytest.raises(PlaceError, match="cannot be written to"), appearing(tmp_path / "file" / "set"):
        pass


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    (tmp_path / ".set.1a2b3c4d.partial" / "set" / "01").mkdir(parents=True)
    (tmp_path / ".set.1a2b3c4d.partial.lock").touch()
    with appearing(tmp_path / "set") as beside:
        (beside / "file").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("name", ["n" * 300, "n" * 250, f"{'n' * 200}/" * 25], ids=["name", "while it is made", "path"])
def test_a_name_that_is_too_long_is_refused_before_any_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=r"cannot be written to \(File name too long\): name another place"):
        fill(tmp_path / name, AssertionError("worked"))
    assert not list(tmp_path.iterdir())
