"""Ours beside the published numbers: differences, the order of methods, times as shares, and what is reduced."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rehearsed_sweeps import Rehearsal, leave, split_once

from cellprune import experiment
from cellprune.config.reproduce import Reproduce
from cellprune.errors import CellpruneError
from cellprune.report.finished import Spent
from cellprune.runs.split import ImagePart, ImageSplit
from cellprune.tables import catalogue, figures, paper
from cellprune.tables.beside import Comparison, compare
from cellprune.tables.folder import SweepFolder
from cellprune.tables.paper import Slot, Table
from cellprune.tables.plan import Plan
from cellprune.tables.reduced import reductions
from cellprune.tables.reproduce import reproduced
from cellprune.tables.result import Result, Score
from cellprune.tables.standing import standings
from cellprune.tables.sweep import summary, sweep
from cellprune.tables.workspace import SharedRuns, Workspace

TINY = ("data.size=[32, 32]", "model.width=4", "model.depth=1")
COST = Spent(100, 200, 0.5, False, 1000, 4000, 10, 20, 0.5, "a machine")


def made_up(quantity: str = "iou_image_mean") -> Table:
    """A table of three methods, two of them with a published number, and the unpruned network."""
    published = {"snip": 0.85, "random": 0.6, "magnitude": None, "dense": None}
    slots = tuple(
        Slot(
            row, "simulated", row.upper(), "simulated", "unet", row, "" if row == "dense" else "0.5", TINY,
            quantity=quantity, value=value,
        )
        for row, value in published.items()
    )  # fmt: skip
    return Table("8", "three methods", ("prospr-unet",), slots, ("A note.",))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "table", lambda number: made_up())
    monkeypatch.setattr(experiment, "split_of", split_once)


def compared(whole: Plan, level: dict[tuple[str, str], float], n_seeds: int, noise: float = 0.0) -> Comparison:
    """Compare made-up results: method and column -> accuracy."""
    results = []
    for trial in whole.trials:
        slot = trial.arm.slot
        value = 0.9 if slot is None else level[slot.row, slot.column]
        value += noise * np.random.default_rng([trial.seed, len(trial.arm.name)]).normal()
        seconds = 100.0 if trial.arm.is_dense else 75.0 + trial.seed
        scores = (Score("accuracy", "", "accuracy", value),)
        results.append(
            Result(
                trial, Path("runs/r"), scores, {"accuracy": {"a": value}}, "", "", 0.5, 3.0, COST,
                {"training_s": seconds}, 5,
            )
        )  # fmt: skip
    assert len(whole.axes.seeds) == n_seeds
    return compare(whole.of_paper, standings(whole, results), {arm.group: ("20 epochs",) for arm in whole.arms})


def of_table_4(n_seeds: int) -> tuple[Plan, dict[tuple[str, str], float]]:
    whole = reproduced(
        "4", Reproduce(rows=("snip", "random", "prospr", "synflow"), columns=("20", "98.2"), seeds=n_seeds)
    )
    return whole, {(arm.slot.row, arm.slot.column): arm.slot.value for arm in whole.arms if arm.slot}


def test_each_place_has_our_mean_and_its_difference() -> None:
    whole, published = of_table_4(2)
    told = compared(whole, {place: value - 0.1 for place, value in published.items()}, 2)
    one = told.at("snip", "20")
    assert (one.mean, one.slot.value, one.limits) == (pytest.approx(0.818), 0.918, pytest.approx((0.818, 0.818)))
    assert one.difference == pytest.approx(-0.1)
    assert told.title == "Table 4 of the paper on ProsPr, reduced (20 epochs)"
    assert (told.rows, told.columns) == (("snip", "synflow", "random", "prospr"), ("20", "98.2"))


def test_the_order_of_methods_agrees_by_column_and_its_interval_is_of_seeds() -> None:
    whole, published = of_table_4(3)
    same = compared(whole, published, 3).agreement
    assert (same.correlation, same.limits, same.n_columns, same.n_seeds) == (
        pytest.approx(1), pytest.approx((1, 1)), 2, 3,
    )  # fmt: skip
    turned = compared(whole, {place: 1 - value for place, value in published.items()}, 3).agreement
    assert (turned.correlation, turned.limits) == (pytest.approx(-1), pytest.approx((-1, -1)))
    half = {(row, column): value if column == "20" else 1 - value for (row, column), value in published.items()}
    assert compared(whole, half, 3).agreement.correlation == pytest.approx(0), (
        "the mean of columns, not of their ratios"
    )
    assert compared(whole, dict.fromkeys(published, 0.1), 3).agreement.correlation == 0, "no order at all"
    noisy = compared(whole, published, 3, noise=0.02).agreement
    assert -1 <= noisy.limits[0] < noisy.limits[1] <= 1
    whole, published = of_table_4(1)
    assert compared(whole, published, 1).agreement.limits is None
    few = reproduced("4", Reproduce(rows=("snip", "random"), columns=("20",), seeds=2))
    assert compared(few, published, 2).agreement is None, "two methods have no order to speak of"


def test_times_are_shares_of_the_unpruned_network_of_the_same_seed() -> None:
    whole = reproduced("7", Reproduce(columns=("cifar100-vgg19",), rows=("80",), seeds=2))
    told = compared(whole, {("80", "cifar100-vgg19"): 0.5, ("unpruned", "cifar100-vgg19"): 0.5}, 2)
    assert told.at("80", "cifar100-vgg19").of_seeds == {0: 0.75, 1: 0.76}
    assert told.at("unpruned", "cifar100-vgg19").mean == 1.0
    assert told.agreement is None


@pytest.mark.usefixtures("table")
def test_a_table_is_a_sweep_whose_files_have_the_published_numbers(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "over_costs", lambda *_: "<svg></svg>")  # drawn by the tests of sweeps
    whole = reproduced("8", Reproduce(seeds=2, epochs=5))
    runs = SharedRuns(whole, Workspace(tmp_path / "runs", tmp_path / "table", data_root, "cpu"))
    content = sweep(whole, runs, execute=Rehearsal()(), command=("cellprune", "reproduce", "8"))
    reduced = "5 of 50 epochs; 2 of 3 seeds"
    html = (tmp_path / "table/table.html").read_text()
    assert f"<h1>Table 8 of the paper on ProsPr, reduced ({reduced})</h1>" in html
    assert "published 0.8500" in html
    assert "A note." in html
    ours = content.comparison.at("snip", "simulated").mean
    with (tmp_path / "table/table.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["table_row"] == "snip"]
    beside = [row for row in rows if row["published"]]
    assert [(row["score"], row["size"], row["seed"]) for row in beside] == [
        ("iou_image_mean", "network", "0"), ("iou_image_mean", "network", "1"),
    ]  # fmt: skip
    assert float(beside[0]["difference"]) == float(beside[0]["value"]) - 0.85
    assert {row["reduced"] for row in rows} == {reduced}
    tex = (tmp_path / "table/table.tex").read_text()
    assert f"% Table 8 of the paper on ProsPr, reduced ({reduced}): IoU; in brackets" in tex
    line = next(line for line in tex.splitlines() if line.startswith("snip & "))
    assert line.startswith(f"snip & ${ours:.4f}")
    assert line.endswith("(0.8500) \\\\")
    assert "magnitude & $" in tex
    told = json.loads(json.dumps(summary(content)))["published"]
    assert [(place["row"], place["published"]) for place in told["places"]] == [
        ("snip", 0.85), ("random", 0.6), ("magnitude", None), ("dense", None),
    ]  # fmt: skip
    whole = reproduced("8", Reproduce(seeds=2, epochs=5, rows=("snip",)))
    with pytest.raises(CellpruneError, match=r"another plan \(axes\.methods"):
        SweepFolder(tmp_path / "table", whole).require(resume=True)


@pytest.mark.usefixtures("table")
def test_epochs_of_another_length_are_another_table(tmp_path: Path) -> None:
    """Reduced runs and full ones never stand in one column."""
    with (folder := SweepFolder(tmp_path / "table", reproduced("8", Reproduce(epochs=5)))).locked():
        folder.note({})
    with pytest.raises(CellpruneError, match=r"another plan \(settings\.training\.epochs: 5 -> 50; table\.changed"):
        SweepFolder(tmp_path / "table", reproduced("8", Reproduce())).require(resume=True)


def test_a_part_of_the_images_few_seeds_and_half_precision_are_reduced() -> None:
    whole = reproduced("4", Reproduce(rows=("snip",), columns=("20",), seeds=1))
    dense = whole.arms[0]

    class Part:
        def split_of(self, arm: object) -> ImageSplit:
            n_images = {"train": 9_900, "select": 100, "report": 2_000}
            parts = {part: ImagePart(n, "") for part, n in n_images.items()}
            return ImageSplit(dataset="cifar10", how="random", holdout=0.01, seed=0, files={}, parts=parts)

        def settled(self, arm: object) -> object:
            training = dense.settings.training.model_copy(update={"precision": "bf16"})
            return dense.settings.model_copy(update={"training": training})

    assert reductions(whole, whole.of_paper, Part()) == {
        dense.group: (
            "10,000 of 50,000 training images", "2,000 of 10,000 test images", "1 of 3 seeds", "trained in bf16",
        )
    }  # fmt: skip


def test_finished_runs_tell_how_long_a_table_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data_root: Path
) -> None:
    monkeypatch.setattr(paper, "TABLES", ("8",))
    monkeypatch.setattr(paper, "table", lambda number: made_up())
    monkeypatch.setattr(experiment, "split_of", split_once)
    [unknown] = catalogue.entries(tmp_path / "runs")
    assert (unknown.seconds, unknown.n_runs, unknown.lacks) == (None, 12, "")
    whole = reproduced("8", Reproduce(seeds=1))
    runs = SharedRuns(whole, Workspace(tmp_path / "runs", tmp_path / "table", data_root, "cpu"))
    run = leave(runs.job(whole.trials[0]))
    run.write_provenance(replace(run.read_provenance(), times={"training_s": 500.0}))
    [known] = catalogue.entries(tmp_path / "runs")
    assert known.seconds == 12 * 500.0
    assert known.lines()[-1] == "    12 runs with 3 seeds, about 1 h 40 min here"
