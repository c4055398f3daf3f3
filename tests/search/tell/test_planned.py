"""The plan of a search in lines: its power, what that rests on, and what would do."""

from dataclasses import replace
from pathlib import Path

import pytest
from simulated_searches import planned_in

from cellprune.search.tell import planned

pytestmark = pytest.mark.usefixtures("undrawn")


def test_the_power_is_told_with_what_it_rests_on_and_what_would_do(tmp_path: Path) -> None:
    made = planned_in(tmp_path, lambda: 1.0)

    def told(shown: float, enough: int | None, measured: int = 0) -> str:
        chance = replace(made.chance, shown=shown, enough_seeds=enough, n_seeds_measured=measured)
        return planned.power(replace(made, chance=chance, runs=Path("runs")))

    assert told(0.27, 24) == (
        "power: if pruning truly cost nothing, 6 frames and 3 seeds would show it in 3 of 10 searches, at a margin of "
        "0.02 IoU (standard deviations of differences: frames 0.008, seeds 0.007, the rest 0.008; assumed, because no "
        "pairs of runs in runs tell); with --confirm-seeds 24 in 8 of 10"
    )
    assert told(0.01, None).endswith("more seeds alone do not help, it takes more frames, as --cv gives")
    assert "in fewer than 1 of 10 searches" in told(0.01, None)
    measured = told(0.99, 3, measured=4)
    assert "in more than 9 of 10 searches" in measured
    assert measured.endswith("measured in pairs of runs of 4 seeds in runs)")
