"""What a sweep trains: each combination once, the dense network first; what cannot be is named before the first run."""

from pathlib import Path

import pytest

from cellprune.config.load import File
from cellprune.config.resolve import ConfigError
from cellprune.config.schema import Settings
from cellprune.config.sweep import Sweep
from cellprune.errors import CellpruneError
from cellprune.tables.plan import Plan, Source, plan

TINY = ("data.size=[32, 32]", "model.width=4", "model.depth=1")


def planned(*assignments: str, **axes: object) -> Plan:
    return plan(Sweep(**axes), Source(assignments=(*TINY, *assignments)))


def test_every_combination_is_trained_with_every_seed_and_the_dense_network_once_a_seed() -> None:
    made = planned(methods=("snip", "random"), ratios=(0.5, 0.9), seeds=("3:5",), controls=("shuffle",))
    names = [made.name(trial) for trial in made.trials]
    assert len(names) == len(set(names)) == 2 * (1 + 2 * 2 * 2)
    assert names[:3] == ["dense, seed 3", "snip, 50\u00a0% removed, seed 3", "snip shuffle, 50\u00a0% removed, seed 3"]
    assert [trial.settings.seed for trial in made.trials] == [3] * 9 + [4] * 9
    assert made.left_out == ()
    assert made.arms[2].settings.pruning.control == "shuffle"


def test_networks_and_targets_have_a_dense_network_each_and_the_loss_of_their_target() -> None:
    made = planned(methods=("snip",), ratios=(0.5,), targets=("classes", "distance"), seeds=("0",))
    assert [(arm.target, arm.name) for arm in made.arms if arm.is_dense] == [
        ("classes", "dense"),
        ("distance", "dense"),
    ]
    assert {arm.target: arm.settings.training.loss for arm in made.arms} == {
        "classes": "cross-entropy+dice", "distance": "smooth-l1",
    }  # fmt: skip
    assert made.name(made.trials[0]) == "classes, dense, seed 0"


def test_an_option_of_one_method_is_no_fault_of_another_and_what_is_the_same_is_trained_once() -> None:
    made = planned("pruning.inner_steps=1", methods=("prospr", "snip"), budgets=("params=0.1", "params=0.10"))
    assert [arm.settings.pruning.options().get("inner_steps") for arm in made.arms] == [None, 1, None]
    with pytest.raises(ConfigError, match="has no option 'temperature'"):
        planned("pruning.temperature=2", methods=("prospr", "snip"), ratios=(0.5,))


def test_a_control_that_a_method_does_not_have_is_left_out_with_the_reason() -> None:
    made = planned(
        "pruning.granularity=channel", methods=("snip", "flat"), budgets=("macs=0.5",), controls=("shuffle",)
    )
    assert [arm.name for arm in made.arms] == [
        "dense", "snip, macs=0.5 kept", "snip shuffle, macs=0.5 kept", "flat, macs=0.5 kept",
    ]  # fmt: skip
    [left_out] = made.left_out
    assert left_out.startswith("flat has no control shuffle: pruning.control=shuffle needs masks")


@pytest.mark.parametrize(
    ("assignments", "axes", "said"),
    [
        ((), {"methods": ("snip", "flat"), "ratios": (0.5, 0.9)},
         r"2 of 5 combinations cannot be trained.*: unet border flat 0\.5: method 'flat' makes a dense network .*; "
         r"unet border flat 0\.9: .*; remove them from the plan"),
        ((), {"methods": ("snip",)}, "nothing says how much is removed: give --ratios"),
        (("pruning.ratio=0.5",), {"ratios": (0.5,)}, "pruning.ratio cannot be given to a sweep: --ratios lists"),
        (("seed=1",), {"ratios": (0.5,)}, "seed cannot be given to a sweep: --seeds lists the seeds"),
        (("data.target=border",), {"ratios": (0.5,), "targets": ("classes",)}, "data.target cannot be given to a"),
        (("pruning.granularity=channel",), {"methods": ("flat",), "budgets": ("macs=0.5",), "controls": ("shuffle",)},
         r"no method of the sweep has the control shuffle \(flat has no"),
        (("training.epoch=3",), {"ratios": (0.5,)}, "unknown key 'training.epoch', did you mean 'training.epochs'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_before_the_first_run(
    assignments: tuple[str, ...], axes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(Sweep(**axes), Source(assignments=assignments))


def test_a_network_without_levels_has_no_narrow_and_no_flat_control(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellprune.tables.plan.families.why_no_levels", lambda architecture: "no widths to choose")
    with pytest.raises(ConfigError, match="no widths to choose, so there is no control flat-params of it"):
        planned(methods=("snip",), ratios=(0.5,), controls=("flat-params",))
    with pytest.raises(ConfigError, match="no widths to choose, so there is no dense family flat of it"):
        planned("pruning.granularity=channel", methods=("flat",), budgets=("macs=0.5",))


def test_a_flag_that_the_axes_decide_is_refused_and_a_file_may_hold_it() -> None:
    flags = Settings.model_validate({"pruning": {"method": "snip"}})
    with pytest.raises(ConfigError, match=r"pruning\.method cannot be given to a sweep: --methods"):
        plan(Sweep(ratios=(0.5,)), Source(flags=flags))
    content = {"seed": 7, "pruning": {"method": "snip", "ratio": 0.3}}
    made = plan(Sweep(ratios=(0.5,), seeds=("0",)), Source(file=File(Path("plan.yaml"), content)))
    assert [(arm.name, arm.settings.seed) for arm in made.arms] == [("dense", 0), ("snip, 50\u00a0% removed", 0)]


def test_a_teacher_is_a_control_beside_networks_without_or_an_option_of_all() -> None:
    axes = {"methods": ("snip",), "ratios": (0.5,), "seeds": ("0",)}
    both = planned("training.teacher=run", "training.teacher_weight=2", **axes, controls=("teacher", "shuffle"))
    assert [arm.name for arm in both.arms] == [
        "dense", "snip, 50\u00a0% removed", "snip with teacher, 50\u00a0% removed",
        "snip shuffle, 50\u00a0% removed",
    ]  # fmt: skip
    assert [arm.settings.training.is_taught for arm in both.arms] == [False, False, True, False]
    every = planned("training.teacher=run", **axes)
    assert [arm.name for arm in every.arms] == ["dense with teacher", "snip with teacher, 50\u00a0% removed"]
    with pytest.raises(ConfigError, match=r"no method of the sweep has the control teacher .*nobody teaches it"):
        planned(**axes, controls=("teacher",))


@pytest.mark.parametrize(("axis", "kind"), [("models", "network"), ("methods", "pruning method")])
def test_code_that_lacks_the_name_is_refused_before_the_first_run(axis: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def mine(in_channels, classes):\n    raise AssertionError('no run was to begin')\n")
    others = {} if axis == "methods" else {"methods": ("random",)}
    with pytest.raises(CellpruneError, match=rf"no {kind} 'mina' \(in .*mine\.py\)\.\nDid you mean 'mine'"):
        planned(**{axis: (f"{file}:mina",)}, **others, ratios=(0.5,), seeds=("0",))
