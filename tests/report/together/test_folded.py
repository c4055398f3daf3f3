"""Runs of the same settings are one row: means and intervals over seeds, differences of runs of one seed."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from cellprune.evaluation.cells import summary
from cellprune.report.finished import read
from cellprune.report.together.comparison import compare
from cellprune.report.together.group import Group
from cellprune.report.together.interval import interval
from cellprune.runs.folder import Folder


def count(folder: Folder, jaccards: Sequence[float] | None) -> Folder:
    """Give each image ten true cells and this sum of IoUs; None takes the cells away."""
    scores = folder.read_scores()
    if jaccards is None:
        folder.write_scores(replace(scores, cells=None, cell_pictures=None))
        return folder
    images = tuple(
        replace(image, count=replace(image.count, true=10, jaccard=jaccard))
        for image, jaccard in zip(scores.cells.images, jaccards, strict=True)
    )
    cells = replace(scores.cells, images=images, summary=summary([image.count for image in images]))
    folder.write_scores(replace(scores, cells=cells))
    return folder


def compared(*folders: Folder) -> Group:
    (group,) = compare(read([folder.path for folder in folders]))
    return group


def test_seeds_are_folded_and_paired(make_run: Callable[..., Folder]) -> None:
    runs = [
        count(make_run(f"{ratio}-{seed}", n_images=2, ratio=ratio, seed=seed), [seg + seed, seg + seed])
        for ratio, seg, seeds in ((0, 4, (0, 1, 2)), (0.9, 5, (1, 2, 3)))
        for seed in seeds
    ]
    pruned, dense = compared(*runs).methods
    assert (pruned.label, pruned.variant, pruned.n_seeds, pruned.runs) == ("prospr 90\u00a0%", 1, 3, (4, 5, 6))
    assert (dense.label, dense.variant, dense.n_seeds, dense.runs) == ("dense", 0, 3, (1, 2, 3))
    assert pruned.scores["seg"].by_seed == pytest.approx({1: 0.6, 2: 0.7, 3: 0.8})
    assert pruned.scores["seg"].mean == pytest.approx(0.7)
    assert pruned.scores["seg"].interval == pytest.approx(interval([0.6, 0.7, 0.8]))
    assert pruned.differences["seg"].by_seed == pytest.approx({1: 0.1, 2: 0.1}), "seed 3 has no partner"
    assert dense.differences == {}
    assert (pruned.time_ratio, dense.time_ratio) == (pytest.approx(1198.7 / 1203.4), 1.0)
    assert pruned.macs < dense.macs == dense.macs_dense


def test_two_runs_of_one_seed_count_once(make_run: Callable[..., Folder]) -> None:
    runs = [count(make_run(str(at), n_images=1, seed=at // 2), [value]) for at, value in enumerate((2, 4, 9))]
    (row,) = compared(*runs).methods
    assert row.scores["seg"].by_seed == pytest.approx({0: 0.3, 1: 0.9})
    assert (row.n_seeds, row.runs) == (2, (1, 2, 3))


def test_only_images_of_both_are_paired(make_run: Callable[..., Folder]) -> None:
    dense = count(make_run("dense", n_images=2, ratio=0), [5, 9])
    pruned = count(make_run("pruned", n_images=2), [6, 1])
    split = pruned.read_split()
    first, second = split.parts["report"]
    pruned.write_split(
        replace(split, parts={**split.parts, "report": (first, replace(second, sha256={"image": "1" * 64}))})
    )
    row = next(row for row in compared(dense, pruned).methods if row.variant == 1)
    assert row.scores["seg"].mean == pytest.approx(0.35)
    assert row.differences["seg"].mean == pytest.approx(0.1)


def test_runs_without_cells_stand_last_and_are_none(make_run: Callable[..., Folder]) -> None:
    older = count(make_run("older", n_images=1, ratio=0), None)
    newer = count(make_run("newer", n_images=1), [1])
    group = compared(older, newer)
    assert [(row.label, row.has_cells) for row in group.methods] == [("prospr 97\u00a0%", True), ("dense", False)]
    assert group.methods[1].scores["seg"].mean is None
    assert group.methods[1].scores["iou"].mean is not None
    assert group.methods[0].differences["seg"].mean is None
    assert group.runs[0].cells is None
    assert group.runs[1].cells["seg"] == pytest.approx(0.1)
