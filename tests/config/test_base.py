"""What every section is made of: frozen values, ratios however they are written, and numbers of the right kind."""

from typing import Annotated

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator, Field, ValidationError

from cellprune.config.base import MOST_SEED, Frozen, named, ratio_of


class Section(Frozen):
    ratio: Annotated[float, BeforeValidator(ratio_of)] = 0.0
    fruit: Annotated[str, named("fruit", {"apple": 1, "pear:KIND": 2}, "nut")] = "apple"


def test_a_section_is_frozen_and_has_no_unknown_key() -> None:
    section = Section()
    with pytest.raises(ValidationError, match="frozen"):
        section.ratio = 0.5
    with pytest.raises(ValidationError, match="ration"):
        Section.model_validate({"ration": 0.5})


@pytest.mark.parametrize("name", ["apple", "pear:green", "nut"])
def test_a_name_stands_in_the_table_or_beside_it(name: str) -> None:
    assert Section(fruit=name).fruit == name


def test_a_name_that_is_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"no fruit 'aple'.\nDid you mean 'apple'\?"):
        Section(fruit="aple")


@given(step=st.integers(0, 40))
def test_a_step_of_the_ladder_is_the_published_ratio(step: int) -> None:
    assert Section(ratio=f"ladder:{step}").ratio == 1 - 0.8**step


@pytest.mark.parametrize("text", ["ladder:", "ladder:-1", "ladder:1.5", "ladder:x", "ladder:999", "ladder:1000"])
def test_what_is_no_step_of_the_ladder_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is no step of the ladder: write ladder:9 for"):
        Section(ratio=text)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "True is no ratio"),
        ("much", "'much' is no ratio: give the share of weights to remove, such as 0.97"),
        (None, "None is no ratio"),
        ([0.5], "is no ratio"),
        (10**400, "is no ratio"),
        (97, "97 is outside 0 <= ratio < 1: did you mean 0.97?"),
        (float("nan"), "outside 0 <= ratio < 1"),
    ],
)
def test_what_is_no_ratio_is_refused(value: object, said: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Section(ratio=value)
    assert said in str(refusal.value)


def test_a_flag_is_text_and_a_file_knows_kinds() -> None:
    assert Section.model_validate({"ratio": "0.5"}).ratio == 0.5
    with pytest.raises(ValidationError, match="is no ratio"):
        Section.model_validate_json('{"ratio": "0.5"}')
    assert Section.model_validate_json('{"ratio": 0.5}').ratio == 0.5
    assert Section.model_validate_json('{"ratio": "ladder:1"}').ratio == pytest.approx(0.2)


class Numbers(Frozen):
    rate: float = 1.0
    seed: int = Field(0, ge=0, le=MOST_SEED)


@pytest.mark.parametrize("rate", [float("inf"), float("nan")])
def test_a_number_is_finite(rate: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Numbers(rate=rate)


def test_a_seed_is_one_that_torch_takes() -> None:
    assert torch.Generator().manual_seed(Numbers(seed=2**63 - 1).seed).initial_seed() == 2**63 - 1
    with pytest.raises(ValidationError, match="less than or equal"):
        Numbers(seed=2**63)
