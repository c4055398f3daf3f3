"""What a confirmation can show: drawn by its mean squares as by whole tables, and measured where runs are there."""

from collections.abc import Callable

import numpy as np
import pytest
from finished_run import edited

from cellprune.config.load import recorded
from cellprune.evaluation.decide import decide
from cellprune.runs.folder import Folder
from cellprune.search.judge.power import ASSUMED, Spread, fewest_seeds, power, spread_of
from cellprune.search.tell import sentences
from cellprune.search.tell.measured import spread_in

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


def test_it_is_told_with_what_it_rests_on_and_what_would_do() -> None:
    plan = {"held_out": 10, "confirm_seeds": 5, "margin": 0.005, "images": "frames", "runs": "runs", "may_fold": True}
    spread = {"frames": 0.008, "seeds": 0.007, "rest": 0.008}

    def told(shown: float, enough: int | None, measured: int = 0) -> str:
        chance = {"shown": shown, "enough_seeds": enough, "spread": spread, "n_seeds_measured": measured}
        return sentences.power(plan | {"power": chance})

    assert told(0.27, 24) == (
        "power: with 10 frames and 5 seeds a true loss of zero is shown in 3 of 10 searches, at a margin of 0.005 "
        "(standard deviations of differences: frames 0.008, seeds 0.007, the rest 0.008; assumed, because no pairs of "
        "runs in runs tell); with --confirm-seeds 24 in 8 of 10"
    )
    assert told(0.01, None).endswith("more seeds alone do not help, it takes more frames, as --cv gives")
    assert "in fewer than 1 of 10 searches" in told(0.01, None)
    measured = told(0.99, 3, measured=4)
    assert "in more than 9 of 10 searches" in measured
    assert measured.endswith("measured in pairs of runs of 4 seeds in runs)")


def test_pairs_of_runs_tell_the_spread(make_run: Callable[..., Folder]) -> None:
    rng = np.random.default_rng(0)
    folders = []
    for seed in range(3):
        for ratio in (0.0, 0.9, 0.97):
            folder = make_run(f"{seed} {ratio}", ratio=ratio, n_images=4, seed=seed)
            with edited(folder, "scores") as scores:
                for counted in (counted for image in scores["images"] for counted in image["classes"]):
                    counted["intersection"] = int(counted["union"] * rng.uniform(0.8, 0.9))
            folders.append(folder)
    runs, config = folders[0].path.parent, folders[0].read_config()
    settings = recorded(config)
    found = spread_in(runs, settings)
    assert found is not None
    assert (found.n_frames, found.n_seeds) == (4, 3)
    assert 0.005 < found.spread.rest < 0.1
    other = settings.model_copy(update={"model": settings.model.model_copy(update={"width": 8})})
    assert spread_in(runs, other) is None
    assert spread_in(runs / "none", settings) is None
    folders[0].file("scores").write_text("{")
    assert spread_in(runs, settings) is None, "a damaged run tells nothing, and is no reason to stop"


def test_what_is_assumed_is_there_for_every_task() -> None:
    assert ASSUMED.keys() == {"IoU", "accuracy"}
