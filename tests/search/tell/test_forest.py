"""The picture of several searches: a line for each test, in the colour of its verdict, the margin beneath."""

from pathlib import Path

import pytest

from cellprune.report.drawing import GREEN, ORANGE, RED
from cellprune.search.tell.forest import COLOURS, forest
from cellprune.search.tell.rows import Decided, Row


def row(*tested: Decided, method: str = "snip", measure: str = "IoU", verdict: str = "found") -> Row:
    return Row(
        folder=str(Path("searches") / method), dataset="cells", network="unet", method=method, unit="weights",
        measure=measure, margin=0.01, confidence=0.95, verdict=verdict, ratio=0.5, p_value=0.01, adjusted_p_value=0.01,
        holds=True, scope="", tested=tested, pruned=None, unpruned=None,
    )  # fmt: skip


def decided(verdict: str, look: int | None = None) -> Decided:
    return Decided(0.5, verdict, 0.001, -0.004, 0.006, look)


def test_every_verdict_has_its_colour() -> None:
    assert COLOURS == {"not worse": GREEN, "undecided": ORANGE, "worse": RED}
    for verdict, colour in COLOURS.items():
        picture = forest([row(decided(verdict))])
        assert picture.count(colour) >= 2, "a line and a point"
        assert not any(other in picture for other in COLOURS.values() if other != colour)


def test_each_search_and_each_of_its_tests_is_a_line() -> None:
    picture = forest([row(decided("not worse"), decided("worse")), row(method="random", verdict="none found")])
    assert ">cells, snip, weights<" in picture
    assert ">cells, random, weights: none found<" in picture
    assert picture.count("50\u00a0% removed<") == 2


@pytest.mark.parametrize(("look", "said"), [(None, False), (1, True), (2, True)])
def test_the_test_round_is_named_where_there_are_several(look: int | None, said: bool) -> None:
    picture = forest([row(decided("not worse", look))])
    assert (f"test round {look}<" in picture) == said


def test_the_axis_says_what_is_scored_where_all_score_the_same() -> None:
    both = [row(decided("worse")), row(decided("worse"), method="random")]
    assert ">IoU, difference from the reference<" in forest(both)
    mixed = [both[0], row(decided("worse"), method="random", measure="accuracy")]
    assert ">score, difference from the reference<" in forest(mixed)
