"""Runs that are pruned to a share of their milliseconds, on made-up machines whose times are known, and on this."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import typed

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.errors import CellpruneError
from cellprune.experiment import choose, latency
from cellprune.experiment.latency import Clock
from cellprune.experiment.opening import open_data, set_up
from cellprune.experiment.settling import settled
from cellprune.models import build
from cellprune.runs.folder import Folder
from cellprune.runs.layer_times import digest, read
from cellprune.structure.in_turn import InTurn
from cellprune.structure.layer_shapes import LayerShape
from cellprune.training.accelerator import start

pytestmark = pytest.mark.usefixtures("figures_left_empty")

TINY = ["data.size=[32, 32]", "model.widths=[16, 32]", "model.depth=1", "training.epochs=1", "pruning.method=magnitude",
        "pruning.granularity=channel", "pruning.round_to=8"]  # fmt: skip
HALF = [*TINY, "pruning.budget=latency=0.5"]


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def kill(*_: object) -> None:
    raise Killed


@pytest.fixture(autouse=True)
def timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LayerShape]:
    """A machine of known times, with a cache of its own; the layers that were timed on it."""
    shapes: list[LayerShape] = []

    def layer(clock: Clock, shape: LayerShape) -> float:
        shapes.append(shape)
        return 0.5 + shape.inputs * shape.outputs / 100

    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Clock, "layer", layer)
    monkeypatch.setattr(Clock, "networks", lambda clock, networks, inputs: InTurn({"dense": 40.0, "made": 24.0}, 9))
    return shapes


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING, "cellprune"):
        yield caplog


def train(output: Path, data_root: Path, *more: str) -> Folder:
    runtime = Runtime(output=output, data_root=data_root, resume=True)
    return experiment.run(load(assignments=[*HALF, *more]), runtime=runtime)


@pytest.mark.slow
def test_a_resume_on_another_machine_decides_by_the_times_that_the_run_began_with(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, masks, _ = experiment.choose_masks(load(assignments=HALF), runtime=Runtime(data_root=data_root))
    with monkeypatch.context() as patched:
        patched.setattr(choose, "masks", kill)
        with pytest.raises(Killed):
            train(tmp_path / "run", data_root)
    cut = Folder(tmp_path / "run")
    assert not cut.has("masks")
    times = cut.read_layer_times()
    assert len(times.milliseconds) > 20, "written before anything is scored"
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(Clock, "layer", lambda clock, shape: 1.0)
    with monkeypatch.context() as patched:
        patched.setattr(choose, "masks", kill)
        with pytest.raises(Killed):  # as a sweep begins a run
            experiment.run(
                load(assignments=HALF), runtime=Runtime(output=tmp_path / "given", data_root=data_root), times=times
            )
    assert Folder(tmp_path / "given").read_layer_times() == times
    run = train(tmp_path / "run", data_root)
    assert run.read_layer_times() == times
    assert all((mask == masks[name].numpy()).all() for name, mask in run.read_masks().items())
    found = run.read_cost()
    assert found.budget.unit == "latency"
    assert found.budget.kept <= found.budget.allowed == found.budget.dense // 2
    assert found.budget.achieved == found.budget.kept / found.budget.dense > 0.4
    assert found.latency.share == 0.6
    assert (found.latency.timed_in.engine, found.latency.passes) == ("onnx", 9)
    page = run.file("report").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "asked: 50 %); timed as a whole, the network takes 24.0 ms of 40.0 ms (60 %) in onnx" in page
    assert "50 % of the milliseconds in onnx kept, by channel" in page


def test_layers_are_timed_once_on_a_machine(
    tmp_path: Path,
    data_root: Path,
    timed: list[LayerShape],
    heard: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accelerator = start("cpu")
    setup = set_up(open_data(settled(load(assignments=HALF), accelerator.device), data_root), accelerator)
    first, stored = latency.timed(setup)
    assert len(timed) == len({shape.key for shape in timed}) == len(first.table.entries) > 20
    [kept] = (tmp_path / "cache" / "layers").glob("*.json")
    timed.clear()
    again, of_cache = latency.timed(setup)
    assert again.table.entries == first.table.entries
    assert of_cache == stored
    assert latency.timed(setup, stored)[0].table.entries == first.table.entries
    assert not timed
    kept.write_text(kept.read_text().replace("0.5", "-0.5"))
    assert not heard.messages
    assert latency.timed(setup)[1] == stored
    assert len(timed) == len(stored.milliseconds)
    assert heard.messages == [f"{kept} is damaged, so the layers are timed anew"]
    assert read(kept) == stored
    monkeypatch.setenv("CELLPRUNE_CACHE", str(kept))  # no folder, so nothing can be kept in it
    assert latency.timed(setup)[1] == stored
    assert heard.messages[-1].startswith("the times of layers are not kept for later runs: could not write")


def test_a_training_of_a_search_decides_by_the_searchs_times_alone(
    tmp_path: Path, data_root: Path, timed: list[LayerShape]
) -> None:
    accelerator = start("cpu")
    opened = open_data(settled(load(assignments=HALF), accelerator.device), data_root)
    setup, times = latency.timed(set_up(opened, accelerator))
    elsewhere = replace(times, timed_in=replace(times.timed_in, processor="another processor"))
    pruning = opened.settings.pruning.model_copy(update={"layer_times_sha256": digest(elsewhere)})
    given = replace(setup, opened=replace(opened, settings=opened.settings.model_copy(update={"pruning": pruning})))
    timed.clear()
    for wrong in (None, times):
        with pytest.raises(CellpruneError, match=r"names the times of layers of a search, which are not here: go on"):
            latency.timed(given, wrong)
    decides, stored = latency.timed(given, elsewhere)
    assert stored == elsewhere
    unknown = LayerShape.of(torch.nn.Conv2d(3, 5, 3), torch.zeros(1, 3, 9, 9))
    with pytest.raises(AssertionError, match="was timed before the first training"):
        decides.table.nanoseconds(unknown, 3, 5)
    assert not timed
    clock = Clock.of(opened.settings, torch.device("cpu"))
    decides.table.entries["a layer that only they know"] = 1.0
    assert "a layer that only they know" in latency.kept(clock, decides.table, elsewhere).milliseconds
    (cache,) = (tmp_path / "cache" / "layers").glob("*.json")
    assert "a layer that only they know" not in read(cache).milliseconds, "times of another machine are not this one's"


def test_a_budget_below_the_smallest_network_leaves_nothing_behind(tmp_path: Path, data_root: Path) -> None:
    with pytest.raises(CellpruneError, match=r"of the dense network \([\d.]+ of [\d.]+ ms\): give a budget above that"):
        experiment.run(
            load(assignments=[*TINY, "pruning.budget=latency=0.01"]),
            runtime=Runtime(output=tmp_path / "run", data_root=data_root),
        )
    assert not (tmp_path / "run").exists()


def test_an_engine_that_is_not_installed_is_named_before_anything_is_written(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "find_spec", lambda package: None)
    with pytest.raises(CellpruneError, match=r"--engine openvino needs openvino, .* 'cellprune\[openvino\]'"):
        train(tmp_path / "run", data_root, "pruning.engine=openvino")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_flat_network_fills_its_budget_and_no_mask_is_made_for_it(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(choose, "masks")
    words = [word for assignment in TINY for word in ("--set", assignment)]
    run = tmp_path / "run"
    amount = ("--budget", "latency=0.5", "--control", "flat-latency", "--data-root", data_root, "-o", run)
    assert typed("train", *words, *amount) == 0
    told = Folder(run).read_cost().control
    assert (told.shape, told.unit) == ("flat", "latency")
    assert told.of_budget
    assert 0.4 * told.target < told.achieved <= told.target
    assert Folder(run).has("layer_times")
    assert "Timed as a whole, the network takes 24.0 ms of 40.0 ms" in capsys.readouterr().out.replace("\u00a0", " ")
    page = Folder(run).file("report").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "costs no more than the budget. The budget is" in page
    assert "ms by the times of layers; this network, width" in page


@pytest.mark.parametrize("engine", ["onnx", "openvino", "torch"])
def test_every_engine_times_layers_and_networks(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(latency, "_LEAST_S", 0)
    clock = Clock(engine, torch.device("cpu"))
    shape = LayerShape.of(torch.nn.ConvTranspose2d(3, 5, 2, stride=2), torch.zeros(1, 3, 9, 9))
    assert clock.layer(shape) > 0
    network = build({"name": "unet", "widths": [2, 3]}).train()
    took = clock.networks({"one": network, "two": network}, torch.randn(1, 1, 20, 24))
    assert min(took.milliseconds.values()) > 0
    assert network.training
    assert network.head.weight.requires_grad
    assert clock.timed_in.engine == engine
