"""One run from end to end, by its command: the exact files, the masks that hold, the refusals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from command_line import typed
from finished_run import FILES
from stopping import Stop

import cellprune
from cellprune import experiment
from cellprune.config import names
from cellprune.config.load import load
from cellprune.config.schema import Runtime, Settings
from cellprune.errors import CellpruneError
from cellprune.experiment import story
from cellprune.experiment.evaluate import evaluate
from cellprune.runs import provenance
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import read_card
from cellprune.runs.tuning import Tried
from cellprune.targets.decoders import decoder_of
from cellprune.tasks.tuning import LEAST_CELLS
from cellprune.training.fit import Stopped, TrainingFailed

TINY = [
    "data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.batch_size=4", "training.epochs=3",
    "training.evaluate_every=2",
]  # fmt: skip


def words(output: Path, data_root: Path, *more: str) -> list[str]:
    settings = [word for assignment in TINY for word in ("--set", assignment)]
    return ["train", *settings, "--data-root", str(data_root), "-o", str(output), *more]


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Folder:
    output = tmp_path_factory.mktemp("pruned") / "run"
    settings = load(assignments=[*TINY, "pruning.ratio=0.8"])
    return experiment.run(settings, runtime=Runtime(output=output, data_root=data_root), command=["cellprune", "train"])


def test_a_run_leaves_exactly_its_files(pruned: Folder) -> None:
    assert {path.name for path in pruned.path.iterdir()} == FILES
    assert pruned.finished


def test_too_few_cells_to_tune_a_decoder_by_are_told_of(pruned: Folder) -> None:
    """A training so short allows one frame."""
    tuning, card = pruned.read_tuning(), read_card(pruned.read_model()[0], "the run")
    assert (tuning.before, tuning.frames) == (Tried(card.decoder, None), ())
    said = f"The decoder was not tuned: {tuning.skipped}. It stays border (seed 0.5, "
    assert re.fullmatch(r"1?\d cells in 1 frame are too few, 20 are needed \(`cellprune tune RUN` .*\)", tuning.skipped)
    assert said in pruned.log_path.read_text()
    assert "The decoder was not tuned: " in pruned.file("report").read_text()


@pytest.mark.slow
def test_a_dense_run_has_no_masks(tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "dense"
    assert typed(*words(output, data_root, "--json")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["run"] == str(output)
    assert 0 <= answer["scores"]["iou_image_mean"]["network"] <= 1
    assert {path.name for path in output.iterdir()} == FILES - {"masks.safetensors"}
    assert yaml.safe_load((output / "config.yaml").read_text())["pruning"] == {"method": "dense", "ratio": 0.0}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["border", "distance"])
def test_another_target_goes_all_the_way(
    target: str, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loss scores the weights, exactly, and trains; its card decodes, tuned, and its foreground is scored."""
    monkeypatch.setattr(story, "_TUNED_SHARE", 8)  # two frames
    given = {"seed": 0.31, "foreground": 0.05} | ({"depth": 0.0} if target == "border" else {})
    numbers = [f"decoder.{name}={number}" for name, number in given.items()]
    asked = [*TINY, "pruning.ratio=0.8", "training.epochs=1", f"data.target={target}", *numbers]
    folder = experiment.run(
        load(assignments=asked), runtime=Runtime(output=tmp_path / "run", data_root=data_root), command=["train"]
    )
    card = read_card(folder.read_model()[0], "the run")
    assert card.cells is not None
    tuning = folder.read_tuning()
    areas = [decoder_of(target, card.cells, {**given, "min_area_px": a * card.cells.area_px}) for a in (0.1, 0.2, 0.05)]
    assert [each.decoder for each in tuning.tried] == areas, "what is given stays"
    assert (len(tuning.frames), tuning.n_cells >= LEAST_CELLS, tuning.skipped) == (2, True, None)
    assert set(tuning.frames) <= {f"{entry.sequence}/{entry.frame:03d}" for entry in folder.read_split().parts["train"]}
    assert card.decoder == tuning.after.decoder
    assert tuning.after.seg == max(each.seg for each in tuning.tried)
    assert folder.read_provenance().times["tuning_s"] > 0
    assert folder.read_config()["training"]["loss"] == names.TARGETS[target].losses[0]
    assert {counted.name for image in folder.read_scores().images for counted in image.classes} == {
        "background",
        "cell",
    }
    again = evaluate(folder.path, part="all", data_root=data_root, device="cpu")
    ours = {image.id: image for image in folder.read_scores().images if image.size == "native"}
    assert ours.items() <= {image.id: image for image in again.images if image.size == "native"}.items()


def test_the_exact_count_is_pruned_and_stays_zero(pruned: Folder) -> None:
    masks = pruned.read_masks()
    n_prunable = sum(mask.size for mask in masks.values())
    n_kept = sum(int(mask.sum()) for mask in masks.values())
    assert n_kept == int(np.floor(0.2 * n_prunable + 0.5))
    _, weights, stored = pruned.read_model()
    for name, mask in masks.items():
        assert (stored[name] == mask).all()
        assert not weights[name][~mask].any()
        assert weights[name][mask].any() or not mask.any()


def test_the_model_file_loads_into_a_ready_network(pruned: Folder) -> None:
    network = cellprune.load(pruned.path)
    assert not network.training
    again = cellprune.load(pruned.file("model"))
    images = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(images), again(images))


def test_what_the_files_promise(pruned: Folder) -> None:
    scores, cost, split = pruned.read_scores(), pruned.read_cost(), pruned.read_split()
    held_out = {f"{entry.sequence}/{entry.frame:03d}" for entry in split.parts["report"]}
    assert {image.id for image in scores.images} == held_out
    assert {image.size for image in scores.images} == {"network", "native"}
    assert cost.parameters.kept == sum(int(m.sum()) for m in pruned.read_masks().values())
    assert cost.sparsity.effective >= cost.sparsity.direct
    assert cost.bytes.model_file == pruned.file("model").stat().st_size
    assert cost.milliseconds.dense > 0
    rows = pruned.read_metrics()
    assert [row.epoch for row in rows] == [1, 2, 3]
    assert [row.scores["iou_image_mean"] is None for row in rows] == [True, False, False]
    assert rows[-1].scores["iou_image_mean"] == scores.summary["iou_image_mean"]["network"]
    record = pruned.read_provenance()
    assert record.precision == "fp32"
    assert record.segments == {"segment": 3, "micro_batch": None}
    header, _, _ = pruned.read_model()
    assert len(header["zoom"]) == 2
    assert header["provenance_sha256"] == provenance.digest(record), "the model file names its run"


@pytest.mark.slow
def test_its_config_makes_the_same_run(pruned: Folder, tmp_path: Path, data_root: Path) -> None:
    settings = load(file=pruned.file("config"))
    again = experiment.run(settings, runtime=Runtime(output=tmp_path / "again", data_root=data_root))
    assert again.read_scores().summary == pruned.read_scores().summary
    assert again.file("masks").read_bytes() == pruned.file("masks").read_bytes()


@pytest.mark.slow
def test_the_default_name_says_what_ran(data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(assignments=[*TINY, "pruning.ratio=0.5", "pruning.method=snip", "training.epochs=1", "seed=2"])
    folder = experiment.run(settings, runtime=Runtime(data_root=data_root))
    assert folder.path.parent == Path("runs")
    assert folder.path.name.startswith("simulated_unet_snip-0.5_s2_")


@pytest.mark.slow
def test_a_run_with_frames_to_choose_on_never_scores_the_held_out(data_root: Path, tmp_path: Path) -> None:
    blind = "training.learning_rate=1.0e-9"
    settings = load(assignments=[*TINY, "training.epochs=1", "data.select=0.3", "data.fold=[1, 3]", blind])
    folder = experiment.run(settings, runtime=Runtime(runs=tmp_path, data_root=data_root))
    assert folder.path.parent == tmp_path
    scores, split = folder.read_scores(), folder.read_split()
    assert scores.part == "select"
    chosen_on = {f"{entry.sequence}/{entry.frame:03d}" for entry in split.parts["select"]}
    assert {image.id for image in scores.images} == chosen_on
    assert "the network learned nothing: its IoU" in folder.log_path.read_text(encoding="utf-8")
    assert "The network learned nothing: its IoU" in folder.file("report").read_text(encoding="utf-8")
    assert split.parts["report"]
    assert folder.read_metrics()[-1].scores["iou_image_mean"] == scores.summary["iou_image_mean"]["network"]
    assert load(file=folder.file("config")).data == settings.data
    page = folder.file("report").read_text(encoding="utf-8")
    assert f"Scored on {len(chosen_on)} frames that the network did not learn from, set apart to choose" in page
    assert "held-out image" not in page
    assert evaluate(folder.path, data_root=data_root) == scores
    held_out = evaluate(folder.path, part="report", data_root=data_root)
    assert {image.id for image in held_out.images} == {f"{f.sequence}/{f.frame:03d}" for f in split.parts["report"]}


def test_a_fold_that_is_none_is_refused() -> None:
    for wrong in (["data.fold=[0, 1]"], ["data.fold=[3, 3]"], ["data.fold=[-1, 3]"]):
        with pytest.raises(CellpruneError, match="counted from 0"):
            load(assignments=wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    ["force", *(pytest.param(m, marks=pytest.mark.slow) for m in ("grasp", "random", "magnitude", "synflow"))],
)
def test_every_method_runs(method: str, tmp_path: Path, data_root: Path) -> None:
    rounds = ["pruning.rounds=3"] if names.method(method).rounds else []
    settings = load(assignments=[*TINY, "pruning.ratio=0.5", f"pruning.method={method}", "training.epochs=1", *rounds])
    assert experiment.run(settings, runtime=Runtime(output=tmp_path / "run", data_root=data_root)).finished


def test_finished_runs_are_left_alone_and_a_missing_report_is_made(
    pruned: Folder, tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pruned.path, copy)
    (copy / "report.html").unlink()
    before = (copy / "model.safetensors").stat().st_mtime_ns
    assert typed(*words(copy, data_root, "--prune", "0.8", "--resume")) == 0
    assert (copy / "report.html").exists()
    assert (copy / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--prune", "0.8"], "--resume"),
        (["--prune", "0.7", "--resume"], "pruning.ratio: 0.8 -> 0.7"),
        (["--prune", "0.8", "--seed", "1", "--resume"], "seed: 0 -> 1"),
    ],
)
def test_a_folder_that_holds_another_run_is_refused(
    more: list[str], said: str, pruned: Folder, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in pruned.path.iterdir())
    assert typed(*words(pruned.path, data_root, *more)) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in pruned.path.iterdir()) == before


def test_a_folder_with_foreign_content_is_refused(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for more in ([], ["--resume"]):
        assert typed(*words(tmp_path, data_root, *more)) == 2
        assert "thesis.txt" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_runs_cannot_share_a_folder(tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Folder.open(tmp_path / "run").lock():
        assert typed(*words(tmp_path / "run", data_root)) == 2
    assert "another process" in capsys.readouterr().err


def test_changed_data_are_refused_on_resume(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    shutil.copytree(data_root, root)

    output = tmp_path / "run"
    with pytest.raises(Stopped, match="after epoch 1 of 3"):
        experiment.run(load(assignments=TINY), [Stop()], runtime=Runtime(output=output, data_root=root))
    assert [row.epoch for row in Folder(output).read_metrics()] == [1]
    seg = next(root.rglob("man_seg*.tif"))
    other = next(path for path in sorted(root.rglob("01_GT/SEG/man_seg*.tif")) if path != seg)
    shutil.copy(other, seg)
    assert typed(*words(output, root, "--resume")) == 2
    said = r"the data changed since .* \(the gold file of 0\d/\d+ changed\): fetch it again, or give another --output"
    assert re.search(said, capsys.readouterr().err)


def test_a_loss_that_is_nan_ends_the_run_with_its_epoch(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    settings = load(assignments=[*TINY, "training.learning_rate=1.0e+30", "training.schedule=constant"])
    with pytest.raises(TrainingFailed, match=r"epoch \d, step \d"):
        experiment.run(settings, runtime=Runtime(output=output, data_root=data_root))
    assert not Folder(output).finished
    more = ["--prune", "0.5", "--set", "pruning.inner_lr=1.0e+30"]
    assert typed(*words(tmp_path / "scoring", data_root, *more)) == 1
    assert "on batch" in capsys.readouterr().err


def test_evaluate_prints_what_the_run_scored(
    pruned: Folder, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("evaluate", pruned.path, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["summary"] == pruned.read_scores().summary
    assert not {"pictures", "cell_pictures"} & printed.keys()
    assert typed("evaluate", pruned.path, "--dataset", "simulated", "--data-root", data_root) == 0
    assert "iou_image_mean" in capsys.readouterr().out
    everything = evaluate(pruned.path, dataset="simulated", data_root=data_root).images
    own = {(i.id, i.size): i.classes for i in pruned.read_scores().images}
    again = {(i.id, i.size): i.classes for i in everything}
    assert {key: again[key] for key in own} == own, "the saved network scores as the trained one did"
    train = evaluate(pruned.path, part="train", data_root=data_root).images
    assert not {image.id for image in train} & {key[0] for key in own}


SMP = ["data.size=[64, 64]", "model.name=smp:unet/mobilenet_v2", "pruning.batch_size=2", "pruning.inner_steps=1",
       "pruning.scope=layer", "pruning.ratio=0.5", "training.batch_size=1", "training.epochs=2"]  # fmt: skip


def smp_words(output: Path, data_root: Path, *more: str) -> list[str]:
    settings = [word for assignment in SMP for word in ("--set", assignment)]
    return ["train", *settings, "--data-root", str(data_root), "-o", str(output), *more]


@pytest.mark.slow
def test_a_network_of_another_library_runs_stops_and_goes_on(tmp_path: Path, data_root: Path) -> None:
    cut, uncut = tmp_path / "cut", tmp_path / "uncut"
    with pytest.raises(Stopped):
        experiment.run(load(assignments=SMP), [Stop()], runtime=Runtime(output=cut, data_root=data_root))
    assert typed(*smp_words(cut, data_root, "--resume")) == 0
    assert typed(*smp_words(uncut, data_root)) == 0
    first, other = (Folder(path).read_model() for path in (cut, uncut))
    assert all(first[1][name].tobytes() == value.tobytes() for name, value in other[1].items())
    assert yaml.safe_load((cut / "config.yaml").read_text())["model"] == {
        "name": "smp:unet/mobilenet_v2",
        "weights": None,
    }
    assert typed("evaluate", cut, "--part", "train", "--data-root", data_root) == 0


def test_a_network_that_is_not_there_is_refused_before_anything_is_written(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, said in (("smp:unet/resnet81", "Did you mean 'resnet18'"), ("smp:unett/resnet18", "mean 'unet' or")):
        words = ["train", "--model", name, "--data-root", str(data_root), "-o", str(tmp_path / "run")]
        assert typed(*words) == 2
        assert said in capsys.readouterr().err
    assert typed(*words, "--model.width", "8") == 2
    assert "'smp:unett/resnet18' has no option 'width'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_bf16_and_the_unpadded_network_run(tmp_path: Path, data_root: Path) -> None:
    settings = load(assignments=[*TINY, "training.precision=bf16", "model.padding=valid", "model.norm=none"])
    assert experiment.run(settings, runtime=Runtime(output=tmp_path / "run", data_root=data_root)).finished


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["weight", "channel"])
def test_two_processes_train_one_run(granularity: str, tmp_path: Path, data_root: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "cellprune.cli.main"]
    output = tmp_path / "run"
    command = [*launch, *words(output, data_root, "--prune", "0.5", "--device", "cpu", "--json")]
    command += ["--granularity", granularity]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == str(output)
    folder = Folder(output)
    assert folder.finished
    assert folder.read_provenance().processes == 2
    assert ("kept" in folder.read_model().header["architecture"]) == (granularity == "channel")
    assert {path.name for path in output.iterdir()} == FILES


TWO_PROCESSES = """
import os, sys
import numpy as np
from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.experiment import story
output, data_root, *settings = sys.argv[1:]
train = story._train
def remembered(*work):
    trained = train(*work)
    np.savez(f"{output}-{os.environ['RANK']}.npz", **{name: mask.numpy() for name, mask in trained.masks.items()})
    return trained
story._train = remembered
experiment.run(load(assignments=settings), runtime=Runtime(output=output, data_root=data_root, device="cpu"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lottery", "rigl", "set"])
def test_two_processes_end_with_the_same_moved_mask(method: str, tmp_path: Path, data_root: Path) -> None:
    script, output = tmp_path / "train.py", tmp_path / "run"
    script.write_text(TWO_PROCESSES)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", str(script)]
    settings = [*TINY, "pruning.ratio=0.36", f"pruning.method={method}"]
    done = subprocess.run(
        [*launch, str(output), str(data_root), *settings], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    first, second = (np.load(tmp_path / f"run-{rank}.npz") for rank in range(2))
    written = Folder(output).read_masks()
    assert set(first.files) == set(second.files) == set(written)
    for name, mask in written.items():
        assert (first[name] == mask).all()
        assert (second[name] == mask).all()


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_cut_command_goes_on(sign: signal.Signals, tmp_path: Path, data_root: Path) -> None:
    output = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "cellprune.cli.main",
        *words(output, data_root, "--epochs", "40", "--prune", "0.8"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    deadline = time.monotonic() + 120
    while not (output / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(sign)
    _, err = process.communicate(timeout=60)
    if sign is signal.SIGINT:
        assert process.returncode == 130
        assert "--resume" in err
    assert not Folder(output).finished
    assert typed(*words(output, data_root, "--epochs", "40", "--prune", "0.8", "--resume")) == 0
    assert [row.epoch for row in Folder(output).read_metrics()] == list(range(1, 41))


@pytest.mark.slow
def test_real_recordings_train(real_root: Path, tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": {"dataset": "DIC-C2DH-HeLa", "size": (32, 32), "truth": "ignore"}})
    short = load(settings, assignments=[*TINY, "pruning.ratio=0.5", "training.epochs=1"])
    folder = experiment.run(short, runtime=Runtime(output=tmp_path / "run", data_root=real_root))
    assert folder.finished
    assert [drop.frame for drop in folder.read_split().dropped] == [67]
    assert any(image.ignored_px for image in folder.read_scores().images)


def test_a_damaged_frame_is_refused_before_anything_is_written(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    shutil.copytree(data_root, root)
    for frame in root.rglob("01/t0*.tif"):
        frame.write_bytes(frame.read_bytes()[:200])
    output = tmp_path / "run"
    assert typed(*words(output, root, "--prune", "0.5")) == 2
    assert "t0" in capsys.readouterr().err
    assert not output.exists()


def test_a_scoring_batch_that_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellprune.pruning.derivatives.segments.available_bytes", lambda device: 8_000_000)
    output = tmp_path / "run"
    assert typed(*words(output, data_root, "--prune", "0.5", "--set", "pruning.batch_size=16")) == 2
    assert "lower pruning.batch_size" in capsys.readouterr().err
    assert not output.exists()
