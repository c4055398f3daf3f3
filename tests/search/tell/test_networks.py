"""What the networks of a confirmation score and cost, told without a network being there."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from simulated_searches import FACTS

from cellprune.config.model import Model
from cellprune.models.architecture import Architecture
from cellprune.search.judge.trial import Outcome, Trial
from cellprune.search.tell.networks import arms, first_run, networks
from cellprune.structure import timing


def done(folder: str, *scores: float, of_budget: float | None = None) -> Outcome:
    run = replace(FACTS, folder=folder, of_budget=of_budget)
    return Outcome("done", {str(number): score for number, score in enumerate(scores)}, run=run)


HOPELESS = Outcome("hopeless", reason="far below")
OUTCOMES = {
    Trial("confirm", 0.5, 1001): done("half 1", 0.6, 0.8),
    Trial("confirm", 0.0, 1000): done("dense 0", 0.9, 0.9),
    Trial("confirm", 0.5, 1000): HOPELESS,
    Trial("confirm", 0.5, 1000, control="narrow-macs"): done("narrow", 0.5, of_budget=0.8),
    Trial("confirm", 0.5, 1001, control="narrow-macs"): done("narrow 1", 0.7, of_budget=0.9),
    Trial("confirm", 0.0, 2000): done("another look", 0.1),
    Trial("search", 0.5, 1000): done("a search", 0.1),
}


def test_arms_are_those_of_the_confirmations_seeds_the_method_first_and_rising() -> None:
    found = arms(OUTCOMES, (1000, 1001))
    assert list(found) == [("", 0.0), ("", 0.5), ("narrow-macs", 0.5)]
    assert [outcome.state for outcome in found["", 0.5]] == ["hopeless", "done"]
    assert list(arms(OUTCOMES, (2000,))) == [("", 0.0)]
    assert not arms(OUTCOMES, (3000,))


def test_the_first_run_is_that_of_the_first_that_is_done() -> None:
    assert first_run([HOPELESS, done("one", 1.0), done("two", 1.0)]).folder == "one"
    assert first_run([HOPELESS]) is None
    assert first_run([]) is None


def test_scores_are_means_and_hopeless_trainings_have_none(tmp_path: Path) -> None:
    (dense, half, narrow), timed_on = networks(arms(OUTCOMES, (1000, 1001)), tmp_path, "cpu")
    assert (half.control, half.ratio, half.run, half.hopeless) == ("", 0.5, "half 1", 1)
    assert half.score == pytest.approx(0.7)
    assert half.score_by_trial == pytest.approx((0.7,))
    assert (dense.score, dense.hopeless, dense.of_budget) == (pytest.approx(0.9), 0, None)
    assert narrow.score_by_trial == pytest.approx((0.5, 0.7))
    assert narrow.of_budget == pytest.approx(0.85)
    assert (half.parameters, half.macs, half.bytes) == (FACTS.parameters_left, FACTS.macs_left, FACTS.model_bytes)
    assert timed_on is None, "no run is there any more"
    assert {network.milliseconds for network in (dense, half, narrow)} == {None}


def test_an_arm_in_which_nothing_came_through_is_left_out(tmp_path: Path) -> None:
    assert networks({("", 0.5): [HOPELESS]}, tmp_path, "cpu") == ((), None)


def test_networks_that_are_there_are_timed_beside_the_unpruned_one(
    make_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "milliseconds", partial(timing.milliseconds, repeats=1, least_s=0.0))
    architecture = Architecture("unet", {"width": 1, "depth": 1}, in_channels=1, classes=2)
    weights = {name: value.numpy() for name, value in architecture.build().state_dict().items()}
    header = {"architecture": architecture.as_dict(), "network_size_px": [8, 8]}
    for folder in (make_run("dense", ratio=0.0), make_run("pruned", ratio=0.9)):
        folder.write_model(header, weights, {})
    trials = {
        ("", 0.0): [done("dense", 0.9)], ("", 0.9): [done("pruned", 0.8)], ("shuffle", 0.9): [done("gone", 0.7)],
    }  # fmt: skip
    (first, second, gone), timed_on = networks(trials, tmp_path, "cpu")
    assert first.milliseconds > 0
    assert first.time_ratio == 1
    assert second.time_ratio == pytest.approx(second.milliseconds / first.milliseconds)
    assert (gone.milliseconds, gone.time_ratio) == (None, None)
    assert timed_on.device == "cpu"
    assert timed_on.threads >= 1


def test_a_network_of_the_users_own_is_timed_by_the_code_that_the_search_names(
    make_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "milliseconds", partial(timing.milliseconds, repeats=1, least_s=0.0))
    code = "from torch import nn\n\n\ndef build(in_channels, classes):\n    return nn.Conv2d(in_channels, classes, 1)\n"
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    model = Model(name=f"{tmp_path}/net.py:build").with_code_told()
    architecture = Architecture.of(model, in_channels=1, classes=2)
    weights = {name: value.numpy() for name, value in architecture.build().state_dict().items()}
    make_run("dense", ratio=0.0).write_model(
        {"architecture": architecture.as_dict(), "network_size_px": [8, 8]}, weights, {}
    )
    ((dense,), _) = networks({("", 0.0): [done("dense", 0.9)]}, tmp_path, "cpu", network=model.name)
    assert dense.milliseconds > 0
