"""The two real sets, where they are: exactly what is known of them, read right by the loaders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cellprune.data import check as checks
from cellprune.data.cells.loaders import Loaders
from cellprune.data.cells.split import split
from cellprune.data.cells.truth import target
from cellprune.data.open import open_dataset
from cellprune.images.read import read_labels, resize_labels
from cellprune.runs.documents import plain

from .conftest import GREY

pytestmark = pytest.mark.slow

U373, HELA = "PhC-C2DH-U373", "DIC-C2DH-HeLa"


def check(name: str, root: Path) -> dict[str, Any]:
    checked: dict[str, Any] = plain(checks.check(name, root))
    return checked


def by_sequence(report: dict[str, Any], key: str) -> dict[str, Any]:
    return {sequence["sequence"]: sequence[key] for sequence in report["sequences"]}


def missing(report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {
        f"{name}/{m['frame']}": (m["missing"], m["cells"])
        for name, frames in by_sequence(report, "missing").items()
        for m in frames
    }


def test_u373_is_as_known(real_root: Path) -> None:
    report = check(U373, real_root)
    assert report["errors"] == []
    assert by_sequence(report, "frames") == {"01": 115, "02": 115}
    assert by_sequence(report, "gold") == {"01": 15, "02": 19}
    assert (report["sizes"], report["dtypes"]["image"], report["pixel_size_um"]) == (
        [[520, 696]],
        ["uint8"],
        [[0.65, 0.65]],
    )
    assert report["missing"] == 5
    assert missing(report) == {"02/26": (1, 6), "02/51": (1, 7), "02/85": (1, 5), "02/106": (2, 5)}
    assert [c["frame"] for c in by_sequence(report, "components")["02"]] == [51, 77]
    assert by_sequence(report, "components")["01"] == []
    assert by_sequence(report, "silver_lacks") == {"01": 0, "02": 0}
    assert {k: [round(j, 2) for j in v] for k, v in by_sequence(report, "silver_jaccard").items()} == {
        "01": [0.93, 0.96],
        "02": [0.73, 0.94],
    }


def test_hela_is_as_known(real_root: Path) -> None:
    report = check(HELA, real_root)
    assert report["errors"] == []
    assert by_sequence(report, "frames") == {"01": 84, "02": 84}
    assert by_sequence(report, "gold") == {"01": 9, "02": 9}
    assert (report["sizes"], report["pixel_size_um"]) == ([[512, 512]], [[0.19, 0.19]])
    assert report["missing"] == 23
    found = missing(report)
    assert set(found) == {"01/34", "01/39", "01/67", "02/7", "02/14", "02/42", "02/61", "02/67"}
    assert found["01/67"] == (15, 18)
    assert [c["frame"] for c in by_sequence(report, "components")["02"]] == [7, 14, 38, 42, 67]
    tracked = {name: cells["tracked"] for name, cells in by_sequence(report, "cells").items()}
    assert (by_sequence(report, "silver_lacks"), tracked) == ({"01": 66, "02": 122}, {"01": 1120, "02": 1030})


@pytest.mark.parametrize(
    ("name", "how", "policy", "counts"),
    [
        (U373, "random", "paper", (24, 10, 0)),
        (U373, "random", "complete", (20, 10, 4)),
        (U373, "sequence", "ignore", (15, 19, 0)),
        (HELA, "random", "paper", (13, 5, 0)),
        (HELA, "random", "ignore", (12, 5, 1)),
        (HELA, "block", "silver", (138, 5, 0)),
    ],
)
def test_splits_have_the_known_sizes(
    real_root: Path, name: str, how: str, policy: str, counts: tuple[int, int, int]
) -> None:
    made = split(open_dataset(name, data_root=real_root), how=how, policy=policy)
    assert (len(made.train), len(made.report), len(made.dropped)) == counts


def test_the_frame_with_15_of_18_cells_missing(real_root: Path) -> None:
    frames = {frame.id: frame for frame in open_dataset(HELA, data_root=real_root).frames}
    partial = frames["01/067"]
    gold = read_labels(partial.gold) > 0
    areas = {policy: [(target(partial, policy) == value).sum() for value in (1, 255)] for policy in ("paper", "ignore")}
    assert areas["paper"] == [gold.sum(), 0]
    assert areas["ignore"][0] == gold.sum()
    assert areas["ignore"][1] > gold.sum()
    assert (target(partial, "silver") == 1).sum() > 3 * gold.sum()


@pytest.mark.parametrize("name", [U373, HELA])
def test_the_loaders_read_them(real_root: Path, name: str) -> None:
    made = split(open_dataset(name, data_root=real_root), how="random", policy="ignore")
    loaders = Loaders(made, card=GREY, batch_size=8, seed=0)
    inputs, targets = next(iter(loaders.train(0)))
    assert inputs.shape == (8, 1, 256, 256)
    assert torch.isfinite(inputs).all()
    assert set(targets.unique().tolist()) <= {0, 1, 255}
    for sample in loaders.samples("report"):
        assert abs(float(sample.seen(GREY).mean())) < 1e-5
        drawn = (resize_labels(sample.target_native, (256, 256)), sample.target_native)
        kept = [np.mean(truth[truth != 255]) for truth in drawn]
        assert kept[0] == pytest.approx(kept[1], abs=0.01)
