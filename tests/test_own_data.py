"""A lab's own folder through every command: colour images, three classes, ignored pixels, 16-bit PNG labels."""

import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import yaml
from command_line import typed

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.runs.folder import Folder

pytestmark = pytest.mark.usefixtures("figures_left_empty")

CLASSES = ["background", "cell", "dividing"]
TINY = ["data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.batch_size=2", "training.epochs=2"]


def tissue(folder: Path, channels: int = 3) -> Path:
    """Write ten images with two kinds of squares; the last one has no labels, the first an ignore image."""
    for place in ("images", "masks", "ignore"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for at in range(10):
        random = np.random.default_rng(at)
        size = (40, 44) if at else (44, 40)
        image, labels = random.integers(0, 90, (*size, channels)).astype(np.uint16), np.zeros(size, np.uint16)
        for value in (1, 2, 1):
            row, column = random.integers(0, 28, 2)
            labels[row : row + 10, column : column + 10] = value
            image[row : row + 10, column : column + 10, value % channels] += 400
        kind = {"photometric": "rgb"} if channels == 3 else {}
        tifffile.imwrite(folder / "images" / f"t{at}.tif", image if channels == 3 else image[..., 0], **kind)
        if at < 9:
            (folder / "masks" / f"t{at}_cp_masks.png").write_bytes(imagecodecs.png_encode(labels))
    unknown = np.zeros((44, 40), np.uint8)
    unknown[:20] = 255
    (folder / "ignore" / "t0.png").write_bytes(imagecodecs.png_encode(unknown))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = tissue(tmp_path_factory.mktemp("lab") / "tissue")
    settings = load(assignments=[*TINY, "pruning.ratio=0.5", f"data.dataset={folder}", f"data.classes={CLASSES}"])
    return experiment.run(settings, runtime=Runtime(output=folder.parent / "run"))


def test_a_run_on_colour_and_three_classes_is_scored_class_by_class(run: Folder) -> None:
    scores = run.read_scores()
    assert [counted.name for counted in scores.images[0].classes] == CLASSES
    assert list(scores.summary) == [
        "iou_image_mean", "iou_pooled", "iou_cell_image_mean", "iou_cell_pooled", "iou_dividing_image_mean",
        "iou_dividing_pooled",
    ]  # fmt: skip
    assert all(image.id.endswith(".tif") for image in scores.images)
    assert scores.cells is None, "labels are classes and number no cells"
    assert yaml.safe_load((run.path / "config.yaml").read_text())["data"]["classes"] == CLASSES
    assert "iou_dividing_pooled" in run.read_metrics()[0].scores


def test_its_model_file_says_what_it_takes_and_gives(run: Folder) -> None:
    header, _, _ = run.read_model()
    assert (header["architecture"]["in_channels"], header["architecture"]["classes"]) == (3, 3)
    assert header["classes"] == CLASSES
    assert header["zoom"] == [32 / 40, 32 / 44], "one frame is of another size than the others"


def test_its_page_names_files_and_classes(run: Folder) -> None:
    page = (run.path / "report.html").read_text()
    for word in ("dividing", run.read_scores().images[0].id):
        assert word in page


def test_it_is_evaluated_on_its_own_and_on_another_folder(
    run: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("evaluate", run.path, "--part", "all", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["images"]) == 18
    other = tissue(tmp_path / "other")
    assert typed("evaluate", run.path, "--dataset", other) == 0
    told = capsys.readouterr()
    assert "iou_dividing_pooled" in told.out
    n_learned = len(run.read_split().parts["train"])
    assert f"the network learned from {n_learned} of these 9 images of {other}" in told.err, "it is the same again"


def test_a_network_of_colour_is_scored_on_grey_that_is_saved_in_colour(run: Folder, tmp_path: Path) -> None:
    grey = tissue(tmp_path / "grey", channels=1)
    for path in (grey / "images").iterdir():
        tifffile.imwrite(path, np.stack([tifffile.imread(path)] * 3, axis=-1), photometric="rgb")
    assert typed("evaluate", run.path, "--dataset", grey) == 0


def test_a_network_of_other_channels_is_refused(
    run: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = tissue(tmp_path / "grey", channels=1)
    assert typed("evaluate", run.path, "--dataset", grey) == 2
    assert "knows 3 channels, but" in capsys.readouterr().err
    assert typed("evaluate", run.path, "--dataset", "simulated") == 2


def test_a_folder_of_numbered_cells_has_the_scores_of_any_other_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = tissue(tmp_path / "cells", channels=1), tmp_path / "run"
    words = ["train", "--dataset", folder, "-o", output, "--split", "block", "--ignore-border"]
    tiny = [word for assignment in TINY for word in ("--set", assignment)]
    assert typed(*words, *tiny) == 2
    assert "has no known field of interest: remove --ignore-border" in capsys.readouterr().err
    assert typed(*words[:-1], *tiny) == 0
    assert Folder(output).read_scores().summary.keys() == {
        "iou_image_mean", "iou_pooled", "iou_cell_image_mean", "iou_cell_pooled"
    }  # fmt: skip
    assert "classes" not in yaml.safe_load((output / "config.yaml").read_text())["data"]


@pytest.mark.parametrize(
    ("names", "said"),
    [(["one"], "give 2 to 255"), (["a", "a"], "1 of them different"), (["background", "<b>"], "no class's name")],
)
def test_names_of_classes_that_cannot_be(names: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("train", "--set", f"data.classes={names}") == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_images_of_ones_own_code_are_trained_on_and_their_code_is_named_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "import numpy as np\n\n\ndef cells():\n    for at in range(8):\n        labels = np.zeros((32, 32), np.uint8)\n"
        "        labels[at : at + 8, 4:12] = 1\n        noise = np.random.default_rng(at)"
        ".integers(0, 9, labels.shape)\n        yield f'a{at}', (noise + 90 * labels).astype(np.uint16), labels\n",
        encoding="utf-8",
    )
    of = ("--data-root", tmp_path / "data")
    words = ("train", *(word for line in TINY for word in ("--set", line)), "--dataset", "mine.py:cells", *of)
    assert typed(*words, "-o", "run") == 0
    assert typed(*words, "-o", "run", "--resume") == 0
    assert Folder(tmp_path / "run").read_split().dataset == "mine.py:cells"
    capsys.readouterr()
    assert typed("evaluate", "run", "--part", "train", *of) == 2
    assert "the images are of mine.py:cells, code of your own, which no run makes run: name it by --dataset" in (
        capsys.readouterr().err
    )
    assert typed("evaluate", "run", "--part", "train", "--dataset", "mine.py:cells", "--json", *of) == 0
    assert json.loads(capsys.readouterr().out)["part"] == "train"
    assert typed("tune", "run", "--dataset", "simulated", *of) == 2
    assert "a decoder is tuned on what the run learned from: remove --dataset" in capsys.readouterr().err
    with Path("mine.py").open("a") as file:
        file.write("\n")
    assert typed("evaluate", "run", "--part", "train", "--dataset", "mine.py:cells", *of) == 2
    assert "the source has changed: the images are of another content of mine.py:cells" in capsys.readouterr().err
    assert typed(*words, "-o", "run", "--resume") == 2
    assert "was started with other settings (data.source_sha256: " in capsys.readouterr().err
