"""Tables of cells by target and decoder: made from runs, and again from what is kept of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cellprune.config.decoding import Decoding
from cellprune.runs.folder import Folder
from cellprune.runs.scores import SegmentationScores
from cellprune.runs.tuning import Tried, Tuning
from cellprune.targets.decoders import Components, Decoder, Watershed


def test_runs_become_a_table_that_outlives_them(
    make_run: Callable[..., Folder],
    benchmark: Callable[[str], ModuleType],
    run_benchmark: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    asked: list[str | None] = []

    def evaluate(path: Path, *, decoder: Decoding) -> object:
        asked.append(decoder.name)
        return Folder(path).read_scores()

    def decoders(folder: Folder, tuned: Decoder) -> dict[str, Decoder]:
        return {"tuned": tuned, "usual numbers": Watershed(4), "without cuts": Components()}

    monkeypatch.setattr(benchmark("cells"), "evaluate", evaluate)
    monkeypatch.setattr(benchmark("cells"), "decoders", decoders)  # a drawn run has no network
    run, kept = make_run("run"), tmp_path / "cells.json"
    tried = (Tried(Watershed(4), 0.5), Tried(Watershed(4, depth=0.2), 0.6))
    run.write_tuning(Tuning(tried=tried, chosen=1))
    whole = {"det": 0.75, "op_csb": 0.5, "tra": 0.7, "lnk": 0.6, "seg": 0.25}
    run.path.with_name("run.score.json").write_text(json.dumps({"scores": whole}), encoding="utf-8")
    said = run_benchmark("cells", kept, run.path)
    heading, _, *rows = [line for line in said.splitlines() if line.startswith("|")]
    assert heading.split(" | ")[4] == "SEG"
    scored = run.read_scores()
    assert isinstance(scored, SegmentationScores)
    assert scored.cells is not None
    seg = scored.cells.summary["seg"]
    assert [row.split(" | ")[1:5] for row in rows] == [
        ["classes", decoder, "1", f"{seg:.3f}"] for decoder in ("tuned", "usual numbers", "without cuts")
    ]
    assert rows[0].endswith("| 0.750 | 0.500 | 0.700 | 0.600 |"), "of the network as tuned"
    assert rows[1].endswith("|  |  |  |  |")
    assert asked[0] is None, "the run's own decoder needs no new scores"
    assert asked[2] == "components"

    before = kept.read_text(encoding="utf-8")
    shutil.rmtree(run.path)
    assert run_benchmark("cells", kept).splitlines()[-5:] == said.splitlines()[-5:]
    assert kept.read_text(encoding="utf-8") == before
