"""A network of the user's own through every command: smaller by whole channels, and run only where it is named."""

import json
from pathlib import Path

import pytest
import torch
from command_line import typed

import cellprune
from cellprune import experiment
from cellprune.config import own
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.engines.torch import engine
from cellprune.errors import CellpruneError
from cellprune.models import loaded
from cellprune.runs.folder import Folder

CODE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, in_channels, classes):
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(in_channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        twice = nn.Upsample(scale_factor=2)
        self.coarse = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), twice)
        self.head = nn.Conv2d(10, classes, 1)

    def forward(self, image):
        fine = self.fine(image)
        return self.head(torch.cat([fine, self.coarse(fine)], 1))


class Sorted(Net):
    def forward(self, image):
        fine = self.fine(image)
        return self.head(torch.cat([fine, self.coarse(fine)], 1).sort(dim=1).values)


class Named(Net):
    def forward(self, image):
        fine = self.fine(image).reshape(-1, 4, *image.shape[2:])
        return self.head(torch.cat([fine, self.coarse(fine)], 1))
"""
TINY = [
    "data.size=[32, 32]",
    "data.target=classes",
    "pruning.batch_size=2",
    "training.epochs=1",
    "training.steps_per_epoch=1",
]
CHANNELS = ["pruning.granularity=channel", "pruning.budget=macs=0.5", "pruning.round_to=1", "pruning.method=magnitude"]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("own") / "net.py"
    file.write_text(CODE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(net: Path, data_root: Path) -> Folder:
    settings = load(assignments=[*TINY, *CHANNELS, f"model.name={net}:Net"])
    return experiment.run(settings, runtime=Runtime(output=net.parent / "run", data_root=data_root))


@pytest.mark.slow
def test_a_run_of_it_is_smaller_and_keeps_its_source_for_the_record(run: Folder, net: Path) -> None:
    assert run.finished
    assert run.file("network").read_text() == CODE
    said = run.read_model()[0]["architecture"]
    assert (said["name"], said["source_sha256"]) == ("net.py:Net", own.sha256(f"{net}:Net"))
    assert run.read_config()["model"] == {"name": f"{net}:Net", "source_sha256": said["source_sha256"]}
    small = cellprune.load(run.path, f"{net}:Net")
    n_whole = sum(p.numel() for p in loaded.OwnNetwork.of(f"{net}:Net").build(1, 2).parameters())
    assert sum(p.numel() for p in small.parameters()) < n_whole
    assert run.read_cost().macs.masked <= 0.5 * run.read_cost().macs.dense


@pytest.mark.slow
def test_commands_refuse_the_run_unless_its_code_is_named(
    run: Folder, net: Path, tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = next((data_root / "simulated-v1/01").glob("*.tif"))
    code, of = f"{run.file('network')}:Net", ("--data-root", data_root)
    for words in (
        ("evaluate", run.path, "--part", "train", *of),
        ("predict", run.path, image, "-o", tmp_path / "cells"),
        ("export", run.path, "-o", tmp_path / "a.onnx", *of),
        ("compact", run.path, "-o", tmp_path / "a.safetensors"),
        ("bench", run.path),
        ("tune", run.path, *of),
    ):
        assert typed(*words) == 2
        assert (
            "it is of 'net.py:Net', a network of your own, whose code no model file makes run"
            in capsys.readouterr().err
        )
    assert typed("evaluate", run.path, "--part", "train", "--model", code, *of) == 0
    assert typed("predict", run.path, image, "-o", tmp_path / "cells", "--model", code) == 0
    assert typed("compact", run.path, "-o", tmp_path / "a.safetensors", "--model", code) == 0
    capsys.readouterr()
    assert typed("export", run.path, "-o", tmp_path / "a.onnx", "--model", code, "--json", *of) == 0
    assert json.loads(capsys.readouterr().out)["parity"][0]["n_differing"] == 0
    assert typed("predict", tmp_path / "a.onnx", image, "-o", tmp_path / "again") == 0, "which needs no code"
    assert typed("predict", tmp_path / "a.onnx", image, "-o", tmp_path / "more", "--model", code) == 2
    assert "is an ONNX file, which needs no code: remove --model" in capsys.readouterr().err
    assert engine(run.path, network=code).receptive_field is not None
    small = cellprune.load(tmp_path / "a.safetensors", code)(torch.zeros(1, 1, 16, 16))
    assert torch.allclose(small, cellprune.load(run.path, code)(torch.zeros(1, 1, 16, 16)), atol=1e-5)


@pytest.mark.slow
def test_it_resumes_with_the_same_source_alone(run: Folder, net: Path, data_root: Path, tmp_path: Path) -> None:
    asked = [*TINY, *CHANNELS]
    runtime = Runtime(output=run.path, data_root=data_root, resume=True)
    same = tmp_path / "net.py"
    same.write_text(CODE, encoding="utf-8")
    assert experiment.run(load(assignments=[*asked, f"model.name={same}:Net"]), runtime=runtime).finished, "by content"
    same.write_text(CODE + "\n", encoding="utf-8")
    with pytest.raises(CellpruneError, match=r"was started with other settings \(model.source_sha256: "):
        experiment.run(load(assignments=[*asked, f"model.name={same}:Net"]), runtime=runtime)
    written = load(file=run.file("config"))
    changed = written.model_copy(update={"model": written.model.model_copy(update={"name": f"{same}:Net"})})
    with pytest.raises(
        CellpruneError, match=r"net.py:Net is not the code that these settings were made with: restore it"
    ):
        experiment.run(changed, runtime=runtime)


@pytest.mark.slow
def test_an_operation_that_cannot_be_followed_is_named_and_single_weights_go(net: Path, data_root: Path) -> None:
    def masks(name: str, *how: str) -> int:
        asked = load(assignments=[*TINY, f"model.name={net}:{name}", "pruning.method=magnitude", *how])
        _, masks, _ = experiment.choose_masks(asked, runtime=Runtime(data_root=data_root))
        return sum(int(mask.sum()) for mask in masks.values())

    assert masks("Sorted", "pruning.ratio=0.5") == masks("Named", "pruning.ratio=0.5") == (36 + 216 + 20) / 2
    with pytest.raises(CellpruneError, match="sort"):
        masks("Sorted", "pruning.ratio=0.5", "pruning.granularity=channel")
    with pytest.raises(
        CellpruneError, match=r"names a number of its channels, and fails without some of them .*shrink=false"
    ):
        masks("Named", "pruning.ratio=0.5", "pruning.granularity=channel")
