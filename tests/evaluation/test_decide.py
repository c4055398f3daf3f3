"""The decision: against a slow plain version, and on simulated tables, where it may be wrong as often as it says."""

import numpy as np
import pytest
import reference_search as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprune.evaluation.decide import (
    TooFewError,
    alpha_of_look,
    decide,
    holm,
    mean_squares,
    seeds_needed,
    standard_error,
)

MARGIN, ALPHA = 0.005, 0.05
FRAME, SEED, REST = 0.008, 0.007, 0.008  # spreads as measured on the two recordings


def simulated(shape: tuple[int, int], loss: float, *, seed: int, n: int = 1) -> np.ndarray:
    """(n, F, S) differences of a network that loses `loss` in truth."""
    draw = np.random.default_rng(seed).standard_normal
    n_frames, n_seeds = shape
    of_frames, of_seeds = FRAME * draw((n, n_frames, 1)), SEED * draw((n, 1, n_seeds))
    return -loss + of_frames + of_seeds + REST * draw((n, n_frames, n_seeds))


@pytest.mark.parametrize("shape", [(5, 3), (10, 3), (34, 10)])
def test_false_verdicts_are_as_rare_as_promised(shape: tuple[int, int]) -> None:
    verdicts = [decide(table, margin=MARGIN, alpha=ALPHA).verdict for table in simulated(shape, MARGIN, seed=1, n=2000)]
    assert verdicts.count("not worse") <= 0.065 * len(verdicts)
    assert verdicts.count("worse") <= 0.065 * len(verdicts)


def right_or_wrong(loss: float, *, n_images: int, n_seeds: int, seed: int) -> np.ndarray:
    """(F, S) differences of two networks that get 9 of 10 images right, mostly the same; one loses `loss` of them."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1.8, 0.2, n_images)  # most images are nearly always right, or nearly always wrong
    other = np.where(rng.random(n_images) < 0.1, rng.beta(1.8, 0.2, n_images), chance) * (1 - loss / 0.9)
    of_seeds = [1 - rng.uniform(0, 0.01, n_seeds) for _ in range(2)]
    pruned, unpruned = (
        rng.random((n_images, n_seeds)) < own[:, None] * luck
        for own, luck in zip((other, chance), of_seeds, strict=True)
    )
    return pruned.astype(float) - unpruned


def test_false_verdicts_about_single_images_are_as_rare() -> None:
    tables = [right_or_wrong(0.01, n_images=1000, n_seeds=3, seed=seed) for seed in range(1000)]
    verdicts = [decide(table, margin=0.01, alpha=ALPHA).verdict for table in tables]
    assert np.mean(tables) == pytest.approx(-0.01, abs=0.0005)
    assert verdicts.count("not worse") <= 0.065 * len(verdicts)
    assert verdicts.count("worse") <= 0.065 * len(verdicts)


@pytest.mark.parametrize(("alike", "share"), [(0.5, 0.10), (0.8, 0.17)])
def test_neighbours_that_are_alike_count_as_fewer_frames(alike: float, share: float) -> None:
    """The numbers of docs/explanation/statistics.md: two recordings of 17 frames, each like the one before it."""
    rng, verdicts = np.random.default_rng(8), []
    for _ in range(1000):
        of_frames = rng.standard_normal((2, 17))
        for number in range(1, 17):
            of_frames[:, number] = alike * of_frames[:, number - 1] + np.sqrt(1 - alike**2) * of_frames[:, number]
        table = FRAME * of_frames.reshape(34, 1) + SEED * rng.standard_normal((1, 15))
        table = table + REST * rng.standard_normal((34, 15)) - MARGIN
        verdicts.append(decide(table, margin=MARGIN, alpha=ALPHA).verdict)
    assert verdicts.count("not worse") / 1000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("shape", [(5, 3), (3, 7), (10, 3), (34, 15)])
def test_limits_are_those_of_the_slow_version(shape: tuple[int, int]) -> None:
    for table in simulated(shape, 0.001, seed=2, n=20):
        assert mean_squares(table) == pytest.approx(reference.mean_squares(table.tolist()))
        if shape[0] >= 5:
            found = decide(table, margin=MARGIN, alpha=ALPHA)
            assert (found.mean, found.lower, found.upper) == pytest.approx(reference.limits(table.tolist(), ALPHA))
            assert found.standard_error == pytest.approx(standard_error(table))


def test_each_verdict_is_given() -> None:
    noise = simulated((10, 5), 0.0, seed=3)[0]
    said = {loss: decide(noise - loss, margin=MARGIN, alpha=ALPHA).verdict for loss in (-0.1, 0.005, 0.1)}
    assert said == {-0.1: "not worse", 0.005: "undecided", 0.1: "worse"}


@given(st.integers(0, 10_000), st.floats(-0.02, 0.02))
@settings(max_examples=30, deadline=None)
def test_verdict_p_value_and_smallest_margin_agree(seed: int, loss: float) -> None:
    table = simulated((6, 4), loss, seed=seed)[0]
    found = decide(table, margin=MARGIN, alpha=ALPHA)
    assert (found.verdict == "not worse") == (found.p_value < ALPHA)
    wider = decide(table, margin=found.smallest_margin + 1e-9, alpha=ALPHA)
    assert wider.verdict == "not worse"
    if found.smallest_margin > 1e-6:
        assert decide(table, margin=found.smallest_margin - 1e-9, alpha=ALPHA).verdict != "not worse"


def test_equal_networks_are_not_worse_at_any_margin() -> None:
    found = decide(np.zeros((5, 3)), margin=1e-9, alpha=ALPHA)
    assert found.verdict == "not worse"
    assert found.smallest_margin == 0
    assert seeds_needed(np.zeros((5, 3)), margin=1e-9, alpha=ALPHA) == 3
    assert decide(np.full((5, 3), -0.1), margin=MARGIN, alpha=ALPHA).verdict == "worse"


def test_what_it_would_take_has_the_power_it_says() -> None:
    draw = np.random.default_rng(4).standard_normal
    of_frames = np.linspace(-1, 1, 34)[:, None] * FRAME * 1.68  # of just this spread
    known = of_frames + SEED * draw((1, 300)) + REST * draw((34, 300))
    needed = seeds_needed(known, margin=MARGIN, alpha=ALPHA)
    assert needed is not None
    assert 20 < needed < 30
    tables = simulated((34, needed), 0.0, seed=5, n=300)
    shown = [decide(table, margin=MARGIN, alpha=ALPHA).verdict for table in tables].count("not worse")
    assert 0.74 <= shown / len(tables) <= 0.86


def test_frames_that_differ_too_much_need_more_frames() -> None:
    draw = np.random.default_rng(6).standard_normal
    assert seeds_needed(0.02 * draw((5, 1)) + 1e-4 * draw((5, 3)), margin=MARGIN, alpha=ALPHA) is None


@pytest.mark.parametrize(("shape", "said"), [((4, 3), "4 frames"), ((5, 2), "2 seeds")])
def test_too_few_are_refused(shape: tuple[int, int], said: str) -> None:
    with pytest.raises(TooFewError, match=said):
        decide(np.zeros(shape), margin=MARGIN, alpha=ALPHA)


@pytest.mark.parametrize(("table", "said"), [([[0.0, np.nan]], "incomplete"), ([0.0, 1.0], "two axes")])
def test_what_is_no_complete_table_is_refused(table: list, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decide(table, margin=MARGIN, alpha=ALPHA)


def test_one_frame_or_one_seed_tells_of_no_spread() -> None:
    assert standard_error([[0.1, 0.2, 0.3]]) is None
    assert standard_error([[0.1], [0.2]]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_step_down_rule(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert [value < ALPHA for value in adjusted] == reference.holm(p_values, ALPHA)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))


def test_a_second_look_has_half_the_error() -> None:
    assert [alpha_of_look(0.05, look) for look in (1, 2, 3)] == [0.05, 0.025, 0.0125]
