"""The published tables as sweeps: every number has its place, and nothing stands there that no source confirms."""

from itertools import groupby

import pytest

from cellprune.config import load as config
from cellprune.config import shipped
from cellprune.errors import CellpruneError
from cellprune.report.published import rows
from cellprune.tables.paper import TABLES, table

PROTOCOLS = shipped.folder("configs") / "protocols"


@pytest.mark.parametrize("number", TABLES)
def test_every_published_number_has_one_place_and_a_column_is_of_one_kind(number: str) -> None:
    told = table(number)
    assert len({(slot.row, slot.column) for slot in told.slots}) == len(told.slots)
    values = [slot.value for slot in told.slots if slot.value is not None]
    assert len(values) == len(rows(number)), "what nobody can confirm is absent"
    assert all(0.2 < value <= 1 for value in values)
    by_column = groupby(sorted(told.slots, key=lambda slot: slot.column), lambda slot: slot.column)
    assert all(len({(slot.dataset, slot.model, slot.quantity) for slot in own}) == 1 for _, own in by_column)
    for protocol in told.protocols:
        said = (PROTOCOLS / f"{protocol}.yaml").read_text(encoding="utf-8")
        assert "arXiv" in said or "mil-ad" in said, "it says where it is from"
        assert config.load(file=PROTOCOLS / f"{protocol}.yaml").training.epochs in (50, 160, 200)


def test_amounts_are_the_exact_ones_of_the_ladder_and_times_are_shares() -> None:
    amounts = {slot.column: float(slot.amount) for slot in table("4").slots}
    assert list(amounts.values()) == [1 - 0.8**n for n in range(1, 19)]
    assert all(abs(100 * amount - float(column)) < 0.051 for column, amount in amounts.items())
    [one] = [slot for slot in table("7").slots if (slot.row, slot.column) == ("80", "cifar100-resnet18")]
    assert one.value == pytest.approx(60.76 / 83.9)
    assert {slot.value for slot in table("7").slots if slot.row == "unpruned"} == {1.0}


def test_a_table_that_there_is_not_is_refused() -> None:
    with pytest.raises(CellpruneError, match=r"no table '12' \(in the paper on ProsPr\)\.\nDid you mean"):
        table("12")
