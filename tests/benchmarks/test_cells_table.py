"""Rows of cells by target and decoder: what is kept of a run, and stays."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cellprune.config.decoding import Decoding
from cellprune.runs.folder import Folder
from cellprune.runs.scores import SegmentationScores
from cellprune.runs.tuning import Tried, Tuning
from cellprune.targets.decoders import Components, Decoder, Watershed


def test_a_run_becomes_a_row_that_keeps_what_is_known(
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
    scored = run.read_scores()
    assert isinstance(scored, SegmentationScores)
    assert scored.cells is not None
    seg = scored.cells.summary["seg"]
    assert said.splitlines() == [f"{run.path}: SEG {seg:.3f}"]
    assert asked[0] is None, "the run's own decoder needs no new scores"
    assert asked[2] == "components"

    before = kept.read_text(encoding="utf-8")
    (row,) = benchmark("cells").load(kept)
    assert row.arm.target == "classes"
    assert {name: scores["seg"] for name, scores in row.scores.items()} == pytest.approx(
        dict.fromkeys(("tuned", "usual numbers", "without cuts"), seg), abs=1e-6
    )
    assert row.challenge == {name: whole[name] for name in ("det", "op_csb", "tra", "lnk")}, "of the network as tuned"
    run.path.with_name("run.score.json").unlink()
    assert run_benchmark("cells", kept, run.path) == said
    assert kept.read_text(encoding="utf-8") == before, "what was scored elsewhere stays"
