"""What was asked for beside what stays, in the unit that it was asked in; and what methods score by."""

from dataclasses import replace
from itertools import islice, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from cellprune.config import names
from cellprune.config.load import load
from cellprune.experiment import choose
from cellprune.experiment.choose import reached
from cellprune.structure.counts import ChannelCount, Counts, Macs, Parameters, Sparsity

SIZE = (1, 8, 8)
COUNTS = Counts(
    parameters=Parameters(total=1100, left=150, prunable=1000, kept=101, active=99),
    macs=Macs(dense=5000, masked=700, input=SIZE),
    sparsity=Sparsity(direct=0.899, effective=0.901, input=SIZE),
    channels=None,
    layers=(),
)
BY_CHANNEL = replace(COUNTS, channels=ChannelCount(total=40, kept=9))


@pytest.mark.parametrize(
    ("assignments", "counts", "unit", "dense", "allowed", "kept"),
    [
        (["ratio=0.9"], COUNTS, "weights", 1000, 100, 101),
        (["ratio=0.9", "effective=true", "method=snip"], COUNTS, "active weights", 1000, 100, 99),
        (["ratio=0.75", "granularity=channel"], BY_CHANNEL, "channels", 40, 10, 9),
        (["budget=macs=0.15"], COUNTS, "macs", 5000, 750, 700),
        (["budget=macs=0.1501"], COUNTS, "macs", 5000, 750, 700),
        (["budget=params=0.1", "granularity=channel"], BY_CHANNEL, "params", 1100, 110, 150),
        (["ratio=0.9", "method=rigl"], COUNTS, "weights", 1000, 100, 101),
        (["ratio=0.9996"], COUNTS, "weights", 1000, 1, 101),
    ],
)
def test_a_budget_is_told_in_its_unit(
    assignments: list[str], counts: Counts, unit: str, dense: int, allowed: int, kept: int
) -> None:
    pruning = load(assignments=[f"pruning.{text}" for text in assignments]).pruning
    budget = reached(pruning, counts)
    assert (budget.unit, budget.dense, budget.allowed, budget.kept) == (unit, dense, allowed, kept)
    assert budget.achieved == kept / dense
    asked = pruning.request()
    assert budget.target == pytest.approx(1 - pruning.ratio if asked.budget is None else asked.budget[unit])


def test_a_budget_in_latency_is_told_by_the_times_of_layers() -> None:
    pruning = load(assignments=["pruning.budget=latency=0.25", "pruning.granularity=channel"]).pruning
    budget = reached(pruning, BY_CHANNEL, (900, 4001))
    assert (budget.unit, budget.dense, budget.allowed, budget.kept) == ("latency", 4001, 1000, 900)
    assert (budget.target, budget.achieved) == (0.25, 900 / 4001)


def test_where_nothing_was_asked_nothing_is_told() -> None:
    assert reached(load().pruning, COUNTS) is None
    assert reached(load(assignments=["pruning.masks=run"]).pruning, COUNTS) is None


@pytest.mark.parametrize(("home", "n_batches"), [("grasp", 20 // 8), ("snip", 99)])
def test_a_method_that_chooses_among_samples_goes_through_them_once(
    home: str, n_batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is called: the code of the method says so."""
    row = names.MethodRow(f"cellprune.pruning.methods.{home}:METHOD", reads_batches=True)
    monkeypatch.setitem(names.METHODS, "mine", row)
    settings = load(assignments=["pruning.method=mine", "pruning.ratio=0.5"])
    loaders = SimpleNamespace(scoring=lambda batch_size: repeat(batch_size), n_train=20)
    setup: Any = SimpleNamespace(settings=settings, loaders=loaders)
    assert [*islice(choose._batches(setup), 99)] == [8] * n_batches
