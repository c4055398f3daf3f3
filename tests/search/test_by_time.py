"""Searches of milliseconds, on made-up machines of known times: timed once, and decided by the same ever after."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from simulated_searches import ASKED, Cut, Rehearsal, lasting

from cellprune.config import load as config
from cellprune.config.load import load
from cellprune.controls import families
from cellprune.controls.families import Sizing
from cellprune.errors import CellpruneError
from cellprune.experiment import latency
from cellprune.experiment.latency import Clock, table_of
from cellprune.machine import processor
from cellprune.pruning.prune import fulfil
from cellprune.pruning.ranking.latency import NS
from cellprune.runs import layer_times
from cellprune.search.judge.trial import REFERENCE, Trial
from cellprune.search.opening import JOURNAL
from cellprune.search.question import Question, Watch, Workspace, ask
from cellprune.search.reach import whole_network
from cellprune.search.run import search_max_ratio
from cellprune.search.tell.answer import Answer
from cellprune.search.trainings import job_of
from cellprune.structure.layer_shapes import LayerShape, shapes_of_layers
from cellprune.structure.layers import weighted_layers

pytestmark = pytest.mark.usefixtures("undrawn")
TINY = ["data.size=[32, 32]", "model.widths=[32, 64]", "model.depth=1", "training.epochs=1"]
BY_CHANNEL = [*TINY, "pruning={method: random, granularity: channel, budget: latency=0.5}"]
FLAT = [*TINY, "pruning={method: flat, budget: latency=0.5}"]
_NARROW = [*TINY, "pruning={method: narrow, budget: latency=0.5}"]
SEARCH = ASKED.model_copy(update={"unit": "latency", "low": 0.25, "high": 0.8, "margin": 0.04})


@pytest.fixture(autouse=True)
def timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LayerShape]:
    """A machine of known times, with a cache of its own; the layers that were timed on it."""
    shapes: list[LayerShape] = []

    def layer(clock: Clock, shape: LayerShape) -> float:
        shapes.append(shape)
        return 0.01 + shape.inputs * shape.outputs / 1000

    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Clock, "layer", layer)
    monkeypatch.setattr(Clock, "pass_of", lambda clock, network, inputs: None)  # it can be run, if it is installed
    return shapes


def asked(assignments: list[str], folder: Path, data_root: Path, **changes: object) -> Question:
    workspace = Workspace(folder.parent / "runs", folder, data_root, resume=True)
    return ask(load(assignments=assignments), SEARCH.model_copy(update=changes), workspace)


class Heard(Watch):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    "assignments",
    [pytest.param(BY_CHANNEL, marks=pytest.mark.slow), FLAT, pytest.param(_NARROW, marks=pytest.mark.slow)],
    ids=["blocks", "flat", "narrow"],
)
def test_all_that_a_training_can_ask_for_is_timed_before_the_first(
    assignments: list[str], tmp_path: Path, data_root: Path, timed: list[LayerShape]
) -> None:
    question = asked(assignments, tmp_path / "search", data_root)
    assert len(timed) == len(question.layer_times.milliseconds) > 8
    assert set(question.grid) <= {0.292893, 0.5, 0.646447, 0.75}
    timed.clear()
    table, workspace = table_of(None, question.layer_times), Workspace(tmp_path / "runs")
    whole, (architecture, size) = question.by_time.whole_ms * NS, whole_network(question.settings, data_root)
    for ratio in question.grid:
        job = job_of(Trial("search", ratio, 0), question, workspace)
        assert job.times == question.layer_times
        assert job.settings.pruning.layer_times_sha256 == layer_times.digest(job.times)
        request, network = job.settings.pruning.request(), architecture.build()
        if job.settings.pruning.stands_in:
            sizing = Sizing("latency", size, request.round_to, table)
            spent = families.within(request.method, architecture, request.share, sizing).achieved
        else:
            inputs = torch.randn(1, *size)
            masks = fulfil(network, request, batches=[(inputs, inputs)], table=table)
            spent = table.of_masks(weighted_layers(network), shapes_of_layers(network, size), masks)
        assert 0 < spent <= (1 - ratio) * whole
    assert not timed
    reference = job_of(Trial("search", REFERENCE, 0), question, workspace)
    assert (reference.times, reference.settings.pruning.method) == (None, "dense")


def test_a_search_that_goes_on_elsewhere_decides_by_the_times_it_began_with_and_says_so(
    tmp_path: Path, data_root: Path, timed: list[LayerShape], monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(folder: Path, rehearsal: Rehearsal, watch: Watch) -> Answer:
        workspace = Workspace(tmp_path / "runs", folder, data_root, resume=True)
        return search_max_ratio(asked(BY_CHANNEL, folder, data_root), workspace, execute=rehearsal(), watch=watch)

    whole, here = search(tmp_path / "whole", jobs := Rehearsal(), heard := Heard()), processor.name()
    assert not any("times of layers" in line for line in heard.lines)
    with pytest.raises(Cut):
        search(tmp_path / "cut", first := Rehearsal(dies_after=3), Watch())
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(Clock, "layer", lambda clock, shape: 0.02 + shape.inputs * shape.outputs / 1000)
    monkeypatch.setattr(processor, "name", lambda: "another processor")
    timed.clear()
    on = search(tmp_path / "cut", second := Rehearsal(), heard := Heard())
    assert lasting(on) == lasting(whole)
    assert first.trained + second.trained == jobs.trained
    tables = {layer_times.digest(job.times) for job in (first.jobs | second.jobs | jobs.jobs).values() if job.times}
    assert len(tables) == 1
    assert not timed
    [said] = [line for line in heard.lines if "times of layers" in line]
    onnx = f"onnx {version('onnxruntime')} on"
    assert said.startswith(f"the times of layers are those that the search began with, in {onnx} {here}, ")
    assert f"; here it would be {onnx} another processor, " in said
    assert on.timed_in.processor == here
    other = asked(BY_CHANNEL, tmp_path / "new", data_root)
    trial = Trial("search", other.grid[0], 0)
    ours, theirs = (job_of(trial, one, Workspace()) for one in (other, asked(BY_CHANNEL, tmp_path / "cut", data_root)))
    assert config.digest(ours.settings, {}) != config.digest(theirs.settings, {}), "other times, another run"


def test_the_engine_is_part_of_the_search_and_the_times_are_not(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = asked(BY_CHANNEL, tmp_path / "search", data_root)
    assert question.identity.settings["pruning"]["engine"] == "onnx"
    assert "layer_times_sha256" not in question.identity.settings["pruning"]
    single = replace(question, settings=load(assignments=[*BY_CHANNEL, "pruning.round_to=1"]))
    assert question.identity.changes(single.identity) == ["settings.pruning.round_to: auto -> 1"]
    search_max_ratio(question, Workspace(tmp_path / "runs", question.output), execute=Rehearsal()())
    with pytest.raises(CellpruneError, match=r"settings\.pruning\.engine: onnx -> torch"):
        asked([*BY_CHANNEL, "pruning.engine=torch"], tmp_path / "search", data_root)
    journal = question.output / JOURNAL
    content = json.loads(journal.read_text())
    assert content.pop("layer_times")["timed_in"]["engine"] == "onnx"
    journal.write_text(json.dumps(content))
    with pytest.raises(CellpruneError, match=r"has lost its times of layers: give another --output$"):
        asked(BY_CHANNEL, tmp_path / "search", data_root)


def test_what_cannot_be_reached_in_milliseconds_is_told(tmp_path: Path, data_root: Path) -> None:
    found = asked(BY_CHANNEL, tmp_path / "search", data_root, high=0.99)
    said = "in blocks of 16 channels the smallest network keeps 15.5 % of the milliseconds; --round-to 1 removes single"
    assert found.reach.limit.replace("\u00a0", " ").startswith(said)
    assert found.reach.limit.endswith(" channels, each of which takes about as long as a block")
    assert max(found.grid) == 0.823223
    single = asked([*BY_CHANNEL, "pruning.round_to=1"], tmp_path / "search", data_root, high=0.99)
    assert "one channel of each layer" in single.reach.limit
    assert max(single.grid) > 0.9
    with pytest.raises(
        CellpruneError,
        match=r"no ratio from 0\.9 on \(--low\) .*: the highest ratio is 0\.\d+, because in blocks of 16 channels",
    ):
        asked(BY_CHANNEL, tmp_path / "search", data_root, low=0.9, high=0.99)


def test_an_engine_that_is_not_installed_is_refused_before_any_layer(
    tmp_path: Path, data_root: Path, timed: list[LayerShape], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "find_spec", lambda package: None)
    with pytest.raises(CellpruneError, match=r"--engine onnx needs onnxruntime, which is not installed: "):
        asked(BY_CHANNEL, tmp_path / "search", data_root)
    assert not timed
