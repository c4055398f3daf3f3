"""The scoring benchmark runs, and the cheap methods are as cheap as they should be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "scoring.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_shot_methods_cost_a_few_steps(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    methods = [word for name in ("random", "snip", "prospr") for word in ("--method", name)]
    subprocess.run([sys.executable, PROGRAM, "--quick", *methods, "--json", out], check=True)
    rows = json.loads(out.read_text())["rows"]
    assert [row["method"] for row in rows] == ["random", "snip", "prospr full", "prospr first"] * 2
    for row in rows:
        assert row["steps"] < {"random": 3, "snip": 5, "prospr first": 10, "prospr full": 25}[row["method"]], row
