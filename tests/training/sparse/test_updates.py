"""When masks move: exact shares of a training, and updates that are neither too few nor too far apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprune.errors import CellpruneError
from cellprune.training.sparse.updates import paced, spacing, steps_until


@pytest.mark.parametrize(
    ("share", "steps", "until"),
    [(0.75, 100, 75), (0.7, 10, 7), (0.29, 100, 29), (1.0, 13, 13), (0.0, 13, 0), (0.75, 3, 2), (0.57, 100, 57)],
)
def test_a_share_of_the_steps_is_exact_in_its_decimals(share: float, steps: int, until: int) -> None:
    assert steps_until(share, steps) == until  # in floats 0.29 * 100 is 28.999999999999996


@pytest.mark.parametrize(("span", "every"), [(1, 1), (29, 1), (59, 1), (60, 2), (300, 10), (3000, 100), (10**6, 100)])
def test_unasked_some_thirty_updates_at_most_a_hundred_steps_apart(span: int, every: int) -> None:
    assert spacing(None, span) == every


@given(asked=st.integers(1, 1000), span=st.integers(1, 1000))
def test_what_is_asked_is_done_where_there_is_room(asked: int, span: int) -> None:
    if asked <= span:
        assert spacing(asked, span) == asked
        return
    with pytest.raises(CellpruneError, match=f"masks are to move every {asked} steps, but only {span} steps lie in"):
        spacing(asked, span)


def test_no_room_at_all_is_told_with_what_to_raise() -> None:
    with pytest.raises(CellpruneError, match=r"move every step, but only 0 steps .* raise pruning.update_until, or"):
        spacing(None, 0)
    with pytest.raises(CellpruneError, match=r"lower pruning.update_every, or train longer"):
        spacing(5, 4)


def test_the_pace_is_said_in_words() -> None:
    assert (paced(1), paced(2)) == ("every step", "every 2 steps")
