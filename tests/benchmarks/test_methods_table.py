"""The table of methods is made from the runs' files, and again from what is kept of them: best first, over seeds."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from finished_run import edited

from cellprune.runs.folder import Folder

Table = Callable[..., list[list[str]]]


@pytest.fixture
def table(run_benchmark: Callable[..., str]) -> Table:
    def run(*arguments: Path | str) -> list[list[str]]:
        return [line.strip("| ").split(" | ") for line in run_benchmark("methods", *arguments).splitlines()]

    return run


def _iou(run: Folder) -> float:
    return float(run.read_scores().summary["iou_image_mean"]["network"])


def test_runs_become_a_table_and_a_picture_that_outlive_them(
    make_run: Callable[..., Folder], table: Table, tmp_path: Path
) -> None:
    dense, pruned = make_run("a-dense", ratio=0), make_run("b-pruned")
    kept, picture = tmp_path / "kept" / "u373.json", tmp_path / "pictures" / "methods.svg"
    heading, _, *rows = table(kept, dense.path, pruned.path, "--picture", picture)
    assert heading[:4] == ["network", "seeds", "IoU", "minus unpruned"]
    found = {row[0]: row[1:4] for row in rows}
    assert found["unpruned"] == ["1", f"{_iou(dense):.4f}", ""]
    assert found["prospr 97\u00a0%"] == ["1", f"{_iou(pruned):.4f}", f"{_iou(pruned) - _iou(dense):+.4f}"]
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<")

    before = kept.read_text(encoding="utf-8")
    for run in (dense, pruned):
        shutil.rmtree(run.path)
    assert table(kept)[2:] == rows
    assert kept.read_text(encoding="utf-8") == before


def test_no_seconds_of_two_runs_stand_in_one_column(
    make_run: Callable[..., Folder], table: Table, tmp_path: Path
) -> None:
    """Runs are measured at different loads: only the times of one run are set beside each other."""
    run = make_run("run")
    run.write_provenance(replace(run.read_provenance(), times={"scoring_s": 30.0, "training_s": 120.0}))
    heading, _, row = table(tmp_path / "kept.json", run.path)
    assert dict(zip(heading, row, strict=True))["scoring, of its training"] == "25 %"
    assert not any(cell.endswith((" s", " ms")) for cell in row)
    for page in (Path(__file__).parents[2] / "docs" / "results").glob("*.md"):
        headings = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| network |")]
        assert not any("| training | scoring |" in line for line in headings), page.name


def test_a_second_seed_is_set_beside_the_first_with_an_interval(
    make_run: Callable[..., Folder], table: Table, tmp_path: Path
) -> None:
    runs = [make_run(f"{ratio}-{seed}", ratio=ratio, seed=seed) for ratio in (0, 0.97) for seed in (0, 1)]
    kept = tmp_path / "kept.json"
    table(kept, *(run.path for run in runs[::2]))
    rows = {row[0]: row[1:4] for row in table(kept, *(run.path for run in runs[1::2]))[2:]}
    assert [rows[network][0] for network in ("unpruned", "prospr 97\u00a0%")] == ["2", "2"]
    assert " to " in rows["prospr 97\u00a0%"][2]
    assert len(kept.read_text(encoding="utf-8").splitlines()) == 2 + 4


PRUNINGS: dict[str, dict[str, object]] = {
    "prospr 90\u00a0%, order first": {"method": "prospr", "ratio": 0.9, "order": "first"},
    "synflow 90\u00a0%": {"method": "synflow", "ratio": 0.9, "rounds": 100},
    "synflow 90\u00a0%, rounds 7": {"method": "synflow", "ratio": 0.9, "rounds": 7},
    "snip shuffle 90\u00a0%": {"method": "snip", "ratio": 0.9, "control": "shuffle"},
    "snip channels macs=0.1 kept": {"method": "snip", "budget": "macs=0.1", "granularity": "channel"},
    "given flat-macs 90\u00a0%": {"method": "given", "masks": "gone", "ratio": 0.9, "control": "flat-macs"},
}


def test_a_network_is_named_by_what_sets_it_apart(
    make_run: Callable[..., Folder], table: Table, tmp_path: Path
) -> None:
    runs = [make_run(f"run-{number}") for number in range(len(PRUNINGS))]
    for run, pruning in zip(runs, PRUNINGS.values(), strict=True):
        with edited(run, "config") as config:
            config["pruning"] = pruning
    rows = table(tmp_path / "kept.json", *(run.path for run in runs))
    assert {row[0] for row in rows[2:]} == set(PRUNINGS)


def test_masks_of_a_run_are_named_after_its_method(
    make_run: Callable[..., Folder], table: Table, tmp_path: Path
) -> None:
    source, run = make_run("source"), make_run("run")
    given = {"method": "given", "masks": str(source.path), "ratio": 0.97, "control": "shuffle"}
    with edited(run, "config") as config:
        config["pruning"] = given
    assert table(tmp_path / "kept.json", run.path)[2][0] == "prospr shuffle 97\u00a0%"
