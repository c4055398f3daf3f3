"""Initial weights in a file: what was written comes back, and no other file passes for one."""

from pathlib import Path

import numpy as np
import pytest

from cellprune.errors import CellpruneError
from cellprune.runs import modelfile, startfile
from cellprune.runs.startfile import Pretrained

MADE = Pretrained({"seed": 1}, ("ab", "cd"), ("head.weight",), {"command": ["cellprune"]}, 2.5, 0.5)


def test_weights_come_back_with_how_they_were_made(tmp_path: Path) -> None:
    weights = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3)}
    startfile.write(tmp_path / "start.safetensors", weights, MADE)
    read, made = startfile.read(tmp_path / "start.safetensors")
    assert made == MADE
    assert {name: (value.dtype, value.tobytes()) for name, value in read.items()} == {
        name: (value.dtype, value.tobytes()) for name, value in weights.items()
    }


def test_a_model_file_holds_no_initial_weights(tmp_path: Path) -> None:
    modelfile.write(tmp_path / "model.safetensors", {}, {"a": np.zeros(2, np.float32)}, {})
    with pytest.raises(CellpruneError, match="is a 'model' file: give an initial weights file"):
        startfile.read(tmp_path / "model.safetensors")
