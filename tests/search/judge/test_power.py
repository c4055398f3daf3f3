"""What a confirmation can show: drawn by its mean squares as by whole tables, and measured where runs are there."""

import numpy as np
import pytest

from cellprune.evaluation.decide import decide
from cellprune.search.judge.power import ASSUMED, Spread, fewest_seeds, power, spread_of

SPREAD = Spread(0.008, 0.007, 0.009)


def tables(n: int, n_frames: int, n_seeds: int, spread: Spread) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (
        spread.frames * rng.standard_normal((n, n_frames, 1))
        + spread.seeds * rng.standard_normal((n, 1, n_seeds))
        + spread.rest * rng.standard_normal((n, n_frames, n_seeds))
    )


@pytest.mark.parametrize(("n_frames", "n_seeds", "margin"), [(10, 5, 0.01), (34, 3, 0.01)])
def test_it_is_the_share_of_whole_tables_that_pass(n_frames: int, n_seeds: int, margin: float) -> None:
    shown = [decide(table, margin=margin, alpha=0.05).verdict for table in tables(600, n_frames, n_seeds, SPREAD)]
    expected = shown.count("not worse") / len(shown)
    assert 0.1 < expected < 0.9
    assert power(n_frames, n_seeds, SPREAD, margin=margin, alpha=0.05) == pytest.approx(expected, abs=0.06)


def test_the_spread_of_a_table_is_found_again() -> None:
    found = [spread_of(table) for table in tables(200, 30, 12, SPREAD)]
    for part in ("frames", "seeds", "rest"):
        assert np.mean([getattr(one, part) for one in found]) == pytest.approx(getattr(SPREAD, part), rel=0.1)


def test_fewest_seeds_are_just_enough_or_frames_are_missing() -> None:
    asked = {"margin": 0.01, "alpha": 0.05}
    n = fewest_seeds(34, SPREAD, **asked)
    assert n is not None
    assert power(34, n, SPREAD, **asked) >= 0.8 > power(34, n - 1, SPREAD, **asked)
    assert fewest_seeds(10, SPREAD, margin=0.004, alpha=0.05) is None


def test_what_is_assumed_is_there_for_every_task() -> None:
    assert ASSUMED.keys() == {"IoU", "accuracy", "SEG", "AP at IoU 0.5"}
