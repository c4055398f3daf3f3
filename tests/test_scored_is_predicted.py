"""What scores.json counts is what `predict` writes, whatever the images are like: one procedure, not two."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from command_line import typed
from finished_run import provenance, write
from numpy.typing import NDArray

from cellprune import models
from cellprune.config.data import Data
from cellprune.config.schema import Settings
from cellprune.data.cells.frames import CLASSES, Dataset
from cellprune.data.cells.loaders import Loaders
from cellprune.data.score import score
from cellprune.evaluation import iou
from cellprune.evaluation.iou import ClassCount
from cellprune.experiment.evaluate import evaluate
from cellprune.images.read import read_labels
from cellprune.lab import segment, tiles
from cellprune.runs.folder import Folder
from cellprune.runs.scores import SegmentationScores
from cellprune.tasks.segmentation import TASK

Save = Callable[[Path, NDArray], Any]


def tiff(path: Path, pixels: NDArray, **options: object) -> None:
    tifffile.imwrite(path.with_suffix(".tif"), pixels, **options)


def png(path: Path, pixels: NDArray) -> None:
    path.with_suffix(".png").write_bytes(imagecodecs.png_encode(pixels))


def colour(path: Path, pixels: NDArray) -> None:
    tiff(path, np.stack([pixels, pixels[::-1], 255 - pixels], axis=-1), photometric="rgb")


def two_channels(path: Path, pixels: NDArray) -> None:
    tiff(path, np.stack([pixels, pixels[::-1]]), photometric="minisblack", metadata={"axes": "CYX"})


def as_type(dtype: type, factor: float = 1, offset: float = 0) -> Save:
    return lambda path, pixels: tiff(path, (pixels * float(factor) + offset).astype(dtype))


def hot(path: Path, pixels: NDArray) -> None:
    pixels = pixels.astype(np.uint16)
    pixels[3, 4] = 65535
    tiff(path, pixels)


UNIFORM = [(60, 72)] * 4
KINDS: dict[str, tuple[list[tuple[int, int]], Save]] = {
    "one size": (UNIFORM, tiff),
    "sizes": ([(60, 72), (60, 72), (120, 144), (30, 41), (61, 75)], tiff),
    "aspect ratios": ([(64, 64), (40, 90), (32, 128), (64, 65)], tiff),
    "portrait beside landscape": ([(48, 80), (80, 48), (48, 80), (80, 48)], tiff),
    "smaller than the poolings": ([(60, 72), (3, 5), (60, 72), (2, 90)], tiff),
    "colour": ([(60, 72), (90, 72), (60, 50)], colour),
    "two channels": (UNIFORM, two_channels),
    "png": ([(60, 72), (90, 72), (60, 50)], png),
    "16 bit with an offset": (UNIFORM, as_type(np.uint16, 3, 33000)),
    "12 bit": (UNIFORM, as_type(np.uint16, 16)),
    "float": (UNIFORM, as_type(np.float32, 1e-3, -5)),
    "signed": (UNIFORM, as_type(np.int16, 20, -3000)),
    "hot pixel": (UNIFORM, hot),
}


def drawn(folder: Path, sizes: list[tuple[int, int]], save: Save) -> Path:
    """Bright discs on noise, with labels."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for at, (height, width) in enumerate(sizes):
        rng = np.random.default_rng(at)
        image, labels = rng.normal(60, 8, (height, width)), np.zeros((height, width), np.uint16)
        rows, columns = np.mgrid[:height, :width]
        for cell in range(1, 8):
            row, column, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(4, 9)
            inside = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            labels[inside], image[inside] = cell, 140
        image[0, 0], labels[0, 0] = 20, 0
        save(folder / "images" / f"a{at}", image.clip(0, 255).astype(np.uint8))
        tifffile.imwrite(folder / "labels" / f"a{at}.tif", labels)
    return folder


def settings_for(folder: Path, **data: Any) -> Settings:
    return Settings(data=Data(dataset=f"{folder}/", size=(48, 56), **{"target": "classes", **data}), seed=0)


def network_of(channels: int, norm: str = "batch", padding: str = "same", maps: int = 2) -> torch.nn.Module:
    """An untrained network that calls about half of the pixels cell; what it says hangs on every grey level."""
    torch.manual_seed(1)
    architecture = {
        "name": "unet",
        "width": 4,
        "depth": 2,
        "in_channels": channels,
        "classes": maps,
        "norm": norm,
        "padding": padding,
    }
    network = models.build(architecture)
    network.architecture = architecture
    return network


def finished_run(path: Path, network: torch.nn.Module, settings: Settings) -> Path:
    """A run folder that holds this network as it is."""
    dataset = TASK.open(settings.data, None)
    run = Folder(path)
    run.path.mkdir(parents=True)
    run.write_config(settings.model_dump(mode="json"))
    write(run, "provenance", provenance("dense"))
    run.write_split(TASK.split(dataset, settings.data).written())
    header = {"architecture": network.architecture, **TASK.header(dataset, settings)}
    run.write_model(header, {name: value.numpy() for name, value in network.state_dict().items()}, {})
    return run.path


def counts_of_predict(run: Path, folder: Path, output: Path) -> dict[str, tuple[ClassCount, ...]]:
    assert typed("predict", run, folder / "images", "-o", output) == 0
    found, n_cell = {}, 0
    for truth in sorted((folder / "labels").iterdir()):
        cells = read_labels(output / "labels" / truth.name) > 0
        n_cell += cells.sum()
        (image,) = (folder / "images").glob(f"{truth.stem}.*")
        found[image.name] = iou.counts(cells.astype(int), (read_labels(truth) > 0).astype(np.uint8), CLASSES)
    assert n_cell > 100, "an empty answer proves nothing"
    return found


def native(scores: SegmentationScores) -> dict[str, tuple[ClassCount, ...]]:
    return {image.id: image.classes for image in scores.images if image.size == "native"}


@pytest.mark.parametrize(
    ("kind", "normalization"),
    [
        *(
            pytest.param(kind, "robust", marks=() if kind in ("sizes", "colour", "hot pixel") else pytest.mark.slow)
            for kind in KINDS
        ),
        ("one size", "standard"),
    ],
)
def test_a_runs_own_scores_are_those_of_the_labels(kind: str, normalization: str, tmp_path: Path) -> None:
    folder = drawn(tmp_path / "set", *KINDS[kind])
    settings = settings_for(folder, normalization=normalization)
    dataset = TASK.open(settings.data, None)
    network = network_of(dataset.channels)
    loaders = TASK.loaders(dataset, TASK.whole(dataset, settings.data), settings, 0, torch.device("cpu"))
    scores = TASK.scores(network, loaders, "report")
    scored = native(scores)
    assert network.training, "its mode is kept"
    run = finished_run(tmp_path / "run", network, settings)
    assert scored == counts_of_predict(run, folder, tmp_path / "out")
    assert len(scored) == len(KINDS[kind][0])
    assert scores.cells is not None
    judged = score(folder, tmp_path / "out").images
    assert [image.count for image in scores.cells.images] == [image.count for image in judged]
    assert sum(image.count.found for image in judged) > 0


def test_cells_outside_the_field_of_interest_are_not_counted(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "set", *KINDS["one size"])
    settings = settings_for(folder)
    dataset = replace(TASK.open(settings.data, None), field_of_interest_px=25)
    loaders = TASK.loaders(dataset, TASK.whole(dataset, settings.data), settings, 0, torch.device("cpu"))
    cells = TASK.scores(network_of(1), loaders, "report").cells
    assert cells is not None
    assert cells.field_of_interest_px == 25
    true = [read_labels(path)[25:-25, 25:-25] for path in sorted((folder / "labels").iterdir())]
    assert [image.count.true for image in cells.images] == [len(np.unique(each[each > 0])) for each in true]
    assert 0 < sum(image.count.true for image in cells.images) < 7 * 4


@pytest.mark.parametrize(("target", "maps"), [("border", 3), ("distance", 2)])
def test_what_is_scored_is_the_foreground_that_is_decoded(target: str, maps: int, tmp_path: Path) -> None:
    folder = drawn(tmp_path / "set", KINDS["sizes"][0], tiff)
    settings = settings_for(folder, target=target)
    dataset = TASK.open(settings.data, None)
    network = network_of(1, maps=maps)
    with torch.no_grad():
        network.head.bias += torch.eye(maps)[maps - 2]  # untrained, it is nowhere sure of a cell
    run = finished_run(tmp_path / "run", network, settings)
    scored = native(TASK.scores(network, loaders_of(dataset, settings), "report", models.load(run).header))
    assert scored == counts_of_predict(run, folder, tmp_path / "out")
    assert {image.size for image in TASK.scores(network, loaders_of(dataset, settings), "report").images} == {
        "network",
        "native",
    }


@pytest.mark.slow
@pytest.mark.parametrize("size", [{}, {"size": (30, 36)}], ids=["as they are", "zoomed"])
def test_a_network_of_crops_predicts_at_their_scale_and_is_scored_so(size: dict[str, Any], tmp_path: Path) -> None:
    folder = drawn(tmp_path / "set", KINDS["sizes"][0], tiff)
    settings = Settings(
        data=Data(dataset=f"{folder}/", crop=32, normalization="percentile", target="classes", **size), seed=0
    )
    dataset = TASK.open(settings.data, None)
    loaders = loaders_of(dataset, settings)
    zoom = 0.5 if size else 1.0
    assert {sample.seen(loaders.card).shape[1:] for sample in loaders.samples("report")} == {
        (round(zoom * height), round(zoom * width)) for height, width in KINDS["sizes"][0]
    }
    run = finished_run(tmp_path / "run", network_of(1), settings)
    scores = TASK.scores(network_of(1), loaders, "report")
    assert native(scores) == counts_of_predict(run, folder, tmp_path / "out")
    if not size:
        at_network_size = {image.id: image.classes for image in scores.images if image.size == "network"}
        assert at_network_size == native(scores), "they are one size"


def loaders_of(dataset: Dataset, settings: Settings) -> Loaders:
    return TASK.loaders(dataset, TASK.whole(dataset, settings.data), settings, 0, torch.device("cpu"))


@pytest.mark.parametrize(
    "kind",
    [
        "one size",
        *(pytest.param(k, marks=pytest.mark.slow) for k in ("sizes", "portrait beside landscape", "hot pixel")),
    ],
)
def test_the_scores_on_another_set_are_those_of_the_labels(kind: str, tmp_path: Path) -> None:
    own = drawn(tmp_path / "own", [(60, 72)] * 3, tiff)
    run = finished_run(tmp_path / "run", network_of(1), settings_for(own))
    # the same microscope, another field of view
    other = drawn(tmp_path / "other", [(2 * height, 3 * width) for height, width in KINDS[kind][0]], KINDS[kind][1])
    scores = evaluate(run, dataset=f"{other}/", device="cpu")
    assert native(scores) == counts_of_predict(run, other, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "padding"), [("batch", "same"), ("group", "same"), ("batch", "valid")])
def test_scores_in_tiles_are_those_of_the_labels(
    norm: str, padding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a network whose result depends on the tiles."""
    folder = drawn(tmp_path / "set", [(150, 170), (140, 160), (150, 170)], tiff)
    run = finished_run(tmp_path / "run", network_of(1, norm, padding), settings_for(folder).model_copy())
    for function in (tiles.probabilities, segment.class_map, segment.cells_in):
        monkeypatch.setitem(function.__kwdefaults__, "memory_bytes", 1)
    big = drawn(tmp_path / "big", [(260, 300)], tiff)
    scores = evaluate(run, dataset=f"{big}/", device="cpu")
    assert native(scores) == counts_of_predict(run, big, tmp_path / "out")


@pytest.mark.parametrize("failing", [None, "network", "listener"])
def test_every_module_keeps_its_mode_while_it_is_scored(failing: str | None, tmp_path: Path) -> None:
    folder = drawn(tmp_path / "set", UNIFORM[:2], tiff)
    settings, network = settings_for(folder), network_of(1)
    dataset = TASK.open(settings.data, None)
    loaders = TASK.loaders(dataset, TASK.whole(dataset, settings.data), settings, 0, torch.device("cpu"))
    [norm, *_] = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    norm.eval()
    modes = [module.training for module in network.modules()]

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    if failing == "network":
        norm.register_forward_hook(fail)
    with nullcontext() if failing is None else pytest.raises(KeyboardInterrupt):
        TASK.scores(network, loaders, "report", None, fail if failing == "listener" else lambda *_: None)
    assert [module.training for module in network.modules()] == modes


def test_the_network_s_size_follows_the_zoom_not_the_frame(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "set", [(60, 72), (60, 72), (120, 144)], tiff)
    settings = settings_for(folder)
    dataset = TASK.open(settings.data, None)
    loaders = TASK.loaders(dataset, TASK.whole(dataset, settings.data), settings, 0, torch.device("cpu"))
    assert {sample.seen(loaders.card).shape for sample in loaders.samples("report")} == {(1, 48, 56), (1, 96, 112)}


def test_pixels_of_another_size_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def tagged(um: float) -> Save:
        return lambda path, pixels: tiff(path, pixels, resolution=(1e4 / um, 1e4 / um), resolutionunit="CENTIMETER")

    run = finished_run(
        tmp_path / "run", network_of(1), settings_for(drawn(tmp_path / "own", UNIFORM[:3], tagged(0.65)))
    )
    for um, is_warned in ((0.6, False), (0.3, True)):
        other = drawn(tmp_path / f"{um}", UNIFORM[:2], tagged(um))
        evaluate(run, dataset=f"{other}/", device="cpu")
        assert ("0.3 x 0.3 um, but the model learned from 0.65 x 0.65 um" in caplog.text) == is_warned
