"""A method is a row of parts: its options are read off their signatures, and a wrong one is answered with those."""

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.revival import anything
from cellprune.pruning.ranking.schedule import in_rounds
from cellprune.pruning.ranking.units import absolute


def sensitivity(model, masks, batches, loss, *, seed, power=2, name="x"):
    return {}


def scored(channels, sensitivity, *, gate="activation"):
    return torch.zeros(0)


PLAIN = Method(sensitivity=sensitivity, unit=absolute)
ROUNDS = Method(sensitivity=sensitivity, unit=absolute, schedule=in_rounds, candidates=anything, channel=scored)


def test_options_are_the_keywords_of_the_parts_but_for_the_seed() -> None:
    assert PLAIN.defaults() == {"power": 2, "name": "x"}
    assert ROUNDS.defaults().keys() == {"power", "name", "rounds", "schedule", "revive_dead"}
    assert ROUNDS.defaults()["revive_dead"] is True


def test_options_of_channels_belong_to_channels() -> None:
    assert "gate" not in ROUNDS.defaults()
    assert ROUNDS.defaults("channel")["gate"] == "activation"
    assert PLAIN.defaults("channel") == PLAIN.defaults(), "it has no channels to choose"
    with pytest.raises(CellpruneError, match="'gate'"):
        ROUNDS.resolve("mine", {"gate": "weight"})
    assert ROUNDS.resolve("mine", {"gate": "weight"}, "channel")["gate"] == "weight"


def test_given_options_take_the_place_of_defaults() -> None:
    assert PLAIN.resolve("mine", {"power": 3}) == {"power": 3, "name": "x"}
    assert PLAIN.resolve("mine", {}) == PLAIN.defaults()


def test_a_part_gets_its_own_options() -> None:
    options = ROUNDS.resolve("mine", {"rounds": 4})
    assert ROUNDS.of(in_rounds, options) == {"rounds": 4, "schedule": "exponential"}
    assert ROUNDS.of(sensitivity, options) == {"power": 2, "name": "x"}
    assert ROUNDS.of(sensitivity, {"rounds": 4}) == {}


def test_a_wrong_option_is_answered_with_those_there_are() -> None:
    with pytest.raises(CellpruneError) as refusal:
        PLAIN.resolve("mine", {"powr": 3})
    assert "no option of pruning method 'mine' called 'powr'" in str(refusal.value)
    assert "Did you mean 'power'?" in str(refusal.value)
    bare = Method(sensitivity=lambda model, masks, batches, loss, *, seed: {}, unit=absolute)
    with pytest.raises(CellpruneError, match=r"^pruning method 'bare' takes no options, but 'power' was given$"):
        bare.resolve("bare", {"power": 3})


def test_a_row_of_the_two_needed_parts_is_a_method_of_one_round_without_data() -> None:
    assert PLAIN.needs_batches({}) == 0
    assert (PLAIN.channel, PLAIN.quotas, PLAIN.gather, PLAIN.data_free) == (None, None, None, False)
    masks = {"weight": torch.ones(1, 2, dtype=torch.bool)}
    assert PLAIN.candidates(nn.Linear(2, 1), masks) is masks
    assert PLAIN.choose_segments(nn.Linear(2, 1), (0, 0), lambda a, b: a, {}) == {}
