"""What two steps keep, one after the other, said in one."""

import torch

from cellprune.structure.positions import Positions


def bits(text: str) -> torch.Tensor:
    return torch.tensor([letter == "1" for letter in text])


def test_a_later_step_counts_from_what_the_first_one_left() -> None:
    first = Positions(
        {"a": {0: bits("1101")}, "b": {1: bits("10")}}, {"norm": bits("1101")}, {"c": (bits("1"), bits("110"))}
    )
    later = Positions({"a": {0: bits("101"), 1: bits("01")}}, {"norm": bits("101")}, {"c": (bits("1"), bits("01"))})
    both = first.then(later)
    assert {name: {axis: kept.tolist() for axis, kept in axes.items()} for name, axes in both.of.items()} == {
        "a": {0: bits("1001").tolist(), 1: bits("01").tolist()},
        "b": {1: bits("10").tolist()},
    }
    assert both.passes["norm"].tolist() == bits("1001").tolist()
    assert [kept.tolist() for kept in both.counted["c"]] == [[True], bits("010").tolist()]
    assert first.passes["norm"].tolist() == bits("1101").tolist(), "it is left as it was"


def test_what_loses_nothing_is_not_named() -> None:
    kept = Positions({"a": {0: bits("11"), 1: bits("01")}, "b": {0: bits("11")}}, {"norm": bits("11")}, {}).lost()
    assert (set(kept.of), kept.passes) == ({"a"}, {})
    assert Positions.whole().lost() == Positions({}, {}, {})
