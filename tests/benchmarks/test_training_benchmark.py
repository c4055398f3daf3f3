"""What a step costs, guarded with room for busy machines; the program prints the numbers themselves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cellprune.training.precision import bf16_is_slow, bf16_over_fp32

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "training.py"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_steps_cost_what_a_plain_loop_costs(tmp_path: Path) -> None:
    out = tmp_path / "ratios.json"
    command = [sys.executable, PROGRAM, "--size", "192", "--repeats", "2", "--json", out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    ratios = json.loads(out.read_text())["ratios"]
    assert ratios["ours / plain"] < 1.15, ratios
    assert ratios["masked / ours"] < 1.15, ratios
    cpu = torch.device("cpu")
    assert ("bf16 / plain" in ratios) is not bf16_is_slow(cpu)
    if bf16_over_fp32() < 0.7:  # of two processors that have bf16, one was slower in it
        assert ratios["bf16 / plain"] < 0.8, ratios
