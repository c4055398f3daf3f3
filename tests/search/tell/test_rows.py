"""Searches side by side: as many claims as searches, corrected for their number."""

from pathlib import Path

import pytest
from told_searches import limits, look, search

from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.search.tell.forest import forest
from cellprune.search.tell.rows import rows


def test_each_search_is_one_claim_and_holm_corrects_them(tmp_path: Path) -> None:
    found = [
        search(tmp_path / "snip", 0.6, [0.001, 0.02]),
        search(tmp_path / "prospr", 0.5, [0.01, 0.2]),
        search(tmp_path / "magnitude", None, [0.3]),
        search(tmp_path / "random", 0.5, [0.04]),
    ]
    table = rows(found)
    assert [row.p_value for row in table] == pytest.approx([0.02, 0.01, 1.0, 0.04])
    assert [row.adjusted_p_value for row in table] == pytest.approx([0.06, 0.04, 1.0, 0.08])
    assert [row.holds for row in table] == [False, True, False, False]
    assert all(row.holds for row in rows([found[0], found[1]]))


def test_a_later_look_counts_by_the_error_it_has(tmp_path: Path) -> None:
    first = look(limits(0.5, 0.01))
    higher = search(
        tmp_path / "snip", 0.6, [], look=2, looks=[first, look(limits(0.5, 0.002), limits(0.6, 0.02), alpha=0.025)]
    )
    lost = search(tmp_path / "random", None, [], look=2, looks=[first, look(limits(0.5, 0.3), alpha=0.025)])
    table = rows([higher, lost])
    assert [(row.ratio, row.p_value) for row in table] == [
        (0.6, pytest.approx(0.02 * 0.075 / 0.025)),
        (0.5, pytest.approx(0.01 * 0.075 / 0.05)),
    ], "what look 1 showed stands"
    assert [(test.ratio, test.look) for test in table[1].tested] == [(0.5, 1), (0.5, 2)]
    assert ">50\u00a0% removed, test round 1<" in forest(table)


def test_every_test_of_a_search_is_a_line_of_the_picture(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("mean", "lower", "upper", "p_value"))  # too few seeds were left
    undecided = look({"ratio": 0.7, "verdict": "undecided"} | nothing)
    found = rows([
        search(tmp_path / "snip", 0.6, [0.001, 0.02, 0.3]),
        search(tmp_path / "random", None, [], looks=[undecided]),
        search(tmp_path / "magnitude", None, [], verdict="none found"),
    ])  # fmt: skip
    assert [[test.ratio for test in row.tested] for row in found] == [[0.5, 0.6, 0.7], [], []]
    picture = forest(found)
    for name in ("snip, weights", "random, weights: not shown", "magnitude, weights: none found"):
        assert f">simulated, {name}<" in picture
    assert [picture.count(f">{ratio}\u00a0% removed<") for ratio in (50, 60, 70)] == [1, 1, 1]
    assert picture == forest(found)


def test_searches_of_two_confidences_are_not_set_together(tmp_path: Path) -> None:
    strict = {"question": Search(confidence=0.99).model_dump(mode="json")}
    both = [search(tmp_path / "snip", 0.5, [0.001]), search(tmp_path / "prospr", 0.5, [0.001], **strict)]
    with pytest.raises(CellpruneError, match=r"--confidence 0\.95 and 0\.99"):
        rows(both)
