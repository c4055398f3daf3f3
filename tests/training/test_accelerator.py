"""Devices, as this machine has them."""

import pytest
import torch

from cellprune.errors import CellpruneError
from cellprune.training import accelerator


def test_a_device_that_is_not_there_is_refused() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(CellpruneError, match="remove --device"):
            accelerator.start("cuda")
    assert accelerator.start("cpu").device.type == "cpu"


@pytest.mark.parametrize(("name", "value"), [("WORLD_SIZE", "abc"), ("RANK", ""), ("LOCAL_RANK", "1.5")])
def test_a_variable_of_a_launcher_that_is_no_number_is_refused(name, value, monkeypatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(CellpruneError, match=rf"\${name} is '{value}', and must be a whole number: .*unset it"):
        accelerator.start("cpu")


def test_processes_that_cannot_find_each_other_are_told_in_one_line(monkeypatch) -> None:
    def lost(**_: object) -> None:
        raise ValueError("environment variable MASTER_ADDR expected, but not set")

    monkeypatch.setattr(accelerator, "Accelerator", lost)
    with pytest.raises(CellpruneError, match=r"several processes, .* MASTER_ADDR expected, .*unset \$WORLD_SIZE"):
        accelerator.start("cpu")
