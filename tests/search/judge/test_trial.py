"""Trials and the tables of paired differences that are made from their outcomes."""

import pytest

from cellprune.errors import WorkError
from cellprune.search.judge.trial import Outcome, Trial, paired


def outcomes(ratio: float, values: dict[int, float | str]) -> dict[Trial, Outcome]:
    return {
        Trial("confirm", ratio, seed): Outcome("excluded", reason=value)
        if isinstance(value, str)
        else Outcome("done", dict.fromkeys("abcdef", value))
        for seed, value in values.items()
    }


def test_a_lost_seed_is_left_out_in_the_open() -> None:
    reference = outcomes(0, {1: 0.9, 2: 0.9, 3: 0.9, 4: 0.9})
    table = paired(reference, outcomes(0.9, {1: 0.8, 2: "NaN", 3: 0.8, 4: 0.8}))
    assert table.seeds == (1, 3, 4)
    assert table.left_out == {2: "excluded: NaN"}
    assert table.differences == pytest.approx(-0.1)
    assert table.decides
    lost = paired(reference, outcomes(0.9, {1: "NaN", 2: "NaN", 3: "NaN", 4: "NaN"}))
    assert not lost.decides
    with pytest.raises(WorkError, match=r"reference failed .*seed 2.*memory"):
        paired(outcomes(0, {1: 0.9, 2: "out of memory"}), {})


def test_a_seed_lacks_every_fold_when_it_lacks_one_and_an_undefined_frame_counts_nowhere() -> None:
    def arm(ratio: float, scores: dict[tuple[int, int], dict[str, float]]) -> dict[Trial, Outcome]:
        return {
            Trial("confirm", ratio, *at): Outcome("done" if given else "excluded", given)
            for at, given in scores.items()
        }

    frames = ({"a": 0.5, "b": 0.5}, {"c": 0.5, "d": 0.5})
    reference = arm(0, {(seed, fold): frames[fold] for seed in (0, 1, 2) for fold in (0, 1)})
    pruned = {(seed, fold): frames[fold] for seed in (0, 1, 2) for fold in (0, 1)} | {(1, 1): {}, (2, 0): {"a": 0.5}}
    table = paired(reference, arm(0.9, pruned))
    assert table.seeds == (0, 2)
    assert table.rows == ((0, "a"), (1, "c"), (1, "d"))


def test_names_hold_no_trial_of_another_phase() -> None:
    assert Trial("search", 0.5, 1).key != Trial("confirm", 0.5, 1).key
    assert Trial("confirm", 0.96875, 1002, 2, "random").key == "confirm random 0.96875 seed 1002 fold 2"
