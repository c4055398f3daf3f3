"""How many weights each round keeps: the published course, exact at its end."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprune.errors import CellpruneError
from cellprune.pruning.ranking.schedule import in_rounds, one_shot

COURSES = ["exponential", "linear"]


def test_one_shot_is_one_round_with_the_exact_count() -> None:
    assert one_shot(1000, Fraction(3, 100)) == [30]
    assert one_shot(3, Fraction(1, 2)) == [2], "half a weight more is rounded up"


def test_an_exponential_course_leaves_the_same_share_of_the_rest_in_each_round() -> None:
    assert in_rounds(1000, Fraction(1, 1000), rounds=3) == [100, 10, 1]
    assert in_rounds(10_000, Fraction(1, 16), rounds=4) == [5000, 2500, 1250, 625]


def test_a_linear_course_removes_the_same_number_in_each_round() -> None:
    assert in_rounds(1000, Fraction(1, 5), rounds=4, schedule="linear") == [800, 600, 400, 200]


@given(
    n=st.integers(1, 10**6),
    removed=st.integers(0, 999),
    rounds=st.integers(1, 40),
    schedule=st.sampled_from(COURSES),
)
def test_every_course_only_falls_and_ends_where_one_shot_does(n, removed, rounds, schedule) -> None:
    density = Fraction(1000 - removed, 1000)
    counts = in_rounds(n, density, rounds=rounds, schedule=schedule)
    assert len(counts) == rounds
    assert counts == sorted(counts, reverse=True)
    assert 1 <= counts[-1] <= counts[0] <= n
    assert counts[-1:] == one_shot(n, density)


@pytest.mark.parametrize("schedule", COURSES)
def test_one_round_is_one_shot(schedule: str) -> None:
    assert in_rounds(777, Fraction(1, 3), rounds=1, schedule=schedule) == one_shot(777, Fraction(1, 3)) == [259]


@pytest.mark.parametrize("rounds", [0, -1, 2.0, True, "3", None])
def test_rounds_are_whole_and_at_least_one(rounds: object) -> None:
    with pytest.raises(CellpruneError, match=f"^rounds is {rounds!r}, but must be a whole number of at least 1$"):
        in_rounds(10, Fraction(1, 2), rounds=rounds)


def test_an_unknown_course_is_answered_with_the_nearest() -> None:
    with pytest.raises(CellpruneError, match=r"no schedule 'linaer'\.\nDid you mean 'linear'\?"):
        in_rounds(10, Fraction(1, 2), rounds=2, schedule="linaer")
