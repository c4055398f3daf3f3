"""What is compared with what, the differences, and how much is claimed from them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from finished_run import edited
from scipy import stats

from cellprune.evaluation import iou
from cellprune.report.finished import read
from cellprune.report.together.comparison import compare
from cellprune.report.together.group import Group, Setting
from cellprune.report.together.interval import interval
from cellprune.runs.folder import Folder
from cellprune.runs.scores import SegmentationScores


def score(folder: Folder, ious: Sequence[float | None]) -> None:
    """Give the images these scores (both classes alike), at both sizes."""
    scores = folder.read_scores()
    assert isinstance(scores, SegmentationScores)
    names = list(dict.fromkeys(image.id for image in scores.images))
    images = []
    for image in scores.images:
        value = ious[names.index(image.id)]
        counted = (0, 0) if value is None else (round(1e6 * value), 10**6)
        classes = tuple(iou.ClassCount(name, *counted) for name in ("background", "cell"))
        images.append(replace(image, classes=classes))
    folder.write_scores(replace(scores, images=tuple(images), summary=iou.summary(images)))


def change(folder: Folder, section: str, **values: Any) -> None:
    with edited(folder, "config") as config:
        config[section] |= values


def compared(*folders: Folder, reference: Folder | None = None) -> list[Group]:
    runs = read([folder.path for folder in folders])
    return compare(runs, next((run for run in runs if reference and run.path == reference.path), None))


def test_differences_are_paired_image_by_image_with_the_first_dense_run(make_run: Callable[..., Folder]) -> None:
    pruned, dense = make_run("pruned", n_images=3), make_run("dense", n_images=3, ratio=0)
    score(dense, [0.5, 0.6, 0.7])
    score(pruned, [0.51, 0.59, 0.73])
    (group,) = compared(pruned, dense)
    first, second = group.runs
    assert (first.run, first.number, first.against, first.differences) == ("dense", 1, None, None)
    assert (second.run, second.number, second.against) == ("pruned", 2, 1)
    found = second.differences["native"]
    assert found.by_name == pytest.approx({"01/000": 0.01, "02/001": -0.01, "01/002": 0.03})
    assert found.mean == pytest.approx(0.01)
    assert found.deviation == pytest.approx(0.02)
    assert (found.n_better, found.n_worse, found.n_images) == (2, 1, 3)
    assert second.scores["mean over images"]["native"] == pytest.approx(0.61)


def test_the_reference_is_the_named_run_else_dense_else_the_first(make_run: Callable[..., Folder]) -> None:
    a, b = make_run("a", n_images=1), make_run("b", n_images=1, ratio=0.9)
    dense = make_run("c", n_images=1, ratio=0)
    assert compared(b, a)[0].runs[0].run == "b"
    assert compared(b, a, dense)[0].runs[0].run == "c"
    assert compared(b, a, dense, reference=a)[0].runs[0].run == "a"


def test_an_undefined_image_is_not_paired(make_run: Callable[..., Folder]) -> None:
    dense, pruned = make_run("dense", n_images=2, ratio=0), make_run("pruned", n_images=2)
    score(dense, [None, 0.6])
    score(pruned, [0.5, 0.7])
    found = compared(dense, pruned)[0].runs[1].differences["network"]
    assert found.by_name == pytest.approx({"02/001": 0.1})
    assert found.deviation is None, "one image has no spread"
    score(pruned, [0.5, None])
    assert compared(dense, pruned)[0].runs[1].differences["network"] is None


@pytest.mark.parametrize("what", ["frames", "content", "policy", "border", "classes"])
def test_runs_that_cannot_be_compared_stand_in_groups_of_their_own(what: str, make_run: Callable[..., Folder]) -> None:
    one, other = make_run("one", n_images=2, ratio=0), make_run("other", n_images=2)
    with edited(other, "split") as split:
        for frame in split["parts"]["report"]:
            if what == "frames":
                frame["frame"] += 50
            if what == "content":
                frame["sha256"] = {"image": "1" * 64}
        if what == "policy":
            split["policy"] = "paper"
    if what == "border":
        change(other, "data", ignore_border=True)
    if what == "classes":
        with edited(other, "scores") as scores:
            for image in scores["images"]:
                image["classes"][1]["name"] = "nucleus"
    groups = compared(one, other)
    assert [[run.run for run in group.runs] for group in groups] == [["one"], ["other"]]
    assert [run.number for group in groups for run in group.runs] == [1, 2]
    assert all(run.differences is None for group in groups for run in group.runs)


def test_of_other_splits_the_common_frames_are_paired(make_run: Callable[..., Folder]) -> None:
    dense, pruned = make_run("dense", n_images=4, ratio=0), make_run("pruned", n_images=4)
    score(dense, [0.5, 0.5, 0.5, 0.5])
    score(pruned, [0.6, 0.7, 0.1, 0.1])
    with edited(pruned, "split") as split:
        for frame in split["parts"]["report"][2:]:
            frame["sha256"] = {"image": "1" * 64}  # another image of the same name
    (group,) = compared(dense, pruned)
    assert group.runs[1].differences["network"].by_name == pytest.approx({"01/000": 0.1, "02/001": 0.2})


def test_of_other_sizes_the_native_scores_alone_are_compared(make_run: Callable[..., Folder]) -> None:
    dense, pruned = make_run("dense", n_images=2, ratio=0), make_run("pruned", n_images=2)
    change(pruned, "data", size=[512, 512])
    (group,) = compared(dense, pruned)
    assert group.runs[1].differences["network"] is None
    assert group.runs[1].differences["native"].n_images == 2


def seeded(make_run: Callable[..., Folder], gains: Sequence[float], dense_seeds: int) -> Group:
    """A group of dense runs and pruned ones, which are better by `gains`."""
    folders = []
    for seed in range(dense_seeds):
        folders.append(make_run(f"dense{seed}", n_images=2, ratio=0, seed=seed))
        score(folders[-1], [0.5 + 0.1 * seed, 0.6])
    for seed, gain in enumerate(gains):
        folders.append(make_run(f"pruned{seed}", n_images=2, seed=seed))
        score(folders[-1], [0.5 + 0.1 * min(seed, dense_seeds - 1) + gain, 0.6 + gain])
    (group,) = compared(*folders)
    return group


def test_seeds_are_paired_with_their_own_and_give_an_interval(make_run: Callable[..., Folder]) -> None:
    gains = [0.01, 0.03, 0.02]
    group = seeded(make_run, gains, 3)
    assert [run.against for run in group.runs] == [None, None, None, 1, 2, 3]
    assert [run.variant for run in group.runs] == [0, 0, 0, 1, 1, 1]
    (row,) = group.seeds
    assert row.label == "prospr 97\u00a0%"
    assert [seed.mean["native"] for seed in row.seeds] == pytest.approx(gains)
    expected = stats.t.interval(0.95, 2, loc=0.02, scale=stats.sem(gains))
    assert row.interval["native"] == pytest.approx(expected)


@pytest.mark.parametrize(("n_pruned", "n_dense"), [(1, 1), (1, 2), (3, 1)])
def test_fewer_than_two_pairs_of_seeds_give_no_interval(
    n_pruned: int, n_dense: int, make_run: Callable[..., Folder]
) -> None:
    group = seeded(make_run, [0.01, 0.02, 0.03][:n_pruned], n_dense)
    (row,) = group.seeds
    assert len(row.seeds) == 1
    assert row.interval == {"network": None, "native": None}
    assert [run.against for run in group.runs][n_dense:] == [1] * n_pruned, "still compared with the reference"


def test_a_repetition_of_a_seed_is_not_another_seed(make_run: Callable[..., Folder]) -> None:
    folders = [
        make_run(name, n_images=2, ratio=ratio) for name, ratio in (("d", 0), ("d2", 0), ("p", 0.9), ("p2", 0.9))
    ]
    for folder, value in zip(folders, [0.5, 0.52, 0.6, 0.64], strict=True):
        score(folder, [value, value])
    (group,) = compared(*folders)
    assert [run.against for run in group.runs] == [None, 1, 1, 1], "a repeated reference is compared, too"
    (row,) = group.seeds
    assert [seed.mean["network"] for seed in row.seeds] == pytest.approx([0.12])
    assert row.interval["network"] is None


def test_the_interval_is_the_textbook_one() -> None:
    assert interval([1.0]) is None
    low, high = interval([1.0, 3.0]) or (0.0, 0.0)
    assert (low, high) == pytest.approx((2 - 12.706, 2 + 12.706), abs=1e-3)


def test_settings_that_differ_are_told_and_nothing_else(make_run: Callable[..., Folder]) -> None:
    dense, pruned, wide = (make_run(n, n_images=1, ratio=r) for n, r in (("dense", 0), ("pruned", 0.9), ("wide", 0.9)))
    change(wide, "model", width=128)
    (group,) = compared(dense, pruned, wide)
    assert {row.key: list(row.values) for row in group.settings} == {
        "model.width": [64, 64, 128],
        "pruning.method": ["dense", "prospr", "prospr"],
        "pruning.ratio": [0, 0.9, 0.9],
    }, "options of the method, which a dense run has not, do not differ"
    labels = [run.label.replace("\u00a0", " ") for run in group.runs]
    assert labels == ["dense, width 64", "prospr 90 %, width 64", "prospr 90 %, width 128"]


def test_a_label_says_the_unit_of_what_was_asked(make_run: Callable[..., Folder]) -> None:
    folders = [make_run(name, n_images=1, ratio=0.9) for name in ("ratio", "budget", "effective", "small")]
    change(folders[1], "pruning", budget="macs=0.1", granularity="channel", shrink=True)
    change(folders[2], "pruning", effective=True)
    change(folders[3], "pruning", budget="macs=0.1", granularity="channel", control="narrow-macs")
    (group,) = compared(*folders)
    labels = [run.label.replace("\u00a0", " ") for run in group.runs]
    assert labels == [
        "prospr 90 %",
        "prospr channel macs=0.1 kept",
        "prospr 90 % effective",
        "prospr channel narrow-macs macs=0.1 kept",
    ]
    told = {setting.key: setting.values for setting in group.settings}
    assert told["pruning.granularity"] == (None, "channel", None, "channel"), "what only one run has sets it apart, too"


def test_layers_and_cost_stand_side_by_side(make_run: Callable[..., Folder]) -> None:
    dense, pruned = make_run("dense", n_images=1, ratio=0), make_run("pruned", n_images=1)
    (group,) = compared(dense, pruned)
    rows = pruned.read_cost().layers
    assert [row.name for row in group.layers] == [row.name for row in rows], "in the network's order"
    assert [row.kept for row in group.layers] == [(row.kept / row.weights,) for row in rows]
    cost = pruned.read_cost()
    found = group.runs[1].cost
    assert found.parameters == cost.parameters.kept + 11_778
    assert found.time_ratio == 1198.7 / 1203.4, "of one measurement"
    assert not any("milliseconds" in key for key in vars(found)), "of several, at several loads"
    assert group.runs[0].cost.time_ratio is None, "nothing was timed beside the dense network"
    assert found.machine == "Intel(R) Xeon(R) Platinum 8481C, 2 cores, Linux x86_64; cpu, threads: 2"
    assert group.runs[0].cost.kept == 1
    assert [run.cost.has_zeros for run in group.runs] == [False, True]


def test_a_path_may_be_given_in_any_form(make_run: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run("one", n_images=1)
    monkeypatch.chdir(folder.path.parent)
    assert compare(read([Path("one")]))[0].runs[0].run == "one"


def test_runs_that_chose_are_paired_on_the_images_set_apart(make_run: Callable[..., Folder]) -> None:
    dense, pruned = make_run("dense", n_images=2, ratio=0), make_run("pruned", n_images=2)
    for folder in (dense, pruned):
        with edited(folder, "split") as split:
            parts = split["parts"]
            parts |= {"select": parts["report"], "report": []}
        with edited(folder, "scores") as scores:
            scores["part"] = "select"
    (group,) = compared(dense, pruned)
    assert group.runs[1].differences["native"].n_images == 2


def test_a_run_of_before_there_was_a_choice_is_told_from_one_normalized_otherwise(
    make_run: Callable[..., Folder],
) -> None:
    old, same, new = make_run("old"), make_run("same", seed=1), make_run("new", seed=2)
    change(same, "data", normalization="standard")
    change(new, "data", normalization="robust")
    (group,) = compared(old, same, new)
    assert [row for row in group.settings if row.key.startswith("data.")] == [
        Setting("data.normalization", ("standard", "standard", "robust"))
    ]


def test_runs_with_a_teacher_and_without_stand_in_rows_of_their_own_and_say_which(
    make_run: Callable[..., Folder],
) -> None:
    dense, alone, taught = make_run("dense", n_images=2, ratio=0), make_run("a", n_images=2), make_run("b", n_images=2)
    assert {row.label for row in compared(dense, alone)[0].methods} == {"dense", "prospr 97\u00a0%"}
    change(taught, "training", teacher="dense", teacher_sha256="1", teacher_weight=1.0, teacher_temperature=2.0)
    (group,) = compared(dense, alone, taught)
    labels = ["dense without teacher", "prospr 97\u00a0% without teacher", "prospr 97\u00a0% with teacher"]
    assert [run.label for run in group.runs] == labels
    assert len(group.methods) == 3
    heavier = make_run("c", n_images=2)
    change(heavier, "training", teacher="dense", teacher_sha256="1", teacher_weight=2.0, teacher_temperature=2.0)
    (group,) = compared(taught, heavier)
    assert [run.label for run in group.runs] == [
        f"prospr 97\u00a0% with teacher, teacher weight {weight}" for weight in (1.0, 2.0)
    ]
