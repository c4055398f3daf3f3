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
