"""Masks of ways to choose that the product has no setting for: each within the budget, and by its own rule."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cellprune.runs import maskfile

TINY = ("data.size=[32,32]", "data.split=random", "model.width=16", "model.depth=1", "pruning.round_to=8",
        "pruning.batch_size=1", "training.precision=fp32")  # fmt: skip


def channels(masks: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Count what each layer makes: the first axis of a convolution, the second of a transposed one."""
    weights = {name: mask for name, mask in masks.items() if mask.ndim == 4}
    return {name: int(mask.any(axis=(0, 2, 3) if name.startswith("grow") else (1, 2, 3)).sum())
            for name, mask in weights.items()}  # fmt: skip


@pytest.mark.slow
def test_each_way_keeps_its_rule(
    benchmark: Callable[[str], ModuleType], tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLPRUNE_DATA", str(data_root))
    made = {}
    for idea in ("as-it-is", "levels", "rounds"):
        asked = ["--dataset", "simulated", "--budget", "macs=0.6", "--scores", str(tmp_path / "scores")]
        benchmark("criteria").main([idea, *asked, "-o", str(tmp_path / idea), "--set", *TINY])
        made[idea] = channels(maskfile.read(tmp_path / idea))
        assert all(n % 8 == 0 for name, n in made[idea].items() if name != "head.weight")
    level = made["levels"]
    assert level["down.0.0.weight"] == level["down.0.3.weight"] == level["grow.0.weight"] == level["up.0.3.weight"]
    assert level["down.1.0.weight"] == level["down.1.3.weight"]
    assert made["levels"] != made["as-it-is"] != made["rounds"]
