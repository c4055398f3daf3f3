"""Errors a user may meet: their exit codes, and what is said of a name that nobody knows."""

import pytest

from cellprune.errors import CellpruneError, ScarceError, TooMuchError, WorkError, unknown


@pytest.mark.parametrize(("kind", "code"), [(CellpruneError, 2), (TooMuchError, 2), (ScarceError, 2), (WorkError, 1)])
def test_what_is_refused_before_work_leaves_with_2_and_what_fails_in_it_with_1(kind: type, code: int) -> None:
    assert kind("no").exit_code == code
    assert isinstance(kind("no"), CellpruneError)


def test_the_nearest_names_come_first_and_then_all() -> None:
    assert unknown("fruit", "aple", ["pear", "apple", "maple"]) == (
        "no fruit 'aple'.\nDid you mean 'maple' or 'apple'? Known: apple, maple, pear."
    )
    assert unknown("fruit", "xyz", ["pear"]) == "no fruit 'xyz'.\nKnown: pear."


def test_the_place_of_a_name_is_said_where_it_is_known() -> None:
    assert unknown("fruit", "x", ["pear"], "a.yaml: fruit").startswith("no fruit 'x' (in a.yaml: fruit).\n")


def test_of_very_many_names_the_first_are_listed() -> None:
    names = [f"name{number:03d}" for number in range(42)]
    assert unknown("x", "?", names[:40]).endswith("name039.")
    assert unknown("x", "?", names).endswith("name039 and 2 more.")


def test_what_is_no_text_is_unknown_too() -> None:
    assert unknown("fruit", 3, ["pear"]).startswith("no fruit 3.")
    assert unknown("fruit", ["a"], ["pear"]).startswith("no fruit ['a'].")


def test_an_error_without_a_message_has_none() -> None:
    assert str(CellpruneError()) == ""


def test_names_that_are_numbers_are_listed_in_their_order() -> None:
    assert unknown("table", "11", ("1", "2", "10", "b")).endswith("Known: 1, 2, 10, b.")
