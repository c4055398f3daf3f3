"""Shares: exact as they are written, and a number that is none is told what it may have meant."""

from fractions import Fraction

import pytest

from cellprune.config.shares import exact, fault_of_kept, fault_of_removed, left_by
from cellprune.errors import CellpruneError


def test_a_share_is_the_decimal_that_was_written() -> None:
    assert left_by(0.97) == Fraction(3, 100)
    assert exact("budget", 0.1) == Fraction(1, 10) != Fraction(0.1)
    assert left_by(0) == 1


@pytest.mark.parametrize(
    ("sparsity", "said"),
    [
        (97, "97 is outside 0 <= sparsity < 1: did you mean 0.97?"),
        (1, "1 is outside 0 <= sparsity < 1: it is the share of weights to remove"),
        (-0.1, "-0.1 is outside 0 <= sparsity < 1: it is the share of weights to remove"),
        (float("nan"), "sparsity nan is not a number"),
        (float("inf"), "sparsity inf is not a number"),
        ("much", "sparsity 'much' is not a number"),
        (None, "sparsity None is not a number"),
    ],
)
def test_what_is_no_share_removed_is_refused(sparsity: object, said: str) -> None:
    with pytest.raises(CellpruneError) as refusal:
        left_by(sparsity)
    assert str(refusal.value) == said


def test_a_fault_speaks_of_what_it_is_about() -> None:
    assert fault_of_removed("ratio", "97", 97.0) == "97 is outside 0 <= ratio < 1: did you mean 0.97?"
    assert fault_of_removed("ratio", 0, 0) is None
    assert fault_of_kept("macs", 97, Fraction(97)) == (
        "macs=97 is outside 0 < share kept <= 1: did you mean macs=0.97, which keeps 97 %?"
    )
    assert fault_of_kept("params", "0", 0) == "params=0 is outside 0 < share kept <= 1: params=0.1 keeps a tenth"
    assert fault_of_kept("params", 1, 1) is None
