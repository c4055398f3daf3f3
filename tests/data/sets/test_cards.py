"""Cards: every shipped one is valid; a wrong one is told with all its faults."""

from pathlib import Path

import pytest

from cellprune.data.sets import cards
from cellprune.data.sets.cards import CardError

SOUND = """\
name: mine
source: fetch
address: https://example.org/mine.zip
sha256: null
pixel_size_um: [0.5, 0.65]
frame_interval_min: null
field_of_interest_px: 50
modality: phase contrast
terms: null
citations: [somebody 2026]
"""


def card(folder: Path, text: str, name: str = "mine") -> Path:
    (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.yaml"


@pytest.mark.parametrize("name", cards.names())
def test_every_shipped_card_is_valid_and_says_where_it_comes_from(name: str) -> None:
    shipped = cards.card(name)
    assert shipped.name == name
    assert (shipped.address is None) == (shipped.source != "fetch")
    assert shipped in cards.all_cards()


def test_a_sound_card_is_read(tmp_path: Path) -> None:
    read = cards.read(card(tmp_path, SOUND))
    assert (read.name, read.layout, read.pixel_size_um, read.citations) == (
        "mine", "ctc", (0.5, 0.65), ("somebody 2026",),
    )  # fmt: skip
    assert cards.read(tmp_path / "mine.yaml") is read, "it is read once"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: mine", "name: yours", "names 'yours': name the file and the set alike"),
        ("name: mine", "name: -mine", "is not valid: name: "),
        ("source: fetch", "source: found", "source: "),
        ("sha256: null", "sha256: abc", "sha256: "),
        ("[0.5, 0.65]", "[0.5, 0]", "pixel_size_um.1: "),
        ("[0.5, 0.65]", "0.5", "pixel_size_um: "),
        ("[0.5, 0.65]", "['0.5', 0.65]", "pixel_size_um.0: "),
        ("field_of_interest_px: 50", "field_of_interest_px: -1", "field_of_interest_px: "),
        ("terms: null\n", "", "terms: Field required"),
        ("terms: null", "terms: null\nextra: 1", "extra: Extra inputs"),
        (SOUND, "[1, 2]", "card: "),
        (SOUND, "a: [", "is not plain YAML"),
    ],
)
def test_a_wrong_card_is_refused_with_the_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = card(tmp_path, SOUND.replace(old, new))
    with pytest.raises(CardError) as refusal:
        cards.read(path)
    assert str(refusal.value).startswith(f"the card {path} ")
    assert said in str(refusal.value)


def test_all_faults_are_told_at_once_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = card(tmp_path, SOUND.replace("source: fetch", "source: found").replace("sha256: null", "sha256: abc"))
    with pytest.raises(CardError, match=r"source: .*; sha256: "):
        cards.read(path)
    with pytest.raises(CardError, match=r"cannot be read .* install cellprune again"):
        cards.read(tmp_path / "gone.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(CardError, match="is not plain YAML"):
        cards.read(tmp_path / "bytes.yaml")
    with pytest.raises(CardError, match="Did you mean 'simulated'"):
        cards.card("simulate")
