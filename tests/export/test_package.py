"""A bioimage.io package holds the network, a test of it, and a README that says no more than the run's files do."""

import hashlib
import json
from pathlib import Path
from zipfile import ZipFile

import finished_run
import numpy as np
import pytest
import yaml
from command_line import typed
from huggingface_hub import ModelCard as HubCard
from onnx_files import model_file, network_of
from onnxruntime import InferenceSession

from cellprune.export.description import _tolerance
from cellprune.export.processing import processed, steps
from cellprune.images.network_input import KINDS, network_input
from cellprune.runs import modelfile
from cellprune.runs.modelcard import read_card

FILES = {"README.md", "rdf.yaml", "test_image.npy", "test_maps.npy", "weights.onnx"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, with a network in its model file."""
    folder = finished_run.make(tmp_path_factory.mktemp("runs") / "run")
    model_file(folder.file("model"), network_of())
    return folder.path


@pytest.fixture(scope="module")
def package(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("packages") / "cells"
    assert typed("export", run, "--format", "bioimageio", "-o", output) == 0
    return output


def described(package: Path) -> dict:
    return yaml.safe_load((package / "rdf.yaml").read_text())


def files_in(value: object) -> dict[str, str]:
    """Name every file that a description names, with its hash."""
    if isinstance(value, dict):
        here = {value["source"]: value["sha256"]} if "source" in value else {}
        return {name: digest for each in value.values() for name, digest in files_in(each).items()} | here
    return {} if not isinstance(value, list) else {name: d for each in value for name, d in files_in(each).items()}


def test_every_file_is_described_by_its_content(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == FILES
    named = files_in(described(package))
    assert named.keys() == FILES - {"rdf.yaml"}
    for name, digest in named.items():
        assert hashlib.sha256((package / name).read_bytes()).hexdigest() == digest


def test_the_test_maps_are_those_of_the_test_image(package: Path) -> None:
    image, maps = np.load(package / "test_image.npy"), np.load(package / "test_maps.npy")
    (described_image,), (described_maps,) = described(package)["inputs"], described(package)["outputs"]
    assert [step["id"] for step in described_image["preprocessing"]] == ["zero_mean_unit_variance"]
    assert [step["id"] for step in described_maps["postprocessing"]] == ["softmax"]
    for size, axis in zip(image.shape[2:], described_image["axes"][2:], strict=True):
        assert size >= axis["size"]["min"]
        assert (size - axis["size"]["min"]) % axis["size"]["step"] == 0
    session = InferenceSession(package / "weights.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": (image - image.mean()) / image.std()})
    powers = np.exp(logits)
    np.testing.assert_allclose(maps, powers / powers.sum(1, keepdims=True), atol=1e-4)


def test_the_readme_says_what_the_run_says(run: Path, package: Path) -> None:
    text = (package / "README.md").read_text()
    scores = json.loads((run / "scores.json").read_text())
    summary, cost = scores["summary"], json.loads((run / "cost.json").read_text())
    for value in (
        summary["iou_image_mean"]["network"],
        summary["iou_pooled"]["native"],
        scores["cells"]["summary"]["seg"],
    ):
        assert f"{value:.4f}" in text
    total, prunable, kept = (cost["parameters"][name] for name in ("total", "prunable", "kept"))
    assert f"- Parameters: {total - prunable + kept:,}; of the dense network {total:,}" in text
    assert ", 29 min 1 s on cpu" in text
    assert "Method prospr: 97 % of the weights removed." in text
    assert "- Terms: the challenge's conditions of use, http://celltrackingchallenge.net/datasets/" in text
    assert "Scored on 10 frames that the network did not learn from. It learned from 24 frames." in text
    assert "0 of 29,120 pixels have another class (0.0 ppm)" in text
    assert str(run) not in text


def test_the_tolerance_of_maps_below_zero_is_above_it() -> None:
    assert _tolerance(np.array([-2e-2, -3e-2]))["absolute_tolerance"] == pytest.approx(1.5e-4)


def test_the_hub_reads_the_same_scores(run: Path, package: Path) -> None:
    card = HubCard.load(package / "README.md", ignore_metadata_errors=False)
    assert (card.data.library_name, card.data.pipeline_tag) == ("cellprune", "image-segmentation")
    assert card.data.license is None, "nobody said which"
    told = {result.metric_name: result.metric_value for result in card.data.eval_results}
    summary = json.loads((run / "scores.json").read_text())["summary"]
    assert told["IoU, mean over images, native size"] == pytest.approx(summary["iou_image_mean"]["native"])
    assert "SEG" in told


def test_a_model_file_says_what_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = model_file(tmp_path / "model.safetensors", network_of())
    assert typed("export", model, "--format", "bioimageio", "-o", tmp_path / "cells.zip", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["normalization"] == {"n_pixels": 29120, "n_differing": 0, "ppm": 0}
    with ZipFile(tmp_path / "cells.zip") as archive:
        assert set(archive.namelist()) == FILES
        assert archive.testzip() is None
        text = archive.read("README.md").decode()
    assert "these are not known: the data and their terms, the split, the scores of pixels and cells" in text
    assert "timestamp" not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.zip", "model.safetensors"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "bioimage", "-o", "a"], "no export format 'bioimage' (in --format).\nDid you mean 'bioimageio'?"),
        (
            ["--format", "bioimageio", "-o", "a.onnx"],
            "a bioimage.io package is a folder, or NAME.zip: give another name",
        ),
        (["--format", "bioimageio", "-o", "there"], "there is there already: give another --output"),
        (["--format", "bioimageio", "-o", "there.zip"], "there.zip is there already: give another --output"),
        (["--format", "bioimageio", "-o", "nowhere/a"], "there is no folder 'nowhere'"),
        (["--format", "bioimageio", "-o", "a", "--int8"], "--int8 is for --format onnx"),
        (["-o", "a.zip"], "--output 'a.zip' is no ONNX file: give a name that ends in .onnx"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    words: list[str], said: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("there.zip").touch()
    assert typed("export", run, *words) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "there.zip"]


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = finished_run.Folder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_config({})
    assert typed("export", folder.path, "--format", "bioimageio", "-o", tmp_path / "a") == 2
    assert "is not a finished run" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("kind", ["standard", "robust", "percentile"])
def test_the_steps_are_our_normalization(kind: str) -> None:
    image = np.random.default_rng(0).uniform(0, 1, (2, 60, 50)).astype(np.float32)  # no grey level is rare
    said = {"classes": ["background", "cell"], "zoom": [1, 1], "architecture": {"in_channels": 2}}
    card = read_card(said | {"normalization": KINDS[kind].header()}, "it")
    known = steps(card, [image])
    assert sum(step.id in ("scale_range", "zero_mean_unit_variance") for step in known) == 1, "others use the raw image"
    nearly = 0.01 if kind == "robust" else 1e-4
    np.testing.assert_allclose(processed(image, known), network_input(image, (60, 50), KINDS[kind]), atol=nearly)
    np.testing.assert_allclose(processed(3 * image + 7, known), processed(image, known), atol=1e-4)
    assert bool(steps(card, [])) == (kind != "percentile"), "no images, no median"


def test_a_package_without_normalization_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.safetensors"
    network = network_of()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    modelfile.write(model, {**network.header, "normalization": KINDS["percentile"].header()}, weights, {})
    assert typed("export", model, "--format", "bioimageio", "-o", tmp_path / "cells") == 0
    assert "so rdf.yaml cannot say how images are normalized" in capsys.readouterr().err
    (image,) = described(tmp_path / "cells")["inputs"]
    assert (image["description"], image.get("preprocessing")) == ("normalized as README.md says", None)
    assert "(it has none for this network: bring normalized images)" in (tmp_path / "cells" / "README.md").read_text()
