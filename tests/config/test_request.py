"""What is asked of pruning: what it means, and what is refused, in the same words for Python and for the settings."""

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from typing import Any

import pytest

from cellprune.config.load import ConfigError, load
from cellprune.config.pruning import Pruning
from cellprune.config.request import _FLAGS, Request
from cellprune.errors import CellpruneError


def test_a_request_is_a_value_that_is_checked_when_it_is_made() -> None:
    request = Request(sparsity=0.97, exclude="head", options={"inner_steps": 5})
    assert request == Request(method="prospr", sparsity=0.97, exclude=["head"], options={"inner_steps": 5})
    assert (request.exclude, request.share, request.unit, request.least) == (("head",), Fraction(3, 100), None, 0)
    with pytest.raises(FrozenInstanceError):
        request.seed = 1  # type: ignore[misc]
    with pytest.raises(CellpruneError, match=r"did you mean 0\.5"):
        replace(request, sparsity=50)


@pytest.mark.parametrize(
    ("granularity", "budget", "unit"),
    [
        ("weight", {"params": 0.1}, None),
        ("weight", {"macs": 0.1}, "macs"),
        ("channel", {"channels": 0.1}, None),
        ("channel", {"params": 0.1}, "params"),
        ("channel", {"macs": 0.1}, "macs"),
    ],
)
def test_what_is_not_counted_is_ranked_by_its_cost(granularity: Any, budget: dict, unit: str | None) -> None:
    request = Request(budget=budget, granularity=granularity)
    assert (request.unit, request.share) == (unit, Fraction(1, 10))


MACS, HALF = {"budget": {"macs": 0.5}}, {"sparsity": 0.5}
PRICED = "has an effect only with a budget in macs, or of channels in params: add"
BLOCKS = "is for channels under a budget in macs, params or latency: add"
WEIGHTS = "chooses weights, not channels: with"
BY_CHANNEL = "random, magnitude, snip, 3sp, ranp, grasp, synflow, prospr"
SHARES, FOR_CHANNELS = "gives each layer a share of its own: remove", "is for channels: add"
UPDATES = "pruning method 'gradual-channel' chooses anew in every update, without times of layers; give"
COUNTED, BEFORE = "counts single weights that are scored once: remove it, or", "is for masks chosen before training:"


@pytest.mark.parametrize(
    ("asked", "python", "settings"),
    [
        (
            {**HALF, "method": "force", "granularity": "channel"},
            f"pruning method 'force' {WEIGHTS} granularity='channel' take {BY_CHANNEL}",
            f"pruning method 'force' {WEIGHTS} --granularity channel take {BY_CHANNEL}",
        ),
        (
            {"budget": {"channels": 0.5}},
            "budget={'channels': 0.5} counts channels: add granularity='channel'",
            "--budget channels=0.5 counts channels: add --granularity channel",
        ),
        (
            {**HALF, "method": "snip", "options": {"gate": "weight"}},
            f"gate='weight' {FOR_CHANNELS} granularity='channel'",
            f"pruning.gate=weight {FOR_CHANNELS} --granularity channel",
        ),
        (
            {**HALF, "method": "rigl", "floor": 0.1},
            f"floor=0.1 {BEFORE} with pruning method 'rigl' give sparsity alone",
            f"pruning.floor=0.1 {BEFORE} with pruning method 'rigl' give --prune alone",
        ),
        (
            {"budget": {"latency": 0.5}, "method": "gradual-channel"},
            f"budget={{'latency': 0.5}} {BEFORE} {UPDATES} budget={{'macs': 0.1}} or params instead",
            f"--budget latency=0.5 {BEFORE} {UPDATES} --budget macs=0.1 or params instead",
        ),
        (
            {**MACS, "method": "gradual-channel", "cost": "latency"},
            f"cost='latency' {BEFORE} {UPDATES} budget={{'macs': 0.1}} or params instead",
            f"--cost latency {BEFORE} {UPDATES} --budget macs=0.1 or params instead",
        ),
        (
            {**MACS, "method": "gradual-channel", "floor": 0.1},
            f"floor=0.1 {BEFORE} with pruning method 'gradual-channel' give budget alone",
            f"pruning.floor=0.1 {BEFORE} with pruning method 'gradual-channel' give --budget alone",
        ),
        (
            {**HALF, "pricing": "marginal"},
            f"pricing='marginal' {PRICED} budget={{'macs': 0.1}}, or remove pricing",
            f"pruning.pricing=marginal {PRICED} --budget macs=0.1, or remove pruning.pricing",
        ),
        (
            {**HALF, "method": "snip", "cost": "memory"},
            f"cost='memory' {FOR_CHANNELS} granularity='channel'",
            f"--cost memory {FOR_CHANNELS} --granularity channel",
        ),
        (
            {**MACS, "round_to": 8},
            f"round_to=8 {BLOCKS} granularity='channel' and budget={{'macs': 0.1}}, or remove round_to",
            f"--round-to 8 {BLOCKS} --granularity channel and --budget macs=0.1, or remove --round-to",
        ),
        (
            {**MACS, "method": "erk"},
            f"pruning method 'erk' {SHARES} budget={{'macs': 0.5}}",
            f"pruning method 'erk' {SHARES} --budget macs=0.5",
        ),
        (
            {**HALF, "method": "erk", "scope": "layer"},
            f"pruning method 'erk' {SHARES} scope='layer'",
            f"pruning method 'erk' {SHARES} pruning.scope=layer",
        ),
        (
            {**HALF, "method": "random", "scope": "layer", "effective": True},
            f"scope='layer' {SHARES} effective=True",
            f"pruning.scope=layer {SHARES} pruning.effective=true",
        ),
        (
            {**MACS, "effective": True},
            f"effective=True {COUNTED} budget={{'macs': 0.5}}",
            f"pruning.effective=true {COUNTED} --budget macs=0.5",
        ),
        (
            {**HALF, "method": "force", "effective": True},
            f"effective=True {COUNTED} method='force', which scores in rounds",
            f"pruning.effective=true {COUNTED} --method force, which scores in rounds",
        ),
        (
            {**HALF, "effective": True, "granularity": "channel"},
            f"effective=True {COUNTED} granularity='channel'",
            f"pruning.effective=true {COUNTED} --granularity channel",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_equal_words(asked: dict, python: str, settings: str) -> None:
    with pytest.raises(CellpruneError) as refusal:
        Request(**asked)
    assert str(refusal.value) == python
    with pytest.raises(ConfigError) as refusal:
        load(assignments=[*_assignments(asked)])
    assert str(refusal.value) == settings


def _assignments(asked: dict) -> list[str]:
    values = {"ratio" if key == "sparsity" else key: value for key, value in asked.items() if key != "options"}
    values |= asked.get("options", {})
    if "budget" in values:
        [(unit, kept)] = values["budget"].items()
        values["budget"] = f"{unit}={kept}"
    return [f"pruning.{key}={str(value).lower()}" for key, value in values.items()]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "neither of sparsity and budget is given: give one"),
        ({**HALF, **MACS}, "both of sparsity and budget is given: give one"),
        ({**HALF, "method": "snipp"}, "Did you mean 'snip'"),
        ({**HALF, "method": "dense"}, "no pruning method 'dense'"),
        ({**HALF, "granularity": "filter"}, "no granularity 'filter'"),
        ({**HALF, "scope": "lay"}, "no scope 'lay'"),
        ({**HALF, "cost": 1}, "no cost 1"),
        ({**HALF, "floor": 1}, "floor 1 is not a share of each layer"),
        ({"densities": {"a.weight": "0.5"}}, "the density of 'a.weight' '0.5' is not a number"),
        ({"densities": {"a.weight": True}}, "the density of 'a.weight' True is not a number"),
        ({**HALF, "floor": "much"}, "floor 'much' is not a number"),
        ({"budget": "macs=0.1"}, "budget 'macs=0.1' names no unit: give it .* {'params': 0.1}"),
        ({"budget": {"parms": 0.5}}, "Did you mean 'params'"),
        ({"budget": {}}, r"no budget unit '\(none\)'"),
        ({"budget": {"macs": 0.5, "params": 0.5}}, "no budget unit 'macs, params'"),
        ({"budget": {"params": 3}}, "did you mean params=0.03, which keeps 3 %"),
        ({"budget": {"params": "few"}}, "budget params 'few' is not a number"),
    ],
)
def test_what_cannot_be_is_refused(asked: dict, said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        Request(**asked)


def test_a_refusal_names_the_flags_that_there_are() -> None:
    parts = [part for field in Pruning.model_fields.values() for part in field.metadata]
    flags = {name for part in parts for name in getattr(part, "alias", None) or ()}
    assert set(_FLAGS.values()) <= flags


def test_the_settings_ask_for_what_they_say() -> None:
    pruning = "pruning={ratio: 0.9, method: force, rounds: 9, floor: 0.1, exclude: [head]}"
    settings = load(assignments=[pruning, "seed=3"])
    assert settings.pruning.request(settings.seed) == Request(
        method="force",
        sparsity=0.9,
        floor=0.1,
        exclude=["head"],
        seed=3,
        options={"rounds": 9, "schedule": "exponential", "revive_dead": True},
    )
    assert Pruning(ratio=0.5, control="invert").request().invert


def test_a_method_has_its_cost_and_its_granularity_and_a_budget_has_a_cost() -> None:
    assert [Request(method="3sp", sparsity=0.5).granularity, Request(method="3sp", sparsity=0.5).divided_by] == [
        "channel",
        "macs",
    ]
    of_channels: Any = {"method": "snip", "granularity": "channel"}
    assert Request(**of_channels, sparsity=0.5).divided_by == "channels"
    assert Request(**of_channels, budget={"params": 0.5}).divided_by == "params"
    assert Request(**of_channels, budget={"params": 0.5}, cost="memory").divided_by == "memory"
    assert Request(method="ranp", budget={"params": 0.5}).divided_by == "macs"


def test_the_cost_of_before_is_named_by_its_new_name() -> None:
    with pytest.raises(CellpruneError, match="cost='marginal' is called pricing='marginal' now"):
        Request(budget={"macs": 0.5}, granularity="channel", cost="marginal")  # type: ignore[arg-type]
