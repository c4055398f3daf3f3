"""Patterns as they are written, and with what they do not go together."""

import pytest

from cellprune.config.load import digest, load
from cellprune.config.pattern import Blocks, OfEach, pattern_of
from cellprune.config.request import Request
from cellprune.config.resolve import ConfigError
from cellprune.errors import CellpruneError


def test_what_is_written_is_what_is_meant() -> None:
    assert pattern_of("1:4") == OfEach(1, 4)
    assert pattern_of("16x2") == Blocks(16, 2)
    for written in ("4:2", "2:2"):
        with pytest.raises(ValueError, match="keeps all: write fewer before the colon"):
            pattern_of(written)
    for other in ("2/4", "0:4", "x4", "2:4:8", 24):
        with pytest.raises(ValueError, match="is no pattern: write 2:4"):
            pattern_of(other)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"pattern": "24"}, "is no pattern"),
        ({"pattern": "2:4", "sparsity": 0.3}, "keeps at most 0.5 of the weights, and 0.7 should stay: give sparsity"),
        ({"pattern": "2:4", "granularity": "channel"}, "ranked before training: remove it, or granularity='channel'"),
        ({"pattern": "2:4", "method": "gradual"}, "remove it, or method='gradual', which works during training"),
        ({"pattern": "2:4", "method": "erk"}, "which gives each layer a share of its own"),
        ({"pattern": "2:4", "sparsity": None, "budget": {"macs": 0.5}}, "remove it, or budget={'macs': 0.5}"),
        ({"pattern": "2:4", "floor": 0.1}, "remove it, or floor=0.1"),
        ({"densities": {"a": 0.5}}, "densities say how much of each layer stays: remove sparsity and budget"),
        ({"densities": {}, "sparsity": None}, "densities name no layer"),
        ({"densities": {"a": 0}, "sparsity": None}, "the density of 'a' is 0, outside 0 < share kept <= 1"),
        ({"densities": {"a": 0.5}, "sparsity": None, "scope": "layer"}, "a share of its own: remove scope='layer'"),
        ({"densities": {"a": 0.5}, "sparsity": None, "method": "erk"}, "a share of its own: remove method='erk'"),
        ({"densities": {"a": 0.5}, "sparsity": None, "pattern": "2:4"}, "remove it, or densities"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(asked: dict, words: str) -> None:
    with pytest.raises(CellpruneError, match=words.replace("(", r"\(").replace("{", r"\{")):
        Request(**{"method": "snip", "sparsity": 0.5} | asked)


def test_settings_without_a_pattern_are_those_of_before() -> None:
    plain = load(assignments=["pruning.method=snip", "pruning.ratio=0.5"])
    patterned = load(assignments=["pruning.method=snip", "pruning.ratio=0.5", "pruning.pattern=2:4"])
    assert "pattern" not in plain.model_dump()["pruning"]
    assert patterned.pruning.request().pattern == "2:4"
    assert digest(plain, {}) != digest(patterned, {})
    with pytest.raises(ConfigError, match=r"--pattern 2:4 keeps at most 0.5 .*: give --prune of at least 0.5"):
        load(assignments=["pruning.method=snip", "pruning.ratio=0.2", "pruning.pattern=2:4"])
