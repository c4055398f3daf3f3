"""The meta-gradient's price, guarded: one-step segments against the unrolled graph."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "metagradient.py"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_step_segments_cost_little_time_and_save_memory(tmp_path):
    out = tmp_path / "rows.json"
    subprocess.run([sys.executable, PROGRAM, "--quick", "--repeats", "2", "--json", out], check=True)
    (row,) = (row for row in json.loads(out.read_text())["rows"] if row["way"] == "segments")
    assert row["steps"] == 3
    assert row["time"] < 1.6, row
    assert row["extra"] < 0.7, row
