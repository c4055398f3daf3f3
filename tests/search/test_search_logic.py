"""The search on simulated response curves: what it claims, what it finds, how much it trains."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import reference_search
from simulated_worlds import Loss, world

from cellprune.config.load import load, resolve
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError, WorkError
from cellprune.search import frames
from cellprune.search.judge import controls
from cellprune.search.judge.confirm import Confirmation, Terms, confirm, fresh_seeds, ratios_to_test
from cellprune.search.judge.grid import grid, most_probes
from cellprune.search.judge.propose import Proposal, most_rounds, propose
from cellprune.search.judge.trial import REFERENCE, Outcome, OutcomesOf, Trial, paired
from cellprune.search.plan import count
from cellprune.search.tell import sentences

GRID = grid(0.5, 0.999)
MARGIN, ALPHA = 0.005, 0.05
CLIFF = 10


def one_by_one(score: Callable[[Trial], Mapping[str, float]]) -> OutcomesOf:
    """Make a `OutcomesOf` of a plain function from a trial to its scores."""
    return lambda trials: [Outcome("done", score(trial)) for trial in trials]


def step(ratio: float) -> int:
    return GRID.index(ratio)


def noisy(ratio: float) -> float:
    return 0.0004 * step(ratio) + 0.004 * np.sin(5 * step(ratio))


CURVES: dict[str, Loss] = {
    "monotone": lambda ratio: MARGIN * 2 ** ((step(ratio) - CLIFF) / 2),
    "flat": lambda ratio: MARGIN,
    "noisy": noisy,
    "cliff": lambda ratio: 0.0 if step(ratio) <= CLIFF else 0.05,
    "worse at --low": lambda ratio: 0.02,
    "never worse": lambda ratio: 0.0,
}


def searched(
    loss: Loss, seed: int, shape: tuple[int, int, int, int], *, same_frames: bool = False
) -> tuple[Proposal, Confirmation | None, int]:
    """Search once; shape is frames to choose on, held-out frames, seeds of the search, seeds of the confirmation."""
    n_select, n_report, n_seeds, n_confirm = shape
    score = world(loss, seed=seed, n_select=n_select, n_report=n_report, same_frames=same_frames)
    trained: Counter[Trial] = Counter()

    def counted(trial: Trial) -> dict[str, float]:
        trained[trial] += 1
        return score(trial)

    outcomes_of = one_by_one(counted)
    proposal = propose(GRID, outcomes_of, margin=MARGIN, n_seeds=n_seeds, n_folds=1)
    most = count(Search(seeds=n_seeds, confirm_seeds=n_confirm), GRID, 0)
    assert trained.total() <= min(most.search, n_seeds * (2 + len(proposal.probes)), 8 * n_seeds)
    if proposal.ratio is None:
        return proposal, None, trained.total()
    terms = Terms(MARGIN, ALPHA, fresh_seeds(1, n_confirm))
    confirmation = confirm(ratios_to_test(GRID, proposal.ratio), outcomes_of, terms)
    assert set(trained.values()) == {1}
    assert trained.total() <= most.most
    return proposal, confirmation, trained.total()


@pytest.mark.parametrize(
    "curve", [c if c in ("cliff", "noisy") else pytest.param(c, marks=pytest.mark.slow) for c in CURVES]
)
@pytest.mark.parametrize("shape", [(3, 5, 3, 5), pytest.param((34, 34, 3, 10), marks=pytest.mark.slow)])
def test_claims_are_false_as_rarely_as_promised(curve: str, shape: tuple[int, int, int, int]) -> None:
    loss, false, claimed = CURVES[curve], 0, 0
    for seed in range(200):
        _, confirmation, _ = searched(loss, seed, shape)
        ratio = confirmation.ratio if confirmation else None
        claimed += ratio is not None
        false += ratio is not None and loss(ratio) >= MARGIN
    assert false <= 18
    assert claimed > 0 or curve in ("worse at --low", "flat")


@pytest.mark.parametrize("shape", [(17, 17, 3, 3), pytest.param((34, 34, 3, 5), marks=pytest.mark.slow)])
def test_claims_about_frames_that_were_chosen_on_are_false_as_rarely(shape: tuple[int, int, int, int]) -> None:
    confirmations = [searched(CURVES["flat"], seed, shape, same_frames=True)[1] for seed in range(400)]
    assert sum(found is not None and found.ratio is not None for found in confirmations) <= 0.09 * 400


@pytest.mark.slow
def test_a_cliff_is_found() -> None:
    near = 0
    for seed in range(200):
        _, confirmation, _ = searched(CURVES["cliff"], seed, (34, 34, 3, 15))
        ratio = confirmation.ratio if confirmation else None
        near += ratio is not None and abs(step(ratio) - CLIFF) <= 2
    assert near >= 120


def test_a_failure_that_could_be_chance_is_asked_again_with_fresh_seeds() -> None:
    unlucky, lucky = {0: -0.002, 1: 0.01, 2: 0.022}, -0.02  # what a network loses by its seed
    asked: list[tuple[float, int]] = []

    def score(trial: Trial) -> dict[str, float]:
        asked.append((trial.ratio, trial.seed))
        loss = 0.5 * (trial.ratio > 0.8) + unlucky.get(trial.seed, lucky) if trial.ratio != REFERENCE else 0.0
        return dict.fromkeys("abcdef", 0.9 - loss)

    found = propose(grid(0.7, 0.9), one_by_one(score), margin=MARGIN, n_seeds=3, n_folds=1)
    low, high = 0.75, 0.823223
    assert [(probe.ratio, len(probe.table.seeds), probe.passes) for probe in found.probes] == [
        (high, 3, False),  # clearly
        (low, 3, False),
        (low, 6, True),
    ]
    assert found.ratio == low
    assert [seed for ratio, seed in asked if ratio == low] == [0, 1, 2, 3, 4, 5]
    assert [seed for ratio, seed in asked if ratio == REFERENCE] == [0, 1, 2, 3, 4, 5]


def test_the_ends_of_the_range() -> None:
    quiet = one_by_one(lambda trial: dict.fromkeys("abcde", 0.9 - (0.1 if trial.ratio else 0)))
    worse = propose(GRID, quiet, margin=MARGIN, n_seeds=1, n_folds=1)
    assert worse.ratio is None
    assert min(probe.ratio for probe in worse.probes) == GRID[0]
    equal = one_by_one(lambda trial: dict.fromkeys("abcde", 0.9))
    best = propose(GRID, equal, margin=MARGIN, n_seeds=1, n_folds=1)
    assert best.ratio == GRID[-1]
    found = confirm(ratios_to_test(GRID, GRID[-1]), equal, Terms(MARGIN, ALPHA, fresh_seeds(1, 3)))
    assert found.ratio == GRID[-1]
    assert [claim.ratio for claim in found.claims] == list(GRID[-3:])
    assert ratios_to_test(GRID, GRID[0]) == GRID[:1]


def test_the_sequence_stops_at_the_first_that_is_not_shown() -> None:
    score = world(lambda ratio: 0.0 if ratio < 0.9 else 0.1, seed=1, n_select=5, n_report=30)
    asked: list[Trial] = []

    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        asked.extend(trials)
        return [Outcome("done", score(trial)) for trial in trials]

    found = confirm((0.911612, 0.9375, 0.955806), outcomes_of, Terms(MARGIN, ALPHA, fresh_seeds(1, 5)))
    assert found.ratio is None
    assert {trial.ratio for trial in asked} == {REFERENCE, 0.911612}


def test_the_grid_falls_by_the_square_root_of_two_and_hangs_on_nothing_but_itself() -> None:
    densities = 1 - np.array(GRID)
    assert densities[0] == 0.5
    assert densities[:-1] / densities[1:] == pytest.approx(np.sqrt(2), rel=1e-3)
    assert len(GRID) == 18
    assert set(grid(0.8, 0.95)) < set(GRID)
    assert (most_probes(1), most_probes(18)) == (1, 5)
    assert most_rounds(18) == 8
    with pytest.raises(CellpruneError, match=r"take --low 0\.9375 or --high 0\.955806"):
        grid(0.94, 0.95)


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


def test_a_hopeless_probe_fails_and_is_in_no_interval() -> None:
    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        return [
            Outcome("hopeless", reason="0.2") if t.ratio and t.seed else Outcome("done", {"a": 0.9, "b": 0.9})
            for t in trials
        ]

    found = propose((0.5,), outcomes_of, margin=MARGIN, n_seeds=2, n_folds=1)
    assert found.ratio is None
    assert found.probes[0].table.seeds == (0,)
    assert found.probes[0].table.hopeless == "0.2"


def test_a_hopeless_trial_in_a_confirmation_ends_it_undecided() -> None:
    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        return [
            Outcome("hopeless", reason="cut off")
            if t.ratio and t.seed == 1003
            else Outcome("done", dict.fromkeys("abcde", 0.9))
            for t in trials
        ]

    found = confirm((0.9375, 0.955806), outcomes_of, Terms(MARGIN, ALPHA, fresh_seeds(1, 5)))
    assert found.ratio is None
    assert [claim.decision for claim in found.claims] == [None]
    assert "cut off" in sentences.claim(found.claims[0])


SMALL = ("narrow-params", "flat-params", "narrow-macs", "flat-macs")


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (["pruning.method=snip"], ("shuffle", "random", *SMALL)),
        (["pruning.method=snip", "pruning.granularity=channel"], ("shuffle", "random", *SMALL)),
        (["pruning.method=gradual"], ("random", "narrow-params", "flat-params")),
        (["pruning.method=random"], SMALL),
        (["pruning.method=snip", "pruning.control=shuffle"], ()),
        (["pruning.method=snip", "model.name=smp:unet/resnet18"], ("shuffle", "random")),
        (["pruning.method=snip", "task=classification"], ("shuffle", "random", *SMALL)),
    ],
)
def test_a_method_has_the_controls_that_differ_from_it(chosen: list[str], names: tuple[str, ...]) -> None:
    asked = load(assignments=["pruning.ratio=0.5", *chosen])
    assert controls.of(asked) == names
    for name in names:  # a control that could not be trained would be refused here
        found = resolve(frames.settings_of(Trial("confirm", 0.9375, 1000, 0, name), asked, Search())).pruning
        assert (found.ratio, found.granularity) == (0.9375, asked.pruning.granularity)
        assert (found.control if name != "random" else found.method) == name
    lacking = controls.missing(asked)
    assert [name for name in controls.CONTROLS if name not in lacking] == list(names)
    assert all(lacking.values())


@pytest.mark.parametrize(
    ("unit", "granularity", "share"),
    [
        ("weights", "weight", {"sparsity": 0.646447}),
        ("params", "weight", {"sparsity": 0.646447}),
        ("macs", "weight", {"budget": {"macs": 0.353553}}),
        ("channels", "channel", {"sparsity": 0.646447}),
        ("params", "channel", {"budget": {"params": 0.353553}}),
        ("macs", "channel", {"budget": {"macs": 0.353553}}),
    ],
)
def test_a_ratio_is_the_removed_share_of_its_unit(unit: str, granularity: str, share: dict) -> None:
    asked = load(assignments=["pruning.method=snip", "pruning.ratio=0.5", f"pruning.granularity={granularity}"])
    search = Search(unit=unit)  # type: ignore[arg-type]
    found = resolve(frames.settings_of(Trial("search", 0.646447, 0), asked, search))
    request = found.pruning.request()
    assert {"sparsity": request.sparsity, "budget": request.budget} == {"sparsity": None, "budget": None} | share
    assert Settings.model_validate(found.model_dump()) == found
    reference = resolve(frames.settings_of(Trial("search", REFERENCE, 0), asked, search))
    assert reference.pruning == Pruning(method="dense")


def test_controls_are_corrected_for_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(controls.CONTROLS, "crashes", "what fails")
    good = world(lambda ratio: 0.0, seed=3, n_select=5, n_report=34)

    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        return [Outcome("excluded" if t.control == "crashes" else "done", {} if t.control == "crashes" else good(t))
                for t in trials]  # fmt: skip

    beaten = controls.compare(
        ("random", "shuffle", "crashes"), 0.9375, outcomes_of, Terms(MARGIN, ALPHA, fresh_seeds(1, 9))
    )
    *decided, lost = beaten
    assert [found.name for found in beaten] == ["random", "shuffle", "crashes"]
    assert (lost.decision, lost.against, lost.verdict) == (None, None, "undecided")
    assert not lost.does_as_well
    pairs = [(found.decision.p_value, found.decision.decision.p_value) for found in decided if found.decision]
    assert all(adjusted >= plain for adjusted, plain in pairs)
    assert max(adjusted / plain for adjusted, plain in pairs) == pytest.approx(2)


def test_a_pruned_network_is_set_beside_its_controls() -> None:
    lost = {"": 0.0, "random": 0.05, "shuffle": -0.05, "flat-params": 0.0}
    rng, alike = np.random.default_rng(5), dict[Trial, dict[str, float]]()

    def score(trial: Trial) -> dict[str, float]:
        noise = 0.002 * rng.standard_normal(10)
        values = 0.8 - lost[trial.control] * (trial.ratio > 0) + noise
        return alike.setdefault(trial, {str(number): float(value) for number, value in enumerate(values)})

    terms = Terms(MARGIN, ALPHA, fresh_seeds(1, 5))
    found = {beaten.name: beaten for beaten in controls.compare([*lost][1:], 0.9375, one_by_one(score), terms)}
    assert {name: beaten.verdict for name, beaten in found.items()} == {
        "random": "better", "shuffle": "worse", "flat-params": "undecided",
    }  # fmt: skip
    assert {name: beaten.does_as_well for name, beaten in found.items()} == {
        "random": False, "shuffle": True, "flat-params": True,
    }  # fmt: skip
    for name, beaten in found.items():
        assert beaten.against is not None
        own = [[alike[Trial("confirm", 0.9375, s)][str(f)] - alike[Trial("confirm", 0.9375, s, 0, name)][str(f)]
                for s in terms.seeds] for f in range(10)]  # fmt: skip
        assert beaten.against.decision.mean == pytest.approx(np.mean(own))
        limits = reference_search.limits(own, ALPHA)[1:]
        assert (beaten.against.decision.lower, beaten.against.decision.upper) == pytest.approx(limits)
