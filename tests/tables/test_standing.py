"""How arms stand: paired differences with Holm, ranks with intervals, and nothing claimed from too few seeds."""

from pathlib import Path

import numpy as np
import pytest
from rehearsed_sweeps import planned

from cellprune.config.sweep import Sweep
from cellprune.evaluation.decide import decide, holm
from cellprune.report.finished import Spent
from cellprune.report.published import Curve
from cellprune.tables import figures, latex
from cellprune.tables.plan import Arm, Plan, Trial
from cellprune.tables.result import Result, Score
from cellprune.tables.standing import Standing, difference, standings

COST = Spent(100, 200, 0.5, False, 1000, 4000, 10, 20, 0.5, "a machine")


def result(arm: Arm, seed: int, level: float, n_images: int = 8) -> Result:
    noise = np.random.default_rng([seed, 1]).normal(0, 0.01, n_images)  # of the images, the same for every arm
    own = np.random.default_rng([seed, len(arm.name), 2]).normal(0, 0.002, n_images)
    of_each = {f"01/{k:03d}": float(level + noise[k] + own[k]) for k in range(n_images)}
    scores = (
        Score("iou_image_mean", "network", "IoU", float(np.mean(list(of_each.values())))),
        Score("seg", "native", "SEG", None),
    )
    return Result(
        Trial(arm, seed), Path("runs/r"), scores, {"IoU": of_each}, "", "", 0.5, 3.0, COST, {"training_s": 2.0}, 5
    )


def told(levels: dict[str, float], n_seeds: int) -> tuple[Plan, list[Standing]]:
    whole = planned(Sweep(methods=("snip", "random", "magnitude"), ratios=(0.5,), seeds=tuple(range(n_seeds))))
    results = [result(trial.arm, trial.seed, levels[trial.arm.method]) for trial in whole.trials]
    return whole, standings(whole, results)


LEVELS = {"dense": 0.9, "snip": 0.88, "random": 0.5, "magnitude": 0.879}


def test_differences_are_those_of_the_two_way_table_and_adjusted_together() -> None:
    _, (dense, snip, random, magnitude) = told(LEVELS, 4)
    assert dense.from_dense == {}
    pairs = [
        (ours.paired["IoU"], theirs.paired["IoU"]) for ours, theirs in zip(snip.results, dense.results, strict=True)
    ]
    table = [[ours[image] - theirs[image] for ours, theirs in pairs] for image in sorted(pairs[0][0])]
    expected = decide(table, margin=0.0, alpha=0.025)
    gap = snip.from_dense["IoU"]
    assert (gap.mean, gap.lower, gap.upper) == (expected.mean, expected.lower, expected.upper)
    assert gap.p_value == 2 * (1 - expected.p_value)
    assert (gap.n_better, gap.n_seeds, gap.n_images) == (0, 4, 8)
    gaps = [one.from_dense["IoU"] for one in (snip, random, magnitude)]
    assert [one.adjusted for one in gaps] == holm([one.p_value for one in gaps])
    assert gap.is_shown


def test_a_rank_has_the_interval_that_comparisons_of_pairs_leave_open() -> None:
    _, (dense, snip, random, magnitude) = told(LEVELS, 4)
    assert dense.rank is None
    assert random.rank.place == random.rank.best == random.rank.worst == 3
    assert {snip.rank.place, magnitude.rank.place} == {1, 2}
    assert (snip.rank.best, snip.rank.worst) == (magnitude.rank.best, magnitude.rank.worst) == (1, 2)


def test_two_seeds_show_a_difference_and_claim_nothing() -> None:
    _, (dense, snip, random, _) = told(LEVELS, 2)
    assert snip.from_dense["IoU"].mean == pytest.approx(-0.02, abs=0.005)
    assert (snip.from_dense["IoU"].lower, snip.from_dense["IoU"].p_value, snip.from_dense["IoU"].adjusted) == (
        None,
        None,
        None,
    )
    assert not random.from_dense["IoU"].is_shown
    assert (random.rank.best, random.rank.worst) == (1, 3)
    assert dense.interval("iou_image_mean") is not None
    assert (dense.mean("seg"), dense.interval("seg")) == (None, None)


def test_pairs_are_of_the_images_and_seeds_that_both_have() -> None:
    arm, other = planned().arms[:2]
    ours = [result(arm, seed, 0.8, 7) for seed in (0, 1, 2)]
    theirs = [result(other, seed, 0.8, 9) for seed in (1, 2, 5)]
    gap = difference(ours, theirs, "IoU")
    assert (gap.n_seeds, gap.n_images, gap.p_value) == (2, 7, None)
    assert difference(ours[:1], theirs, "IoU") is None
    same = difference(ours, ours, "IoU")
    assert (same.mean, same.p_value) == (0.0, 1.0)


def test_a_table_for_a_paper_has_a_column_for_each_amount_and_escapes_names(tmp_path: Path) -> None:
    whole, all_of = told(LEVELS, 3)
    latex.write(tmp_path / "table.tex", all_of, [("iou_image_mean", "IoU_&")])
    lines = (tmp_path / "table.tex").read_text().splitlines()
    assert r"\begin{tabular}{lc}" in lines
    assert r"IoU\_\& & 50 \% removed \\" in lines
    assert [line.split(" & ")[0] for line in lines if r" \pm " in line] == ["dense", "snip", "random", "magnitude"]
    assert whole.arms[0].is_dense


def test_the_figure_has_a_line_per_method_and_control_and_the_published_curve(tmp_path: Path) -> None:
    whole = planned(Sweep(methods=("snip", "random"), ratios=(0.5, 0.8), seeds=(0, 1), controls=("shuffle",)))
    results = [result(trial.arm, trial.seed, 0.8) for trial in whole.trials if trial.arm.method != "random"]
    curves = [Curve("snip", (0.2, 0.998), (0.93, 0.7), "4")]
    svg = figures.over_costs(standings(whole, results), "iou_image_mean", "IoU", tmp_path, curves)
    for label in ("dense", "snip", "snip shuffle", "snip, published"):
        assert f">{label}</text>" in svg
    assert ">random</text>" not in svg, "it has no run"
    assert svg.count('xlink:href="') > len(results)
