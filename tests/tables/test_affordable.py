"""Budgets below the smallest network, before anything is trained."""

from pathlib import Path

import pytest
from rehearsed_sweeps import TINY

from cellprune.config.resolve import ConfigError
from cellprune.config.sweep import Sweep
from cellprune.tables.affordable import require_affordable
from cellprune.tables.plan import Source, plan


def test_a_budget_below_the_smallest_network_is_named_with_all_its_combinations(data_root: Path) -> None:
    axes = Sweep(methods=("snip", "random", "flat"), budgets=("macs=0.001", "macs=0.5"), controls=("shuffle",))
    of_channels = Source(assignments=[*TINY, "pruning.granularity=channel"])
    with pytest.raises(ConfigError) as refused:
        require_affordable(plan(axes, of_channels), data_root)
    said = str(refused.value)
    assert said.startswith(
        "5 of 11 combinations cannot be trained, so nothing was begun: snip macs=0.001, snip shuffle macs=0.001, "
        "random macs=0.001, random shuffle macs=0.001: the smallest network keeps one channel of each layer"
    )
    assert "; flat macs=0.001: a budget of macs=0.001 allows" in said
