"""Dense families: of a budget the largest network of a shape, and none that costs more."""

from fractions import Fraction

import pytest
from torch import nn

from cellprune.config import names
from cellprune.config.names import resolve
from cellprune.controls import families
from cellprune.controls.families import Sizing
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.models.architecture import Architecture
from cellprune.runs.cost import Whole
from cellprune.structure.cost import cost

WIDE = Architecture("unet", {"width": 8, "depth": 1, "norm": "batch"}, in_channels=1, classes=2)
LEVELS, SIZE = (8, 16), (1, 16, 16)
every_family = pytest.mark.parametrize("family", names.methods("instead"))


@every_family
@pytest.mark.parametrize(("unit", "round_to"), [("params", 1), ("macs", 1), ("macs", 4), ("macs", "auto")])
def test_of_a_budget_it_is_the_largest_that_costs_no_more(family, unit, round_to):
    whole, sizing = cost(WIDE.build(), SIZE), Sizing(unit, SIZE, round_to)
    dense = whole.parameters.total if unit == "params" else whole.macs.dense
    shares = (Fraction(2, 5), Fraction(1))
    made = [resolve("pruning method", family)(WIDE, share, sizing) for share in shares]
    for one, share in zip(made, shares, strict=True):
        assert (one.shape, one.unit, one.target) == (family, unit, int(share * dense))
        counted = cost(WIDE.with_widths(one.widths).build(), SIZE)
        assert one.achieved == (counted.parameters.total if unit == "params" else counted.macs.dense) <= one.target
        assert one.whole == Whole(LEVELS, whole.parameters.total, whole.macs.dense)
        for larger in next_ones(one.widths, family, round_to):
            assert sizing.cost(WIDE, larger) > one.target
    assert (made[-1].widths == LEVELS) == (family == "narrow"), "of all of it narrow is the whole network"


def next_ones(widths, family, round_to):
    """Give the networks that are one step wider: at any level of a narrow one, at every level of a flat one."""
    if family == "flat":
        return [network for network in families.choices(LEVELS, family, round_to) if network > widths][:1]
    steps = ([step for step in families.steps(level, round_to) if step > width][:1]
             for level, width in zip(LEVELS, widths, strict=True))  # fmt: skip
    return [(*widths[:at], *step, *widths[at + 1 :]) for at, step in enumerate(steps) if step]


@every_family
def test_a_budget_below_the_smallest_says_what_that_is(family):
    sizing = Sizing("macs", SIZE, 8)
    smallest = f"of widths 8-8, has {sizing.cost(WIDE, (8, 8)):,} macs"
    said = rf"^a budget of macs=0\.001 allows \d+ macs, but the smallest such network, {smallest}: "
    with pytest.raises(TooMuchError, match=f"{said}give a larger one, or take --round-to 1"):
        resolve("pruning method", family)(WIDE, Fraction(1, 1000), sizing)


def test_a_network_without_levels_has_none(monkeypatch):
    monkeypatch.setattr(Architecture, "shapes", lambda self: nn.Linear(2, 2))
    with pytest.raises(CellpruneError, match=r"no widths to choose.*: take another --model, --method or --control"):
        families.levels_of(Architecture("smp:unet/resnet18", {}, 1, 2))


def test_channels_are_added_where_the_network_is_narrowest_while_they_fit():
    def cost(widths):
        return 4 * widths[0] + 2 * widths[1] + widths[2]

    assert families.filled((1, 2, 4), (2, 4, 8), cost, 12) == (1, 2, 4), "all is spent"
    assert families.filled((1, 2, 4), (2, 4, 8), cost, 16) == (2, 2, 4), "of equally narrow ones the first"
    assert families.filled((1, 2, 4), (2, 4, 8), cost, 15) == (1, 3, 5), "what does not fit leaves it to the others"
    assert families.filled((1, 2, 4), (2, 4, 8), cost, 99) == (2, 4, 8), "and none is wider than the whole network"


def test_a_level_gives_a_block_back_where_others_then_fill_more():
    def cost(widths):
        return 70 * widths[0] + 30 * widths[1]

    levels = (32, 64)
    assert families.filled((16, 16), levels, cost, 2600, 16) == (16, 48), "98 %: what fits first"
    assert families.filled((16, 16), levels, cost, 2720, 16) == (32, 16), "of which that would be 94 %"
    assert families.filled((16, 16), levels, cost, 2720, 1) == (21, 41), "single channels fill by themselves"


def test_narrow_is_by_one_factor_and_flat_is_flat():
    narrow, flat = (families.choices((4, 8, 12), shape) for shape in ("narrow", "flat"))
    assert narrow[0] == (1, 1, 1)
    assert narrow[-1] == (4, 8, 12)
    assert (3, 6, 9) in narrow
    assert (3, 7, 10) in narrow  # 7/8 of 4 is 3.5
    assert flat == [(width,) * 3 for width in range(1, 13)]


def test_no_network_is_looked_at_that_is_far_larger_than_what_is_looked_for() -> None:
    networks, seen = [(width,) for width in range(1, 1001)], list[int]()

    def cost(widths: tuple[int, ...]) -> int:
        seen.append(widths[0])
        return widths[0]

    for most in (0, 1, 5, 64, 999, 1000, 2000):
        seen.clear()
        assert families._n_within(networks, most, cost) == min(most, 1000)
        assert max(seen) <= 2 * most + 1
