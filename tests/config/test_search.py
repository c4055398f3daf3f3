"""The question of a search: what its numbers may be, and what a wrong one may have meant."""

import pytest
from pydantic import ValidationError

from cellprune.config.search import Search


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("confidence", 95, "95 is no confidence: give a probability between 0.5 and 1: did you mean 0.95?"),
        ("confidence", 0.5, "0.5 is no confidence: give a probability between 0.5 and 1, such as 0.95"),
        ("confidence", 1, "1 is no confidence: give a probability between 0.5 and 1, such as 0.95"),
        ("confidence", 50, "50 is no confidence: give a probability between 0.5 and 1, such as 0.95"),
        ("confidence", 100, "100 is no confidence: give a probability between 0.5 and 1, such as 0.95"),
        ("confidence", "high", "'high' is no confidence"),
        ("confidence", True, "True is no confidence"),
        ("margin", 0, "0 is no margin: give the largest loss"),
        ("margin", 0.5, "0.5 is no margin"),
        ("confirm_seeds", 2, "2 seeds decide nothing"),
        ("confirm_seeds", 1000, "less than 1000"),
        ("seeds", 0, "greater than or equal to 1"),
        ("seeds", 500, "less than 500"),
        ("cv", 1, "1 fold cannot be: "),
        ("cv", -2, "-2 folds cannot be"),
        ("low", 0, "greater than 0"),
        ("high", 97, "did you mean 0.97?"),
        ("low", 0.9991, "--low 0.9991 is not below --high 0.999: exchange them"),
        ("unit", "weight", "'weights'"),
    ],
)
def test_what_cannot_be_asked_is_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Search.model_validate({key: value})
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("confidence", 0.51), ("confidence", "0.99"), ("margin", 0.499), ("confirm_seeds", 3), ("cv", 0), ("cv", 2),
     ("seeds", 1), ("low", 0.999)],
)  # fmt: skip
def test_what_lies_at_the_edge_can_be_asked(key: str, value: object) -> None:
    assert getattr(Search.model_validate({key: value}), key) == float(value)


def test_a_range_may_name_steps_of_the_ladder() -> None:
    asked = Search.model_validate({"low": "ladder:4", "high": "ladder:9"})
    assert (asked.low, asked.high) == (1 - 0.8**4, 1 - 0.8**9)


def test_a_question_is_read_as_it_was_written_and_cannot_be_changed() -> None:
    asked = Search(margin=0.01, cv=5, controls=True)
    assert Search.model_validate(asked.model_dump(mode="json")) == asked
    with pytest.raises(ValidationError, match="frozen"):
        asked.margin = 0.02
    with pytest.raises(ValidationError, match="margni"):
        Search.model_validate({"margni": 0.01})
