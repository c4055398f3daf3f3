"""Devices and precision, as this machine has them."""

import pytest
import torch

from cellprune.errors import CellpruneError
from cellprune.training import accelerator


def test_a_device_that_is_not_there_is_refused() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(CellpruneError, match="remove --device"):
            accelerator.start("cuda")
    assert accelerator.start("cpu").device.type == "cpu"


def test_precision_is_resolved_once() -> None:
    cpu = torch.device("cpu")
    assert accelerator.precision("auto", cpu) == "fp32"
    assert accelerator.precision("bf16", cpu) == "bf16"
    with pytest.raises(CellpruneError, match="bf16"):
        accelerator.precision("bf16", torch.device("mps"))


@pytest.mark.parametrize(
    ("capability", "choice", "slow"), [("AVX2", "bf16", True), ("AVX512", "bf16", False), ("AVX2", "fp32", False)]
)
def test_a_processor_on_which_bf16_is_slow_is_named(capability, choice, slow, monkeypatch, caplog) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert accelerator.precision(choice, torch.device("cpu")) == choice
    assert ("many times slower" in caplog.text) is slow
