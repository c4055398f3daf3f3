"""Whole numbers as they are typed: 1.5 is a mistake, and not 2."""

import cyclopts
import pytest

from cellprune.cli.whole_number import WholeNumber

app = cyclopts.App()


@app.default
def command(*, number: WholeNumber = 3) -> int:
    return number


@pytest.mark.parametrize(("typed", "number"), [("7", 7), ("-7", -7), ("0", 0), ("007", 7)])
def test_a_whole_number_is_taken(typed: str, number: int) -> None:
    assert app(["--number", typed], result_action="return_value") == number


@pytest.mark.parametrize("typed", ["1.5", "1.0", "1e3", "many", "0x10", "1_0", "9" * 5000])
def test_anything_else_is_refused_and_quoted_shortly(typed: str) -> None:
    with pytest.raises(cyclopts.CoercionError) as refusal:
        app(["--number", typed], exit_on_error=False, print_error=False)
    assert "is no whole number: give one without a point" in str(refusal.value)
    assert len(str(refusal.value)) < 400
