"""What a search is about: which frames, and what would do where they are too few."""

from pathlib import Path
from typing import Literal

import pytest
import small_pictures

from cellprune.campaign.job import Job, Report
from cellprune.campaign.train import train
from cellprune.config.load import load, resolve
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.search import frames
from cellprune.search.judge.trial import REFERENCE, Trial

COMPLETE = ["pruning.ratio=0.5", "data.truth=complete"]
FEW = [*COMPLETE, "data.holdout=0.1"]


def test_folds_that_are_named_are_counted_without_what_a_policy_drops(data_root: Path) -> None:
    with pytest.raises(CellpruneError, match="take --cv 5, which counts 17 annotated frames, each once"):
        frames.frames_of(load(assignments=FEW), Search(), data_root)
    found = frames.frames_of(load(assignments=FEW), Search(cv=5), data_root)
    assert (found.n_report, len(found.select_by_fold), found.n_select) == (17, 5, sum(found.select_by_fold))


@pytest.mark.slow
def test_folds_that_are_named_can_be_had(real_root: Path) -> None:
    asked = load(assignments=[*COMPLETE, "data.dataset=DIC-C2DH-HeLa"])
    with pytest.raises(CellpruneError, match=r"--cv 5: .* leaves no frame in the part 'report'"):
        frames.frames_of(asked, Search(cv=5), real_root)
    with pytest.raises(CellpruneError, match="take --cv 4, which counts 10 annotated frames, each once"):
        frames.frames_of(asked, Search(), real_root)
    assert frames.frames_of(asked, Search(cv=4), real_root).n_report == 10


@pytest.mark.parametrize(
    ("unit", "granularity", "share"),
    [
        ("weights", "weight", {"sparsity": 0.646447}),
        ("params", "weight", {"sparsity": 0.646447}),
        ("macs", "weight", {"budget": {"macs": 0.353553}}),
        ("channels", "channel", {"sparsity": 0.646447}),
        ("params", "channel", {"budget": {"params": 0.353553}}),
        ("macs", "channel", {"budget": {"macs": 0.353553}}),
    ],
)
def test_a_ratio_is_the_removed_share_of_its_unit(unit: str, granularity: str, share: dict) -> None:
    asked = load(assignments=["pruning.method=snip", "pruning.ratio=0.5", f"pruning.granularity={granularity}"])
    search = Search(unit=unit)  # type: ignore[arg-type]
    found = resolve(frames.settings_of(Trial("search", 0.646447, 0), asked, search))
    request = found.pruning.request()
    assert {"sparsity": request.sparsity, "budget": request.budget} == {"sparsity": None, "budget": None} | share
    assert Settings.model_validate(found.model_dump()) == found
    reference = resolve(frames.settings_of(Trial("search", REFERENCE, 0), asked, search))
    assert reference.pruning == Pruning(method="dense")


@pytest.mark.slow
def test_a_search_among_classes_never_looks_at_the_test_images(tmp_path: Path) -> None:
    given = [
        "task=classification", "data.holdout=0.2", "pruning.method=random", "pruning.ratio=0.5",
        "training.batch_size=32", "training.epochs=1",
    ]  # fmt: skip

    def trained(phase: Literal["search", "confirm"], seed: int) -> Report:
        images = small_pictures.arrays()
        images["x_test"] = small_pictures.arrays(seed=seed)["x_test"]  # moved
        images["y_test"] = (images["y_test"] + seed) % 4
        folder = tmp_path / f"{phase} {seed}"
        folder.mkdir()
        settings = load(assignments=[*given, f"data.dataset={small_pictures.npz(folder / 'own.npz', **images)}"])
        trial_settings = frames.settings_of(Trial(phase, 0.5, 0), settings, Search())
        return train(Job(phase, phase, trial_settings, runs=folder / "runs", data_root=tmp_path, device="cpu"))

    searched, confirmed = trained("search", 0), trained("confirm", 0)
    assert (searched.state, len(searched.scores), len(confirmed.scores)) == ("done", 32, 24)
    assert set(confirmed.scores.values()) <= {0, 1}
    assert searched.run.curve.keys() == {1}
    assert trained("search", 1).scores == searched.scores
    assert trained("confirm", 1).scores != confirmed.scores


@pytest.mark.parametrize("score", ["seg", "ap50"])
def test_a_score_of_cells_needs_cells_that_are_counted(score: str, data_root: Path, tmp_path: Path) -> None:
    search = Search.model_validate({"score": score})
    assert frames.frames_of(load(assignments=["pruning.ratio=0.5"]), search, data_root).n_report == 5
    images = small_pictures.npz(tmp_path / "own.npz")
    classes = load(assignments=["task=classification", f"data.dataset={images}", "pruning.ratio=0.5"])
    said = f"--score {score} compares the cells that are found, and --task classification finds none: remove --score"
    with pytest.raises(CellpruneError, match=said):
        frames.frames_of(classes, search, data_root)
    with pytest.raises(CellpruneError, match="labels of a set are 3 classes, which number no cells: take --score iou"):
        frames._refuse_other_score(load(assignments=["data.dataset=a set", "pruning.ratio=0.5"]), search, 3)
