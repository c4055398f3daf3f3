"""Which ratios a search may ask about: those that a method can reach, each one network."""

from fractions import Fraction
from pathlib import Path

import pytest

from cellprune.config.load import load
from cellprune.config.search import Search
from cellprune.controls import families
from cellprune.controls.families import Sizing
from cellprune.errors import CellpruneError
from cellprune.models.architecture import Architecture
from cellprune.search.judge.grid import RATIOS
from cellprune.search.reach import Reach, reach

SMALL = ["model.width=16", "model.depth=1", "data.size=[32, 32]"]
BY_CHANNEL = [*SMALL, "pruning.method=random", "pruning.budget=macs=0.5", "pruning.granularity=channel"]


def of(data_root: Path, assignments: list[str], unit: str = "macs") -> Reach:
    return reach(load(assignments=assignments), Search.model_validate({"unit": unit}), data_root)


def test_a_flat_network_stands_once_at_the_highest_ratio_that_it_has(data_root: Path) -> None:
    found = of(data_root, [*SMALL, "model.width=4", "pruning.method=flat", "pruning.budget=macs=0.5"])
    assert found.settings.pruning.round_to == "auto"
    whole = Architecture("unet", {"width": 4, "depth": 1, "norm": "batch"}, in_channels=1, classes=2)
    sizing = Sizing("macs", (1, 32, 32), "auto")

    def at(ratio: float) -> tuple[int, ...]:
        return families.within("flat", whole, 1 - Fraction(str(ratio)), sizing).widths

    assert [at(ratio) for ratio in found.ratios] == [(3, 3), (2, 2), (1, 1)]
    assert at(RATIOS[RATIOS.index(found.ratios[0]) + 1]) == (2, 2), "no higher ratio has the same network"
    limit = found.limit.replace("\u00a0", " ")
    assert limit == "the smallest flat network, of width 1 at every level, keeps 6.14 % of the multiply-adds"
    with pytest.raises(
        CellpruneError,
        match=r"^no ratio from 0\.9999 on \(--low\) .*: the highest ratio is 0\.\d+, because the smallest flat",
    ):
        found.grid(0.9999, 0.99999)


def test_narrow_networks_reach_every_ratio_down_to_the_smallest(data_root: Path) -> None:
    found = of(data_root, [*SMALL, "pruning.method=narrow", "pruning.budget=macs=0.5"])
    assert found.ratios == tuple(ratio for ratio in RATIOS if ratio <= found.ratios[-1])
    assert found.ratios[-1] < RATIOS[-1]


@pytest.mark.parametrize(
    ("more", "round_to", "said"),
    [
        (["model.width=32"], "auto", "in blocks of 16 channels the smallest network keeps"),
        (["pruning.round_to=8"], 8, "in blocks of 8 channels the smallest network keeps"),
        (["pruning.round_to=1"], 1, ""),
        (["model.width=8"], 1, ""),  # its smallest network in blocks keeps more than a quarter
    ],
)
def test_blocks_are_usual_where_they_reach_far_enough(
    more: list[str], round_to: int | str, said: str, data_root: Path
) -> None:
    found = of(data_root, [*BY_CHANNEL, "model.depth=2", *more])
    assert found.settings.pruning.round_to == round_to
    assert found.limit.startswith(said)
    assert bool(found.limit) == bool(said) == (found.ratios != RATIOS)


def test_weights_and_counted_channels_reach_every_ratio(data_root: Path) -> None:
    assert of(data_root, BY_CHANNEL, "channels").ratios == RATIOS
    assert of(data_root, [*SMALL, "pruning.method=random", "pruning.ratio=0.5"]).ratios == RATIOS


def test_blocks_larger_than_a_layer_are_refused_before_any_training(data_root: Path) -> None:
    with pytest.raises(CellpruneError, match="round_to=17 is more than the 16 channels of"):
        of(data_root, [*BY_CHANNEL, "pruning.round_to=17"])
