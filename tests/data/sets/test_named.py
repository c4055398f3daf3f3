"""From the name of a set to its card and its folder; a name that is none is answered with what it may have been."""

from pathlib import Path

import pytest

from cellprune.data.sets import cards, named
from cellprune.data.sets.root import data_root
from cellprune.data.simulated import simulate
from cellprune.errors import CellpruneError


@pytest.mark.parametrize(
    ("text", "folder"),
    [("./cells", True), (".", True), ("..", True), ("a/b", True), ("/a", True), ("cells", False), ("a.b", False),
     ("...", False), ("PhC-C2DH-U373", False)],
)  # fmt: skip
def test_a_folder_is_written_with_a_separator(text: str, folder: bool) -> None:
    assert named.is_folder(text) is folder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("PhC-C2DH-U737", "Did you mean 'PhC-C2DH-U373'"),
        ("Fluo-N3DH-CE", "Fluo-N3DH-CE is one of the challenge's 3-D sets: cellprune reads 2-D time-lapses, take one"),
        ("Fluo-C3DL-MDA231", "one of the challenge's 3-D sets"),
        ("here", "no data set is named 'here'; write './here' for the folder of that name"),
    ],
)
def test_a_name_without_a_card_is_answered(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    Path("simulated").mkdir()
    with pytest.raises(CellpruneError) as refusal:
        named.known_card(name)
    assert said in str(refusal.value)
    assert named.known_card("simulated").source == "simulate", "a card comes before a folder of its name"


def test_a_set_that_is_not_here_is_told_the_ways_to_get_it(tmp_path: Path) -> None:
    card = cards.card("DIC-C2DH-HeLa")
    with pytest.raises(named.MissingDataError) as refusal:
        named.located(card, tmp_path)
    assert str(refusal.value).startswith(
        f"DIC-C2DH-HeLa is not in {tmp_path}: run 'cellprune data fetch DIC-C2DH-HeLa'"
    )
    for way in (f"--from FILE.zip' with {card.address}", "--data-root", "$CELLPRUNE_DATA"):
        assert way in str(refusal.value)
    (tmp_path / "DIC-C2DH-HeLa").mkdir()
    assert named.located(card, tmp_path) == tmp_path / "DIC-C2DH-HeLa" == named.folder_of(card, tmp_path)


def test_simulated_cells_have_their_own_folder_and_are_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(simulate, "simulate", lambda folder: made.append(folder) or folder.mkdir() or folder)
    card = cards.card("simulated")
    for _ in range(2):
        assert named.located(card, tmp_path) == tmp_path / simulate.NAME == named.folder_of(card, tmp_path)
    assert made == [tmp_path / simulate.NAME]


def test_the_folder_of_all_sets_is_given_or_said_by_the_environment_or_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert data_root(tmp_path / "mine") == tmp_path / "mine"
    assert data_root().name == "datasets"
    assert "cellprune" in str(data_root())
    monkeypatch.setenv("CELLPRUNE_DATA", "~/all")
    assert data_root() == tmp_path / "all"
    assert data_root(Path("~/mine")) == tmp_path / "mine", "what is given comes first"
    monkeypatch.setenv("CELLPRUNE_DATA", "")
    assert data_root().name == "datasets", "an empty variable says nothing"
