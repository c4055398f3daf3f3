"""A training that no memory holds is refused by arithmetic, before anything is taken."""

from pathlib import Path

import pytest
import torch
from command_line import typed

from cellprune.config.load import load
from cellprune.errors import ScarceError
from cellprune.experiment import least_memory
from cellprune.models.architecture import Architecture


def require(*assignments: str, size: tuple[int, int, int] = (1, 256, 256)) -> None:
    settings = load(assignments=assignments)
    architecture = Architecture.of(settings.model, in_channels=1, classes=2)
    return least_memory.require(architecture, settings, size, torch.device("cpu"), 1)


@pytest.mark.parametrize(
    ("assignments", "size", "remedy"),
    [
        (["model.width=65536"], (1, 256, 256), "lower model.width"),
        (["model.widths=[1,1,1,65536,65536]"], (1, 256, 256), "lower model.widths"),
        (["training.batch_size=65536"], (1, 256, 256), "lower training.batch_size"),
        ([], (1, 2**15, 2**15), "data.size"),
        (["pruning.ratio=0.9", "pruning.batch_size=65536", "pruning.inner_steps=1000"], (1, 256, 256), "batch_size"),
    ],
)
def test_what_fits_nowhere_is_refused_with_what_to_lower(
    assignments: list[str], size: tuple[int, int, int], remedy: str
) -> None:
    with pytest.raises(ScarceError, match=r"take at least [\d,.]+ GiB, and [\d,.]+ GiB are free on cpu") as refusal:
        require(*assignments, size=size)
    assert remedy in str(refusal.value)


def test_what_fits_passes() -> None:
    assert require("pruning.ratio=0.9") is None


@pytest.mark.parametrize("command", ["train", "prune"])
def test_a_command_asks_before_any_work(
    command: str, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellprune.models.architecture.build", lambda _: pytest.fail("nothing may be built"))
    output = tmp_path / "made.safetensors"
    words = ["--prune", "0.9", "--set", "model.width=65536", "--data-root", data_root, "-o", output]
    assert typed(command, *words) == 2
    assert "GiB are free" in capsys.readouterr().err
    assert not output.exists()
