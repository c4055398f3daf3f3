"""Runs of controls by their command: what stands in a pruned network's place, and what says so."""

import json
import re
from pathlib import Path

import pytest
import torch
from command_line import typed
from stopping import Stop

import cellprune
from cellprune import experiment
from cellprune.cli.train import _summarize
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.experiment import choose, settling
from cellprune.pruning.connectivity import CutOffError
from cellprune.report.formatting import count
from cellprune.runs import maskfile
from cellprune.runs.folder import Folder
from cellprune.training.fit import Stopped

pytestmark = pytest.mark.usefixtures("figures_left_empty")

TINY = ["data.size=[32, 32]", "data.target=classes", "model.width=4", "model.depth=1", "training.epochs=2"]
SNIP = ["pruning.batch_size=4", "pruning.method=snip", "pruning.ratio=0.6"]


def leave(*more: str) -> int:
    return typed("train", *(word for assignment in TINY for word in ("--set", assignment)), *more)


@pytest.mark.slow
def test_a_small_dense_network_is_trained_in_the_masks_place_and_goes_on(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(assignments=[*TINY, *SNIP, "pruning.control=narrow-macs"])
    runtime = Runtime(runs=tmp_path, data_root=data_root, resume=True)
    with pytest.raises(Stopped):
        experiment.run(settings, [Stop()], runtime=runtime)
    [cut] = map(Folder, tmp_path.iterdir())
    assert not cut.has("cost"), "it is written once, at the end"
    monkeypatch.setattr(choose, "masks", None)  # chosen once
    folder = experiment.run(settings, runtime=runtime)
    assert folder.path.name.startswith("simulated_unet_snip-narrow-macs-0.6_s0_")
    assert not folder.has("masks")
    found, told = folder.read_cost(), folder.read_cost().control
    assert told.achieved == found.macs.dense == found.macs.masked <= told.target
    assert found.parameters.kept == found.parameters.prunable
    assert told.whole.widths == (4, 8)
    assert found.milliseconds.whole > 0
    assert found.bytes.whole_fp32 > found.bytes.dense_fp32
    assert folder.read_provenance().control == told
    network = cellprune.load(folder.path)
    assert network.widths == told.widths != (4, 8)
    with torch.no_grad():
        assert network(torch.randn(1, 1, 32, 32)).shape == (1, 2, 32, 32)
    page = folder.file("report").read_text(encoding="utf-8")
    for said in ("control: narrow-macs", "in the place of snip", f"widths {'-'.join(map(str, told.widths))}"):
        assert said in page
    capsys.readouterr()
    _summarize(folder)
    told_of = re.search(r"The masks leave (.+); this network, widths (.+), has (.+) of that\.", capsys.readouterr().out)
    assert told_of, "target and achieved, at the terminal"
    assert told_of[2] == "-".join(map(str, told.widths))


@pytest.mark.slow
def test_a_dense_family_is_trained_at_a_budget_like_any_method(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Widths and seed make the same network, whether a family or the model's own widths say them."""
    runtime = Runtime(runs=tmp_path, data_root=data_root)
    once = [*TINY, "training.epochs=1"]
    folder = experiment.run(load(assignments=[*once, "pruning={method: flat, budget: macs=0.4}"]), runtime=runtime)
    assert folder.path.name.startswith("simulated_unet_flat-0.4-macs-kept_s0_")
    cost = folder.read_cost()
    told = cost.control
    assert told.achieved == cost.macs.dense <= told.target == int(0.4 * told.whole.macs)
    assert (cost.budget, folder.has("masks"), folder.finished) == (None, False, True)
    page = folder.file("report").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "flat, a dense network within 40 % of the multiply-adds" in page
    assert f"this network, width {told.widths[0]} at every level, has " in page
    assert "runed network" not in page
    _summarize(folder)
    said = capsys.readouterr().out.replace("\u00a0", " ")
    assert f"The budget is {count(told.target)} multiply-adds per image; this".replace("\u00a0", " ") in said
    by_width = experiment.run(load(assignments=[*once, f"model.widths={[*told.widths]}"]), runtime=runtime)
    for name, value in cellprune.load(by_width.path).state_dict().items():
        assert torch.equal(value, cellprune.load(folder.path).state_dict()[name]), name


@pytest.mark.slow
def test_it_costs_what_given_masks_leave(tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pruned, flat = tmp_path / "pruned", tmp_path / "flat"
    given = ["--data-root", str(data_root), "--epochs", "1", "-o"]
    assert leave(*given, str(pruned), "--method", "random", "--prune", "0.5", "--granularity", "channel") == 0
    assert leave(*given, str(flat), "--masks", str(pruned), "--control", "flat-params") == 0
    removed = sum(int((~mask).sum()) for mask in Folder(pruned).read_masks().values())
    told = Folder(flat).read_cost().control
    assert told.target == Folder(pruned).read_cost().parameters.total - removed
    assert len(set(told.widths)) == 1
    assert typed("report", pruned, flat, "-o", tmp_path / "page.html", "--json") == 0
    runs = json.loads(capsys.readouterr().out.splitlines()[-1])["groups"][0]["runs"]
    assert [run["cost"]["parameters_dense"] for run in runs] == 2 * [told.whole.parameters]


@pytest.mark.slow
def test_it_is_trained_where_masks_of_its_size_would_cut_the_network(tmp_path: Path, data_root: Path) -> None:
    runtime = Runtime(runs=tmp_path, data_root=data_root)
    random = [*TINY, "pruning.method=random", "pruning.ratio=0.9"]
    with pytest.raises(CutOffError):
        experiment.run(load(assignments=random), runtime=runtime)
    folder = experiment.run(load(assignments=[*random, "pruning.control=narrow-params"]), runtime=runtime)
    told = folder.read_cost().control
    assert told.achieved <= told.target < told.whole.parameters


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--method", "lottery", "--prune", "0.5"], "has none: train it"),
        ([], "nothing is pruned"),
    ],
)
def test_what_has_no_masks_before_training_has_no_such_control(
    more: list[str], said: str, tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("--data-root", str(data_root), "-o", str(tmp_path / "run"), "--control", "flat-macs", *more) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_prune_chooses_masks_and_no_network(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["prune", *(word for a in [*TINY, *SNIP] for word in ("--set", a)), "--control", "narrow-params"]
    assert typed(*words, "--data-root", data_root, "-o", tmp_path / "masks.safetensors") == 2
    assert "changes no masks" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_given_masks_say_what_they_are_of_and_what_it_took_to_find_them(tmp_path: Path, data_root: Path) -> None:
    learned, again, channels = (tmp_path / name for name in ("learned", "again", "channels"))
    given = ["--data-root", str(data_root), "--epochs", "1", "-o"]
    assert leave(*given, str(learned), "--method", "lottery", "--prune", "0.2") == 0
    assert leave(*given, str(again), "--masks", str(learned), "--control", "reinit") == 0
    assert [Folder(run).read_provenance().epochs for run in (learned, again)] == [2, 3]
    page = Folder(again).file("report").read_text(encoding="utf-8")
    assert "19.98 % of the weights removed by masks that were there before" in page.replace("\u00a0", " ")
    assert "3 epochs in all, including the 2 of the trainings that chose the masks" in page

    assert leave(*given, str(channels), "--method", "random", "--prune", "0.5", "--granularity", "channel") == 0
    resolved = settling.with_masks_told(load(assignments=[*TINY, f"pruning.masks={channels}"]))
    cost = Folder(channels).read_cost()
    assert resolved.pruning.ratio == pytest.approx(cost.sparsity.direct), "of weights, without biases and norms"


@pytest.mark.slow
def test_channels_are_shuffled_whole_whether_chosen_or_given(tmp_path: Path, data_root: Path) -> None:
    by_channel = [*TINY, *SNIP, "pruning.granularity=channel"]
    runtime = Runtime(data_root=data_root)
    _, masks, _ = experiment.choose_masks(load(assignments=by_channel), runtime=runtime)
    maskfile.write(tmp_path / "masks.safetensors", {name: mask.numpy() for name, mask in masks.items()})
    given = [*TINY, f"pruning.masks={tmp_path / 'masks.safetensors'}", "pruning.control=shuffle"]
    _, shuffled, _ = experiment.choose_masks(
        load(assignments=[*by_channel, "pruning.control=shuffle"]), runtime=runtime
    )
    _, again, _ = experiment.choose_masks(load(assignments=given), runtime=runtime)
    assert any(not torch.equal(shuffled[name], mask) for name, mask in masks.items())
    for name, mask in masks.items():
        assert int(shuffled[name].sum()) == int(mask.sum())
        assert torch.equal(shuffled[name], again[name])
