"""The axes of a sweep: seeds as ranges, one kind of amount, and typos answered with the nearest names."""

from pathlib import Path

import pytest

from cellprune.config.load import File, merged, read
from cellprune.config.resolve import ConfigError
from cellprune.config.sweep import Sweep, asked


def plan(section: object) -> File:
    return File(Path("plan.yaml"), {"sweep": section})


def test_seeds_are_numbers_and_ranges_that_end_before_their_second_number() -> None:
    assert Sweep(seeds=("0:3", "7", "2")).seeds == (0, 1, 2, 7)
    assert asked(Sweep(), plan({"seeds": "2:4"})).seeds == (2, 3)
    assert asked(Sweep(), plan({"seeds": [4, "5:7"]})).seeds == (4, 5, 6)


def test_a_flag_wins_over_the_plan_and_an_amount_over_the_other_kind() -> None:
    section = {"methods": ["snip"], "ratios": [0.9, "ladder:2"], "controls": "shuffle"}
    alone = asked(Sweep(), plan(section))
    assert (alone.methods, alone.ratios, alone.controls) == (("snip",), (0.9, 1 - 0.8**2), ("shuffle",))
    both = asked(Sweep(budgets=("macs=0.10",), methods=("random", "random")), plan(section))
    assert (both.methods, both.ratios, both.budgets) == (("random",), (), ("macs=0.1",))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"method": ["snip"]}, r"no axis 'method' \(in plan.yaml, section sweep\).\nDid you mean 'methods'"),
        ({"methods": ["snipp"]}, "no pruning method 'snipp'. Did you mean 'snip'"),
        ({"controls": ["shuffel"]}, "no control 'shuffel'. Did you mean 'shuffle'"),
        ({"targets": ["clases"]}, "no target 'clases'. Did you mean 'classes'"),
        ({"seeds": "0-5"}, "'0-5' is no seed and no range of seeds: write 3, or 0:5"),
        ({"seeds": "5:5"}, "names 0 seeds: give 1 to 1000"),
        ({"seeds": "0:99999999999"}, "names 1001 seeds: give 1 to 1000"),
        ({"ratios": [90]}, r"plan.yaml, section sweep: ratios.0: "),
        ({"ratios": [0.9], "budgets": ["macs=0.1"]}, "both say how much goes: give one of them"),
        ("snip", "the section sweep holds 'snip': write lines such as"),
    ],
)
def test_what_is_wrong_in_a_plan_is_told_with_its_place(section: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(Sweep(), plan(section))


def test_a_plan_is_read_as_yaml_where_a_range_is_text(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("sweep:\n  seeds: 0:5\n  ratios: [0.9]\ntraining:\n  epochs: 3\n")
    file = read(tmp_path / "plan.yaml")
    assert asked(Sweep(), file).seeds == (0, 1, 2, 3, 4)
    assert merged(file=file.without("sweep")).training.epochs == 3
