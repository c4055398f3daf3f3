"""Choices that this machine and given masks make, written into the settings of a run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cellprune.config.load import load
from cellprune.errors import CellpruneError
from cellprune.experiment.settling import settled
from cellprune.runs import maskfile

CPU = torch.device("cpu")


def test_given_masks_say_what_they_remove_and_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "masks.safetensors"
    weight, bias = np.arange(8).reshape(2, 4) < 2, np.zeros(4, bool)
    maskfile.write(file, {"weight": weight, "bias": bias})
    settings = settled(load(assignments=[f"pruning.masks={file}"]), CPU)
    assert settings.pruning.method == "given"
    assert settings.pruning.ratio == 0.75, "of the weights, whatever the biases"
    assert settings.training.precision == "fp32"
    assert settled(settings, CPU) == settings
    maskfile.write(file, {"weight": ~weight, "bias": bias})
    with pytest.raises(CellpruneError, match="does not hold the masks that these settings were made with"):
        settled(settings, CPU)


def test_only_masks_of_channels_leave_a_time_to_spend(tmp_path: Path) -> None:
    file = tmp_path / "masks.safetensors"
    timed = [f"pruning.masks={file}", "pruning.control=flat-latency"]
    weight = np.arange(8).reshape(2, 4) < 4
    maskfile.write(file, {"weight": weight, "bias": np.array([True, False])})
    settings = settled(load(assignments=timed), CPU)
    assert settings.pruning.times_layers
    assert settings.model_dump()["pruning"]["engine"] == "onnx"
    maskfile.write(file, {"weight": weight})
    with pytest.raises(CellpruneError, match="removes single weights: give masks of channels, or another --control"):
        settled(load(assignments=timed), CPU)
