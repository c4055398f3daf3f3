"""Networks that are loaded draw nothing, and do not wake torch's compiler; one that is trained draws as ever."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cellprune.models.architecture import Architecture
from cellprune.models.undrawn import Undrawn
from cellprune.runs import modelfile

UNET = Architecture("unet", {"width": 2, "depth": 1}, in_channels=1, classes=2)


def test_a_tensor_without_values_is_not_drawn_and_any_other_is() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with Undrawn():
        with torch.device("meta"):
            layer = nn.Conv2d(1, 2, 3)
            assert nn.init.kaiming_normal_(layer.weight) is layer.weight
            assert nn.init.uniform_(tensor=layer.weight) is layer.weight
        assert torch.equal(torch.get_rng_state(), before)
        drawn = nn.Conv2d(1, 2, 3).weight
    torch.set_rng_state(before)
    assert torch.equal(drawn, nn.Conv2d(1, 2, 3).weight)


@pytest.mark.slow
def test_a_fresh_process_loads_and_predicts_without_the_compiler(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = {name: value.numpy() for name, value in UNET.build().state_dict().items()}
    facts = {"classes": ["background", "cell"], "zoom": [1.0, 1.0]}
    modelfile.write(path := tmp_path / "model.safetensors", {"architecture": UNET.as_dict(), **facts}, weights, {})
    code = (
        "import sys, numpy as np, cellprune\n"
        f"labels = cellprune.predict({str(path)!r}, np.random.default_rng(0).random((32, 32)))\n"
        "print(labels.shape, 'torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "(32, 32) True False"
