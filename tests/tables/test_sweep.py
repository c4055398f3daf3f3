"""The story of a sweep: cut anywhere, in shards, by two planners, with crashes; always the same table."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rehearsed_sweeps import AXES, TINY, CutError, Rehearsal, leave, planned, shared_runs, split_once

from cellprune import experiment
from cellprune.campaign.job import Job, Report
from cellprune.campaign.workers import Execute
from cellprune.config.resolve import ConfigError
from cellprune.config.sweep import Sweep
from cellprune.errors import CellpruneError
from cellprune.experiment.latency import Clock
from cellprune.machine.shard import Shard
from cellprune.runs.folder import Folder
from cellprune.runs.layer_times import LayerTimes, read
from cellprune.tables import page
from cellprune.tables.folder import LAYER_TIMES, SCORES, Failure, SweepFolder
from cellprune.tables.layer_times import of_sweep
from cellprune.tables.plan import Source, plan
from cellprune.tables.sweep import shortfall, summary, sweep
from cellprune.tables.work import Watch

TABLES = ("table.csv", "table.tex", "table.html")
N_TRIALS = 6
WIDE = [*TINY, "model.width=64", "pruning.granularity=channel"]  # so that fewer channels take less time


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write the numbers of a page without drawing it, which takes longer than all the rest."""
    monkeypatch.setattr(page, "write", lambda path, content: path.write_text(json.dumps(summary(content))))


@pytest.fixture(autouse=True)
def _opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "split_of", split_once)


def tables(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


@pytest.mark.usefixtures("undrawn")
def test_a_sweep_that_is_cut_at_every_point_gives_the_same_table_byte_for_byte(tmp_path: Path, data_root: Path) -> None:
    whole = planned()
    sweep(whole, shared_runs(tmp_path / "whole", data_root), execute=Rehearsal()())
    expected = tables(tmp_path / "whole/table")
    runs = shared_runs(tmp_path / "cut", data_root)
    for n_done in range(N_TRIALS - 1):
        with pytest.raises(CutError):
            sweep(whole, runs, execute=(cut := Rehearsal(cut_after=1))())
        assert cut.trained.total() == 1, f"what is finished is skipped, after {n_done}"
    content = sweep(whole, runs, execute=(rest := Rehearsal())())
    assert rest.trained.total() == 1
    assert (len(content.results), content.missing) == (N_TRIALS, [])
    assert tables(tmp_path / "cut/table") == expected
    assert content.command == ()


@pytest.mark.usefixtures("undrawn")
def test_shards_in_any_order_and_two_planners_give_the_table_of_one(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    trained = [Rehearsal() for _ in range(3)]
    contents = [sweep(whole, runs, shard=Shard(k, 3), execute=trained[k - 1]()) for k in (2, 3, 1)]
    assert [len(content.results) for content in contents] == [2, 4, N_TRIALS]
    assert sum((one.trained for one in trained), trained[0].trained - trained[0].trained).total() == N_TRIALS
    of_shards = tables(tmp_path / "table")
    other = shared_runs(tmp_path, data_root, output="other")
    sweep(whole, other, execute=(second := Rehearsal())())
    assert not second.trained, "the runs are shared"
    assert tables(tmp_path / "other") == of_shards


@pytest.mark.usefixtures("undrawn")
def test_a_crash_is_tried_once_more_then_listed_until_it_succeeds(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    once, twice, cut_off = (whole.name(whole.trials[k]) for k in (1, 2, 3))
    first = Rehearsal({once: ["no memory"], twice: ["NaN", "NaN again"], cut_off: ["hopeless: no path"] * 9})
    content = sweep(whole, runs, execute=first())
    assert [first.trained[name] for name in (once, twice, cut_off)] == [2, 2, 1]
    assert content.failures == {
        twice: Failure("crashed", "NaN again"), cut_off: Failure("hopeless", "hopeless: no path")
    }  # fmt: skip
    assert content.missing == []
    assert shortfall(content).startswith(f"1 run of 6 failed twice, first {twice} (NaN again): the page lists them")
    again = Rehearsal()
    content = sweep(whole, runs, execute=again())
    assert again.trained == {twice: 1}, "what cannot work is not tried again"
    assert content.failures.keys() == {cut_off}
    assert shortfall(content) == ""


@pytest.mark.usefixtures("undrawn")
def test_finished_runs_are_taken_whatever_they_are_called_if_their_hash_fits(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    mine, other, broken = (runs.job(whole.trials[k]) for k in (0, 1, 2))
    leave(mine, "u373-dense")
    changed = leave(other, "of-other-data")
    made = changed.read_provenance()
    changed.write_provenance(replace(made, data=replace(made.data, sha256="0" * 64)))
    leave(broken, "lost-its-scores").file("scores").unlink()
    (tmp_path / "runs/notes.txt").write_text("no run")
    rehearsal = Rehearsal()
    content = sweep(whole, runs, execute=rehearsal())
    assert rehearsal.trained.keys() == {whole.name(trial) for trial in whole.trials[1:]}
    assert content.results[0].folder.name == "u373-dense"
    assert "../runs/u373-dense\n" in (tmp_path / "table/table.csv").read_text()


def test_a_folder_of_another_plan_or_of_other_things_is_refused(tmp_path: Path) -> None:
    own, free = SweepFolder(tmp_path / "table", planned()), SweepFolder(tmp_path / "free", planned())
    free.require(resume=False)
    with own.locked():
        own.note({})
    own.require(resume=True)
    with pytest.raises(CellpruneError, match="holds a sweep: go on with it by --resume"):
        own.require(resume=False)
    wider = SweepFolder(own.path, planned(AXES.model_copy(update={"seeds": (0, 1, 2)})))
    with pytest.raises(CellpruneError, match=r"another plan \(axes.seeds: \[0, 1\] -> \[0, 1, 2\]\): give another"):
        wider.require(resume=True)
    (own.path / "letter.txt").write_text("mine")
    with pytest.raises(CellpruneError, match=r"holds 'letter\.txt', which no sweep writes"):
        own.require(resume=True)


@pytest.mark.parametrize(("axis", "told"), [("methods", "method_sha256"), ("models", "source_sha256")])
def test_a_folder_of_other_code_of_the_users_own_is_refused(tmp_path: Path, axis: str, told: str) -> None:
    def folder(code: str) -> SweepFolder:
        (tmp_path / "mine.py").write_text(f"def score(*arguments, **options):\n    return {code}\n")
        other = {"methods": "snip", "models": "unet"}[axis]
        axes = AXES.model_copy(update={axis: (other, f"{tmp_path / 'mine.py'}:score"), "controls": ("shuffle",)})
        return SweepFolder(tmp_path / "table", planned(axes))

    with (first := folder("{}")).locked():
        first.note({})
    folder("{}").require(resume=True)
    with pytest.raises(CellpruneError, match=rf"another plan .*{told}.mine.py:score: \w+ -> \w+"):
        folder("dict()").require(resume=True)


def test_the_page_leads_to_every_run_and_tells_what_is_missing(tmp_path: Path, data_root: Path) -> None:
    whole, runs = planned(), shared_runs(tmp_path, data_root)
    lost = whole.name(whole.trials[-1])
    (tmp_path / "table" / SCORES).mkdir(parents=True)
    content = sweep(
        whole, runs, execute=Rehearsal({lost: ["<b>NaN</b>", "<b>NaN</b>"]})(), command=("cellprune", "sweep")
    )
    html = (tmp_path / "table/table.html").read_text()
    links = set(re.findall(r'<a href="([^"]+)"', html))
    assert len(links) == N_TRIALS - 1
    assert all(Folder((tmp_path / "table" / link).parent).finished for link in links)
    dots = re.findall(r'<a xlink:href="([^"]+)"', html)
    assert set(dots) < links, "those of the dense network are a line"
    assert "&lt;b&gt;NaN&lt;/b&gt;" in html
    assert "<b>NaN</b>" not in html
    assert "5 of 6" in html
    assert "2 of 2 seeds" in html
    assert not (tmp_path / "table" / SCORES).exists()
    assert summary(content)["finished"] == N_TRIALS - 1


@pytest.mark.usefixtures("undrawn")
def test_all_runs_decide_by_times_of_layers_that_were_taken_once(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Clock, "layer", lambda clock, shape: 0.5 + shape.inputs * shape.outputs / 100)
    monkeypatch.setattr(Clock, "pass_of", lambda *_: None)
    axes = Sweep(methods=("magnitude",), budgets=("latency=0.5", "macs=0.5"), seeds=("0:2",))
    whole = plan(axes, Source(assignments=WIDE))
    runs, told, given = shared_runs(tmp_path, data_root, whole), list[str](), list[tuple[str, LayerTimes | None]]()

    class Hearing(Watch):
        def timed(self, done: int, total: int) -> None:
            told.append(f"{done} of {total}")

    @contextmanager
    def workers() -> Iterator[Execute]:
        def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
            for job in jobs:
                given.append((job.name, job.times))
                yield job, Report("hopeless", reason="no run is left")

        yield execute

    sweep(whole, runs, execute=workers(), watch=Hearing())
    kept = read(tmp_path / "table" / LAYER_TIMES)
    assert {times == (kept if "latency" in name else None) for name, times in given} == {True}
    assert len(given) == len(whole.trials)
    assert told[0].startswith("0 of ")
    monkeypatch.setattr(Clock, "layer", lambda *_: pytest.fail("timed anew"))
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "of another machine"))
    assert of_sweep(whole, runs.workspace, tmp_path / "table" / LAYER_TIMES) == kept
    assert of_sweep(planned(), runs.workspace, tmp_path / "none") is None


@pytest.mark.usefixtures("undrawn")
def test_a_budget_in_time_below_the_smallest_network_is_named_and_nothing_is_written(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Clock, "layer", lambda clock, shape: 0.5 + shape.inputs * shape.outputs / 100)
    monkeypatch.setattr(Clock, "pass_of", lambda *_: None)
    axes = Sweep(methods=("magnitude", "flat"), budgets=("latency=0.001", "latency=0.95", "macs=0.5"))
    whole = plan(axes, Source(assignments=WIDE))
    said = r"^2 of 7 combinations .*: magnitude latency=0.001: the smallest .* ms\).*; flat latency=0.001: .* ms: give"
    with pytest.raises(ConfigError, match=said):
        sweep(whole, shared_runs(tmp_path, data_root, whole), execute=Rehearsal()())
    assert not (tmp_path / "table").exists()
