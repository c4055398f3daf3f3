"""The section data: which sizes, folds and classes there can be, and what an ordinary run's file leaves out."""

import pytest
from pydantic import ValidationError

from cellprune.config.data import Data


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("size", (0, 64), "0 x 64 px is no size: give height and width, each from 1 to 32768 px"),
        ("size", (64, 32769), "64 x 32769 px is no size"),
        ("fold", (5, 5), "there is no fold 5 of 5: take 2 folds or more, counted from 0"),
        ("fold", (-1, 5), "there is no fold -1 of 5"),
        ("fold", (0, 1), "there is no fold 0 of 1"),
        ("classes", ("background",), "1 names, 1 of them different: give 2 to 255, background first"),
        ("classes", ("a", "b", "a"), "3 names, 2 of them different"),
        ("classes", tuple(f"c{n}" for n in range(256)), "256 names"),
        ("classes", ("background", "a cell"), "'a cell' is no class's name: take letters, digits, - and _"),
        ("classes", ("background", "-cell"), "'-cell' is no class's name"),
        ("holdout", 0, "greater than 0"),
        ("holdout", 1, "less than 1"),
        ("select", 1, "less than 1"),
        ("split_seed", -1, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Data.model_validate({key: value})
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("size", (1, 32768)), ("fold", (0, 2)), ("fold", (4, 5)), ("classes", ("b", "c-1_x")),
     ("classes", tuple(f"c{n}" for n in range(255))), ("select", 0.0)],
)  # fmt: skip
def test_what_lies_at_the_edge_can_be(key: str, value: object) -> None:
    assert getattr(Data.model_validate({key: value}), key) == value


def test_an_ordinary_run_says_no_fold_no_selection_and_no_classes() -> None:
    assert not {"fold", "select", "classes"} & Data().model_dump().keys()
    assert "holdout" in Data().model_dump()


def test_what_is_asked_stands_in_the_file() -> None:
    folded = Data(fold=(1, 5)).model_dump()
    assert folded["fold"] == (1, 5)
    assert "holdout" not in folded, "a fold says what is held out"
    assert Data(select=0.3).model_dump()["select"] == 0.3
    assert Data(classes=("background", "cell", "debris")).model_dump()["classes"] == ("background", "cell", "debris")


def test_it_is_read_as_it_was_written() -> None:
    for data in (Data(), Data(fold=(1, 5)), Data(select=0.3, size=(64, 48)), Data(classes=("a", "b"))):
        assert Data.model_validate(data.model_dump(mode="json")) == data
