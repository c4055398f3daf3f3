"""Evaluation mode and back, module by module, and in one place."""

import re
from pathlib import Path

import pytest
from torch import nn

import cellprune
from cellprune.structure.modes import evaluating


def test_each_module_is_put_back_into_its_own_mode_also_when_a_batch_fails() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1), nn.Sequential(nn.Dropout()))
    model[1].eval()
    model[2].training = False  # its child trains on
    modes = [module.training for module in model.modules()]
    with pytest.raises(ZeroDivisionError), evaluating(model):  # noqa: PT012
        assert not any(module.training for module in model.modules())
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes == [True, True, False, False, True]


def test_nobody_else_switches_a_network_to_evaluation_and_back() -> None:
    # all but the first make networks
    made_so = {"structure/modes.py", "models/loaded.py", "models/smp.py", "export/onnx.py", "experiment/latency.py"}
    package = Path(cellprune.__file__).parent
    files = {file.relative_to(package).as_posix() for file in package.rglob("*.py")
             if re.search(r"\.(eval\(\)|train\(False\)|train\(mode)", file.read_text(encoding="utf-8"))}  # fmt: skip
    assert files == made_so
