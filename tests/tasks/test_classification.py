"""Classes of whole images, from configuration to report: the same story, other scores."""

import json
import os
import shutil
from pathlib import Path

import class_folders
import numpy as np
import pytest
import small_pictures
import torch
import yaml
from command_line import typed
from finished_run import FILES, edited
from html_page import Page
from stopping import Stop
from tifffile import imwrite
from torch.utils.data import TensorDataset

import cellprune
from cellprune import experiment
from cellprune.config.load import ConfigError, load
from cellprune.config.schema import Runtime, Settings
from cellprune.config.shipped import folder as shipped
from cellprune.data.labelled.datasets import labelled
from cellprune.errors import CellpruneError
from cellprune.experiment.evaluate import evaluate
from cellprune.runs.folder import Folder
from cellprune.training.fit import Stopped

TINY = [
    "task=classification", "pruning.ratio=0.9", "pruning.batch_size=16", "training.batch_size=16", "training.epochs=2",
    "training.evaluate_every=1", "training.learning_rate=0.02", "data.holdout=0.2",
]  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_pictures.npz(tmp_path_factory.mktemp("images") / "own.npz")


def run(output: Path, images: Path, *more: str, listeners=(), resume=False) -> Folder:
    settings = load(assignments=[*TINY, f"data.dataset={images}", *more])
    return experiment.run(settings, listeners, runtime=Runtime(output=output, resume=resume))


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Folder:
    return run(tmp_path_factory.mktemp("pruned") / "run", images)


def test_a_run_leaves_the_same_files_as_any_other(pruned: Folder) -> None:
    assert {path.name for path in pruned.path.iterdir()} == FILES - {"tuning.json"}
    config = pruned.read_config()
    assert set(config["data"]) == {"dataset", "holdout", "split_seed"}
    assert config["model"] == {"name": "resnet20"}
    assert load(file=pruned.file("config")) == Settings.model_validate(config)
    cost = pruned.read_cost()
    assert cost.macs.input == (3, 32, 32)
    assert cost.parameters.kept == round(0.1 * cost.parameters.prunable)


@pytest.mark.slow
def test_so_many_images_of_a_class_are_so_many_different_ones(images: Path) -> None:
    grasp = [*TINY, f"data.dataset={images}", "pruning.method=grasp"]  # 16 images of each class are learned from
    experiment.choose_masks(load(assignments=[*grasp, "pruning.samples_per_class=16"]))
    with pytest.raises(CellpruneError, match=r"17 samples of each of 4 classes are needed, but 4 batches held 16 of"):
        experiment.choose_masks(load(assignments=[*grasp, "pruning.samples_per_class=17"]))


def test_the_scores_are_counts_of_the_test_images_alone(pruned: Folder) -> None:
    scores, split = pruned.read_scores(), pruned.read_split()
    assert {name: part.images for name, part in split.parts.items()} == {
        "train": 64,
        "select": 16,
        "report": 24,
    }
    assert (scores.task, scores.policy, scores.part) == ("classification", None, "report")
    assert [row.images for row in scores.classes] == [6, 6, 6, 6]
    assert [sum(row) for row in scores.confusion] == [6, 6, 6, 6]
    assert [row.right.count("1") for row in scores.classes] == [scores.confusion[k][k] for k in range(4)]
    assert {len(row.right) for row in scores.classes} == {6}
    n_correct = sum(scores.confusion[k][k] for k in range(4))
    assert scores.summary["accuracy"] == n_correct / 24
    assert [row.scores["validation_accuracy"] is None for row in pruned.read_metrics()] == [False, False]


def test_the_model_file_says_what_goes_in_and_what_comes_out(pruned: Folder) -> None:
    header, _, _ = pruned.read_model()
    assert (header["decision_rule"], header["output"]) == ("argmax", "class")
    assert header["classes"] == list(small_pictures.NAMES)
    assert len(header["normalization"]["mean"]) == len(header["normalization"]["deviation"]) == 3
    assert header["receptive_field"] is None
    assert cellprune.load(pruned.path)(torch.zeros(1, 3, 32, 32)).shape == (1, 4)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(pruned: Folder, images: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(tmp_path / "run", images, listeners=[Stop()])
    again = run(tmp_path / "run", images, resume=True)
    assert again.read_provenance().resumed
    (_, ours, _), (_, theirs, _) = again.read_model(), pruned.read_model()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)
    assert again.read_scores() == pruned.read_scores()


def test_a_finished_run_is_evaluated_and_reported(pruned: Folder, images: Path, tmp_path: Path, capsys) -> None:
    assert typed("evaluate", pruned.path) == 0
    assert "24 images, its own, held out" in capsys.readouterr().out
    assert typed("evaluate", pruned.path, "--part", "all", "--json") == 0
    assert sum(row["images"] for row in json.loads(capsys.readouterr().out)["classes"]) == 104
    assert typed("evaluate", pruned.path, "--dataset", images, "--json") == 0
    assert json.loads(capsys.readouterr().out)["confusion"] == [list(row) for row in pruned.read_scores().confusion]
    for words, said in ((("evaluate", "--set", "decoder.depth=1"), "remove --set and"), (("tune",), "tune a run that")):
        assert typed(words[0], pruned.path, *words[1:]) == 2
        assert f"is a run of classification, which has no decoder: {said}" in capsys.readouterr().err
    assert typed("report", pruned.path, "-o", tmp_path / "page.html") == 0
    html = (tmp_path / "page.html").read_text()
    assert "Which class is taken for which" in html
    assert "24 test images of the data set" in html
    assert "blue" in html
    assert "IoU" not in html


def test_runs_stand_side_by_side_and_are_paired_image_by_image(pruned: Folder, tmp_path: Path, capsys) -> None:
    other = Folder(shutil.copytree(pruned.path, tmp_path / "other"))
    with edited(other, "config") as config:
        config["training"]["learning_rate"] = 0.5
    with edited(other, "scores") as scores:
        first, second = scores["classes"][:2]
        first["right"], second["right"] = "111111", "000000"
        gained, lost = 6 - first["correct"], second["correct"]
    command = ["report", str(pruned.path), str(other.path), "-o", str(tmp_path / "both.html")]
    assert typed(*command, "--json") == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    found = group["runs"][1]["differences"]["native"]
    assert found["n_images"] == 24
    assert found["mean"] == pytest.approx((gained - lost) / 24)
    assert (found["n_better"], found["n_worse"]) == (gained, lost)
    assert found["by_name"] == pytest.approx(
        {first["name"]: gained / 6, second["name"]: -lost / 6} | {row["name"]: 0 for row in scores["classes"][2:]}
    )
    assert typed(*command) == 0
    assert "accuracy" in capsys.readouterr().out
    text = Page((tmp_path / "both.html").read_text()).text
    for part in (f"{gained} / {lost}", "Difference of each class", "training.learning_rate 0.02 0.5", "test images"):
        assert part in text, part
    assert "IoU" not in text


def test_what_a_classifying_run_is_not_for_is_said(pruned: Folder, images: Path, tmp_path: Path, capsys) -> None:
    imwrite(tmp_path / "image.tif", np.zeros((32, 32), np.uint8))
    assert typed("predict", pruned.path, tmp_path / "image.tif", "-o", tmp_path / "cells") == 2
    assert "gives a class for a whole image" in capsys.readouterr().err
    other = small_pictures.npz(tmp_path / "more.npz", label_names=["a", "b", "c", "d", "e"])
    with pytest.raises(CellpruneError, match=r"knows 4 classes, but .*more.npz has 5"):
        evaluate(pruned.path, dataset=str(other))


@pytest.fixture(scope="module")
def of_folders(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A run on images that lie in folders of classes."""
    folder = tmp_path_factory.mktemp("folders")
    return run(folder / "run", class_folders.parts(folder / "set", n_train=8), "training.epochs=1")


def test_images_in_folders_are_learned_from_at_their_own_size(of_folders: Folder, images: Path, capsys) -> None:
    header, _, _ = of_folders.read_model()
    assert header["network_size_px"] == [16, 16]
    assert set(of_folders.read_config()["data"]) == {"dataset", "holdout", "split_seed"}
    assert {name: part.images for name, part in of_folders.read_split().parts.items()} == {
        "train": 21, "select": 3, "report": 6,
    }  # fmt: skip
    assert "images are read while the network trains: all 21 take about" in of_folders.file("log").read_text()
    assert sum(row.images for row in evaluate(of_folders.path, part="all").classes) == 30
    assert typed("evaluate", of_folders.path, "--dataset", images) == 2
    assert "knows 3 classes, but" in capsys.readouterr().err
    larger = class_folders.parts(of_folders.path.parent / "larger", n_train=8, size=(20, 20))
    assert typed("evaluate", of_folders.path, "--dataset", larger) == 2
    assert "learned from images of 16 x 16 px, but larger has 20 x 20" in capsys.readouterr().err


@pytest.mark.slow
def test_whole_channels_of_a_resnet50_are_removed_and_the_network_is_loaded(tmp_path: Path) -> None:
    network = ["model.name=resnet50", "model.stem=large", "data.size=[32, 32]", "training.augment=resized-crop"]
    channels = ["pruning.method=magnitude", "pruning.granularity=channel", "pruning.ratio=0.5"]
    folder = class_folders.parts(tmp_path / "set", n_train=8, size=(32, 32))
    made = run(tmp_path / "run", folder, "training.epochs=1", *network, *channels)
    header, _, _ = made.read_model()
    assert header["architecture"]["stem"] == "large"
    assert "kept" in header["architecture"]
    loaded = cellprune.load(made.path)
    assert loaded(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    assert sum(p.numel() for p in loaded.parameters()) < 0.5 * made.read_cost().parameters.total
    assert typed("compact", made.path, "-o", tmp_path / "small.safetensors") == 0


def test_torch_data_sets_are_learned_from_in_python(of_folders: Folder, tmp_path: Path, capsys) -> None:
    torch.manual_seed(0)
    given = TensorDataset(torch.randint(0, 256, (20, 1, 16, 16), dtype=torch.uint8), torch.arange(20) % 2)
    settings = load(assignments=[*TINY, "training.epochs=1"])
    made = experiment.run(
        settings, runtime=Runtime(output=tmp_path / "run"), frames=labelled(given, given, name="noise")
    )
    assert made.read_config()["data"]["dataset"] == "python:noise"
    assert made.read_scores().n_images == 20
    assert typed("evaluate", made.path, "--part", "train") == 2
    assert "python:noise is a set that was given in Python" in capsys.readouterr().err


REFUSED = {
    "a network for maps": (
        ["model.name=unet"],
        "'unet' is a network for segmentation; --task classification takes resn",
    ),
    "a loss of maps": (
        ["training.loss=dice"],
        "training.loss=dice is not for task 'classification', which takes cross-",
    ),
    "an augmentation of cells": (["training.augment=turns"], "training.augment=turns is not for task 'classification'"),
    "a setting of cells": (
        ["data.truth=paper"],
        "task 'classification' has no option 'truth'; its options: dataset, ho",
    ),
    "a typo": (["task=clasification"], "Did you mean 'classification'?"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_belongs_to_another_task_is_refused(name: str) -> None:
    more, message = REFUSED[name]
    with pytest.raises(ConfigError) as refusal:
        load(assignments=["task=classification", *more])
    assert message in str(refusal.value)


def test_the_defaults_are_those_of_the_shipped_configuration() -> None:
    file = shipped("configs") / "cifar10-resnet20-prospr-98.yaml"
    ours = load(assignments=["task=classification", "pruning.ratio=ladder:18"])
    assert load(file=file) == ours
    said = yaml.safe_load(file.read_text())
    assert said["training"].items() <= ours.model_dump(mode="json")["training"].items()


@pytest.mark.slow
@pytest.mark.skipif("CELLPRUNE_REAL_DATA" not in os.environ, reason="the real data are not here")
def test_an_epoch_of_real_images(tmp_path: Path) -> None:
    with np.load(Path(os.environ["CELLPRUNE_REAL_DATA"]) / "cifar10-subset.npz", allow_pickle=False) as real:
        some = {name: real[name][:256] for name in ("x_train", "y_train", "x_test", "y_test")}
        np.savez(tmp_path / "some.npz", label_names=real["label_names"], **some)
    made = run(tmp_path / "run", tmp_path / "some.npz", "training.epochs=1")
    scores = made.read_scores()
    assert sum(row.images for row in scores.classes) == 256
    assert 0 <= scores.summary["accuracy"] <= 1


@pytest.mark.slow
def test_a_teacher_of_the_same_training_images_teaches_and_one_of_others_is_refused(
    pruned: Folder, images: Path, tmp_path: Path
) -> None:
    taught = run(tmp_path / "taught", images, f"training.teacher={pruned.path}")
    alone, beside = pruned.read_model().weights, taught.read_model().weights
    assert any((alone[name] != beside[name]).any() for name in alone)
    assert "with teacher" in taught.file("report").read_text()
    assert taught.read_split() == pruned.read_split(), "each image has its class: there is none without truth"
    with pytest.raises(CellpruneError, match="learned from other images than this run does"):
        run(tmp_path / "other", images, f"training.teacher={pruned.path}", "data.split_seed=1")
