"""A pretraining, from images to a file: what is left out, that it goes on with the same bits, what is refused."""

import json
from pathlib import Path

import pytest
from command_line import typed
from stopping import Stop

from cellprune.config.load import load
from cellprune.config.pretraining import Pretraining
from cellprune.config.schema import Runtime
from cellprune.data.open import open_dataset
from cellprune.errors import CellpruneError
from cellprune.experiment.pretrain import pretrain
from cellprune.runs import startfile
from cellprune.training.fit import Stopped

TINY = ["data.size=[16, 16]", "model.width=2", "model.depth=1"]
ASKED = Pretraining(epochs=2, batch_size=8)


def made(output: Path, data_root: Path, *more: str, resume: bool = False, listeners=(), images: Path | None = None):
    runtime = Runtime(data_root=data_root, device="cpu", resume=resume)
    settings = load(assignments=[*TINY, *more])
    return pretrain(settings, ASKED, listeners, output=output, images=images, runtime=runtime)


@pytest.mark.slow
def test_a_pretraining_that_was_stopped_goes_on_with_the_same_bits_and_leaves_one_file(
    tmp_path: Path, data_root: Path
) -> None:
    whole, cut = tmp_path / "a" / "start.safetensors", tmp_path / "b" / "start.safetensors"
    for file in (whole, cut):
        file.parent.mkdir()
    uncut = made(whole, data_root)
    with pytest.raises(Stopped):
        made(cut, data_root, listeners=[Stop()])
    with pytest.raises(CellpruneError, match="holds a pretraining that was begun: go on with it by --resume"):
        made(cut, data_root)
    with pytest.raises(CellpruneError, match=r"was begun with other settings or images: give the same, or another"):
        made(cut, data_root, "seed=1", resume=True)
    again = made(cut, data_root, resume=True)
    assert [path.name for path in cut.parent.iterdir()] == ["start.safetensors"]
    ours, theirs = (startfile.read(file)[0] for file in (cut, whole))
    assert {name: value.tobytes() for name, value in ours.items()} == {n: v.tobytes() for n, v in theirs.items()}
    assert again.loss == uncut.loss
    assert made(cut, data_root, resume=True).loss == uncut.loss, "finished already"
    with pytest.raises(CellpruneError, match="was made with other settings or images"):
        made(cut, data_root, "seed=1", resume=True)
    with pytest.raises(CellpruneError, match="is there already: give another --output"):
        made(cut, data_root)


def test_what_a_split_holds_out_is_left_out_and_a_folder_is_taken_whole(tmp_path: Path, data_root: Path) -> None:
    dataset = open_dataset("simulated", data_root=data_root)
    settings = ["data.split=sequence", "model.depth=1"]
    by_split = made(tmp_path / "split.safetensors", data_root, *settings)
    n_first = sum(frame.sequence == "01" for frame in dataset.frames)
    assert len(by_split.images) == n_first < len(dataset.frames)
    of_folder = made(tmp_path / "folder.safetensors", data_root, images=dataset.frames[0].image.parent)
    assert set(of_folder.images) == set(by_split.images), "the images of the first sequence"
    assert by_split.untrained == ("head.weight", "head.bias")


@pytest.mark.slow
def test_the_command_writes_weights_that_a_training_starts_from(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "start.safetensors"
    words = ["--data.size", 16, 16, "--model.width", 2, "--model.depth", 1, "--data-root", data_root]
    assert typed("pretrain", *words, "--epochs", 1, "--batch-size", 8, "--json", "-o", file) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["weights"], answer["settings"]["pretraining"]["method"]) == (str(file), "byol")
    masks = tmp_path / "masks.safetensors"
    assert typed("prune", *words, "--prune", 0.5, "--init", file, "-o", masks) == 0
    assert typed("pretrain", *words, "-o", tmp_path / "start.txt") == 2
    assert "is no safetensors file" in capsys.readouterr().err
