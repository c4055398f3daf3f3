"""The question of a search: its error, and what of it one journal is about."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from simulated_searches import ASKED, question

from cellprune.config.load import load
from cellprune.errors import CellpruneError
from cellprune.search.journal import Journal
from cellprune.search.judge.grid import grid
from cellprune.search.question import Workspace, ask

OUTPUT = Path("search")


def test_each_look_has_half_the_error_of_the_one_before() -> None:
    asked = question(OUTPUT)
    assert [asked.alpha(look) for look in (1, 2, 3)] == pytest.approx([0.05, 0.025, 0.0125])
    strict = question(OUTPUT, ASKED.model_copy(update={"confidence": 0.99}))
    assert strict.alpha(1) == pytest.approx(0.01)


def test_there_is_one_fold_where_none_are_asked() -> None:
    assert question(OUTPUT).n_folds == 1
    assert question(OUTPUT, ASKED.model_copy(update={"cv": 4})).n_folds == 4


@pytest.mark.parametrize(
    ("change", "same"),
    [({"margin": 0.001}, True), ({"seeds": 9}, True), ({"low": 0.7}, True), ({"controls": True}, True),
     ({"confidence": 0.9}, False), ({"unit": "macs"}, False), ({"cv": 3}, False), ({"score": "seg"}, False)],
)  # fmt: skip
def test_what_may_be_asked_anew_is_no_part_of_a_journals_identity(change: dict, same: bool) -> None:
    ours, other = question(OUTPUT).identity, question(OUTPUT, ASKED.model_copy(update=change)).identity
    assert (ours == other) == same
    assert (ours.digest == other.digest) == same
    assert bool(ours.changes(other)) != same


def test_a_search_that_names_no_score_is_about_the_overlap_of_pixels() -> None:
    ours, other = question(OUTPUT).identity, question(OUTPUT, ASKED.model_copy(update={"score": "seg"})).identity
    assert "score" not in ours.search, "so that older searches keep their hash"
    assert ours.changes(other) == ["search.score: iou -> seg"]


def test_a_trials_own_settings_are_no_part_of_it_and_the_data_are() -> None:
    asked = question(OUTPUT)
    assert "seed" not in asked.identity.settings
    assert "ratio" not in asked.identity.settings["pruning"]
    moved = replace(asked, frames=replace(asked.frames, sha256="e" * 64))
    assert moved.identity.changes(asked.identity) == ["data: other files"]


def test_a_search_by_cost_is_about_the_size_of_its_blocks_and_older_ones_were_about_single_channels() -> None:
    asked = question(OUTPUT, ASKED.model_copy(update={"unit": "macs"}))
    blocks, single = (
        replace(asked, settings=load(assignments=["pruning.ratio=0.6", "pruning.granularity=channel", *more])).identity
        for more in ([], ["pruning.round_to=1"])
    )
    assert "round_to" not in single.settings["pruning"], "as older journals say it"
    assert blocks.changes(single) == ["settings.pruning.round_to: auto -> 1"]
    assert blocks.digest != single.digest


def test_a_search_without_a_place_is_named_by_what_it_asks(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(assignments=["pruning.ratio=0.5", "pruning.method=snip"])
    first = ask(settings, ASKED, Workspace(data_root=data_root))
    assert first.output.parent == Path("searches")
    assert first.output.name.startswith("simulated_unet_snip_weights_")
    assert first.output.name.endswith(first.identity.digest[:8])
    assert (
        ask(settings, ASKED.model_copy(update={"margin": 0.001}), Workspace(data_root=data_root)).output == first.output
    )
    by_cells = ask(settings, ASKED.model_copy(update={"score": "seg"}), Workspace(data_root=data_root))
    assert by_cells.output.name.startswith("simulated_unet_snip_weights_seg_")
    other = load(assignments=["pruning.ratio=0.5", "pruning.method=snip", "training.epochs=3"])
    assert ask(other, ASKED, Workspace(data_root=data_root)).output != first.output
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_a_folder_that_may_not_be_written_is_refused_by_its_flag(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(assignments=["pruning.ratio=0.5", "pruning.method=snip"])
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    for where, flag in (({"runs": tmp_path / "a" / "b"}, "--runs"), ({"output": tmp_path / "c"}, "--output")):
        workspace = Workspace(**({"runs": Path("/runs"), "data_root": data_root} | where))
        with pytest.raises(CellpruneError, match=f"^{flag} .*: no permission to write in {tmp_path}: give another"):
            ask(settings, ASKED, workspace)


def test_runs_in_the_folder_of_the_search_are_refused(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(assignments=["pruning.ratio=0.5", "pruning.method=snip"])
    with pytest.raises(CellpruneError, match="--runs out/runs lies in --output out, which holds a search and nothing"):
        ask(settings, ASKED, Workspace(Path("out/runs"), Path("out"), data_root))
    assert not list(tmp_path.iterdir())


TINY = ["model.width=4", "model.depth=1", "data.size=[32, 32]"]


def test_a_search_by_cost_removes_single_channels_where_blocks_reach_too_little(data_root: Path) -> None:
    by_channel = ["model.width=8", "pruning.ratio=0.5", "pruning.granularity=channel", "pruning.method=snip"]
    settings = load(assignments=[*TINY, *by_channel])
    assert settings.pruning.round_to == "auto"
    asked = ask(settings, ASKED.model_copy(update={"unit": "macs"}), Workspace(data_root=data_root))
    assert asked.settings.pruning.round_to == 1
    assert "round_to" not in asked.identity.settings["pruning"], "so an older journal is of the same search"


def test_a_search_that_goes_on_has_the_grid_that_it_began_with(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(assignments=[*TINY, "pruning={method: flat, budget: macs=0.4}"])
    workspace = Workspace(runs=tmp_path / "runs", output=tmp_path / "search", data_root=data_root, resume=True)
    search = ASKED.model_copy(update={"unit": "macs"})
    asked = ask(settings, search, workspace)
    assert "budget" not in asked.identity.settings["pruning"], "it is a trial's"
    assert set(asked.grid) < set(grid(ASKED.low, ASKED.high)), "one for each flat network"
    given = asked.output, asked.identity, search, asked.grid[1:]
    with Journal.locked(*given, resume=True, runs=workspace.runs):
        assert ask(settings, search, workspace).grid == asked.grid[1:]
    wider = search.model_copy(update={"high": 0.98})
    assert set(ask(settings, wider, workspace).grid) >= set(asked.grid)


@pytest.mark.parametrize("unit", ["weights", "channels"])
def test_a_dense_family_counts_what_its_networks_cost(unit: str, data_root: Path) -> None:
    settings = load(assignments=[*TINY, "pruning={method: flat, budget: macs=0.5}"])
    search = ASKED.model_copy(update={"unit": unit})
    said = f"^--unit {unit} counts {unit}, but --method flat removes none, it makes dense networks: give --unit macs"
    with pytest.raises(CellpruneError, match=said):
        ask(settings, search, Workspace(data_root=data_root))
