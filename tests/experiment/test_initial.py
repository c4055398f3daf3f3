"""Initial weights: put into networks that they fit, named by their content, and honest about held-out frames."""

from pathlib import Path

import numpy as np
import pytest
import torch
from finished_run import make

from cellprune.config.load import load
from cellprune.errors import CellpruneError
from cellprune.experiment import initial
from cellprune.experiment.opening import drawn, open_data, set_up
from cellprune.experiment.settling import settled
from cellprune.models.architecture import Architecture
from cellprune.runs import startfile
from cellprune.runs.startfile import Pretrained
from cellprune.training.accelerator import start

CPU = torch.device("cpu")
TINY = ["data.size=[32, 32]", "model.width=2", "model.depth=1"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Initial weights of the tiny network, drawn by another seed, without those of its head."""
    path = tmp_path / "start.safetensors"
    network = drawn(Architecture.of(load(assignments=TINY).model, in_channels=1, classes=2), 9)
    weights = {name: value.numpy() for name, value in network.state_dict().items() if not name.startswith("head")}
    untrained = ("head.weight", "head.bias")
    startfile.write(path, weights, Pretrained({}, ("1" * 64,), untrained, {}, 1.0, 1.0))
    return path


def test_pruning_and_training_start_from_the_file_but_for_the_output_layer(file: Path, data_root: Path) -> None:
    accelerator = start("cpu")
    asked = [load(assignments=[*TINY, "pruning.ratio=0.5", *more]) for more in ([], [f"training.init={file}"])]
    usual, ours = (set_up(open_data(settled(settings, CPU), data_root), accelerator).network for settings in asked)
    weights, _ = startfile.read(file)
    for name, value in ours.state_dict().items():
        expected = usual.state_dict()[name] if name.startswith("head") else torch.from_numpy(weights[name])
        assert torch.equal(value, expected), name


def test_weights_of_another_network_are_refused_by_the_name_of_the_first(file: Path) -> None:
    wider = drawn(Architecture("unet", {"width": 4, "depth": 1}, 1, 2), 0)
    said = (
        r"down\.0\.0\.weight is 2 x 1 x 3 x 3 there and 4 x 1 x 3 x 3 here\): give the --model and the --model\.width"
    )
    with pytest.raises(CellpruneError, match=said):
        initial.put(wider, file)
    with pytest.raises(CellpruneError, match=r"\(.* is absent there and .* here\)"):
        initial.put(drawn(Architecture("unet", {"width": 2, "depth": 2}, 1, 2), 0), file)


def test_the_content_is_part_of_the_run_and_what_draws_other_weights_is_refused(file: Path) -> None:
    settings = settled(load(assignments=[*TINY, f"training.init={file}"]), CPU)
    assert settings.training.init_sha256
    assert "init" not in settings.identity()["training"]
    weights, made = startfile.read(file)
    startfile.write(file, {**weights, "down.0.0.weight": weights["down.0.0.weight"] + np.float32(1)}, made)
    with pytest.raises(CellpruneError, match="does not hold the initial weights that these settings were made with"):
        settled(settings, CPU)
    for pruned, said in (
        (["pruning.ratio=0.5", "pruning.control=reinit"], "draws the weights anew, and --init gives them"),
        (["pruning.budget=macs=0.5", "pruning.method=flat"], "and flat trains a small one: remove --init"),
    ):
        with pytest.raises(CellpruneError, match=said):
            load(assignments=[*TINY, f"training.init={file}", *pruned])
    assert "init" not in load().model_dump()["training"]


def test_held_out_frames_that_were_pretrained_on_are_counted(file: Path, tmp_path: Path) -> None:
    split = make(tmp_path / "run", n_images=3).read_split()
    assert initial.seen_before(file, split) == []
    weights, made = startfile.read(file)
    seen = (split.parts["report"][1].sha256["image"],)
    startfile.write(file, weights, Pretrained({}, seen, made.untrained, {}, 1.0, 1.0))
    n_alike = sum(frame.sha256["image"] in seen for frame in split.parts["report"])
    [said] = initial.seen_before(file, split)
    assert f"was pretrained on {n_alike} held-out frame" in said
    assert initial.seen_before(None, split) == []
