"""What a pruned network must beat."""

import numpy as np
import pytest
import reference_search
from simulated_worlds import one_by_one, world

from cellprune.config.load import load, resolve
from cellprune.config.search import Search
from cellprune.search import frames
from cellprune.search.judge import controls
from cellprune.search.judge.confirm import Terms, fresh_seeds
from cellprune.search.judge.trial import Outcome, Trial

MARGIN, ALPHA = 0.005, 0.05
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
