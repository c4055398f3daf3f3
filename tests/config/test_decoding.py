"""The decoder's numbers as settings: their names, their ranges, and the runs that are older than they."""

from dataclasses import fields
from typing import get_args

import pytest

from cellprune.config.decoding import Decoding
from cellprune.config.load import ConfigError, decoding, differences, digest, load, recorded
from cellprune.config.names import DECODERS, TARGETS
from cellprune.targets.decoders import Decoder


def test_the_settings_are_the_numbers_of_the_decoders() -> None:
    kinds = {kind.name: {field.name for field in fields(kind)} - {"name"} for kind in get_args(Decoder)}
    assert kinds == {name: set(own) for name, own in DECODERS.items()}
    assert Decoding.model_fields.keys() - {"tune", "name"} == {number for own in DECODERS.values() for number in own}
    assert {name for row in TARGETS.values() for name in row.decoders} == DECODERS.keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["decoder.kind=border"], "unknown key 'decoder.kind', did you mean 'decoder.name'?"),
        (["decoder.sed=0.4"], "unknown key 'decoder.sed', did you mean 'decoder.seed'?"),
        (
            ["data.target=classes", "decoder.seed=0.4"],
            "decoder.seed is no number of the decoder watershed: give radius_px or depth or min_",
        ),
        (["data.target=border", "decoder.seed=4"], "decoder.seed: 4: input should be less than or equal to 1"),
        (["decoder.depth=deep"], "decoder.depth: 'deep': a number is needed"),
        (["decoder.min_area_px=-1"], "decoder.min_area_px: -1: input should be greater than or equal to 0"),
        (["decoder.name=bordr"], r"no decoder 'bordr'. Did you mean 'border'\?"),
        (
            ["data.target=classes", "decoder.name=border"],
            "decoder.name=border is not for data.target=classes, which takes w",
        ),
        (
            ["data.target=classes", "decoder.name=components", "decoder.depth=0.1"],
            "decoder.depth is no number of the decoder components",
        ),
        (["data.classes=[background,a,b]", "decoder.depth=0.1"], "decoder.depth is no number of the decoder comp"),
        (["task=classification", "decoder.tune=true"], "task 'classification' has no option 'tune'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(assignments=words)


def test_a_trained_network_takes_numbers_and_no_other_setting() -> None:
    asked = decoding(["decoder.depth=0.2", "decoder.name=watershed", "decoder.depth=0.3"], "components")
    assert (asked.name, asked.numbers) == ("components", {"depth": 0.3}), "the later wins, the flag most"
    assert decoding([]) == Decoding()
    for word in ("decoder.tune=false", "model.width=3"):
        with pytest.raises(ConfigError, match=f"--set {word}: the network is trained already, so give one of decoder"):
            decoding([word])
    with pytest.raises(ConfigError, match=r"unknown key 'decoder.dept', did you mean 'decoder.depth'\?"):
        decoding(["decoder.dept=1"])


def test_new_runs_tune_published_and_older_ones_do_not_and_keep_their_hash() -> None:
    new, as_before = load(), load(assignments=["decoder.tune=false"])
    assert new.tunes
    assert not load(assignments=["task=classification"]).tunes
    older = {key: value for key, value in as_before.model_dump(mode="json").items() if key != "decoder"}
    assert recorded(older) == as_before
    assert digest(recorded(older), {}) == digest(as_before, {}) != digest(new, {})
    assert "decoder" not in as_before.identity()
    assert differences(new, recorded(older)) == ["decoder.tune: False -> True"]
    given = load(assignments=["decoder.depth=0.2"])
    assert given.model_dump()["decoder"] == {"tune": True, "depth": 0.2}
    assert given.identity()["decoder"] == {"tune": True, "depth": 0.2}
    assert "decoder" not in load(assignments=["task=classification"]).model_dump()
