"""`cellprune search-max-ratio` by its command: a small search from end to end, the plan, and every refusal."""

import gc
import json
import re
from pathlib import Path

import numpy as np
import pytest
import small_pictures
from command_line import typed
from distributed import LocalCluster
from html_page import Page

from cellprune.campaign import workers
from cellprune.experiment.latency import Clock
from cellprune.runs.folder import Folder
from cellprune.search.judge.controls import CONTROLS

TINY = [
    "data.size=[32, 32]",
    "model.width=4",
    "model.depth=1",
    "pruning.batch_size=4",
    "training.epochs=3",
    "training.batch_size=1",
    "training.learning_rate=0.02",
    "training.evaluate_every=1",
]  # fmt: skip; enough for the unpruned network to learn something


def words(data_root: Path, *more: str) -> list[str]:
    settings = [word for assignment in TINY for word in ("--set", assignment)]
    return ["search-max-ratio", *settings, "--data-root", str(data_root), *more]


pytestmark = pytest.mark.usefixtures("figures_left_empty")  # of some hundred runs, which others look at


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_search_from_end_to_end(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = words(data_root, "--method", "snip", "--seeds", "1", "--confirm-seeds", "3", "--margin", "0.3",
                  "--low", "0.5", "--high", "0.6", "--controls", "--json", "-o", "search")  # fmt: skip
    assert typed(*asked, "--max-trials", "4") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verdict"] == "unfinished"
    assert "at most 28 (search 4, confirmation 6, controls 18)" in captured.err
    assert len(list((tmp_path / "runs").iterdir())) == 4
    assert typed(*asked, "--resume", "--dry-run") == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["trainings"] | {"done": 4, "expected": 22, "at_most": 24} == planned["trainings"]
    assert typed(*asked, "--resume") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "found"
    assert found["ratio"] == 0.5
    n_trained = found["compute"]["trainings"]
    assert n_trained == len(list((tmp_path / "runs").iterdir()))
    assert n_trained in (26, 28)  # a ratio that is not clear is asked again with another seed
    assert [control["name"] for control in found["controls"]] == [*CONTROLS]
    assert {network["ratio"] for network in found["networks"]} == {0.0, 0.5}
    assert all(network["milliseconds"] > 0 for network in found["networks"])
    assert Folder(Path(found["model"]).parent).finished
    assert found["model"].startswith("runs/")
    page = Page((tmp_path / "search" / "search.html").read_text())
    assert "script" not in page.tags
    assert all(address.startswith("data:") for address in page.addresses)
    assert "50 %" in page.text.replace("\u00a0", " ")
    assert typed(*asked, "--resume") == 0
    assert json.loads(capsys.readouterr().out)["ratio"] == 0.5
    assert typed(*(word for word in asked if word != "--json"), "--resume", "--dry-run") == 0
    assert f"{n_trained} are done, none is left to train: the search in search is at its end" in capsys.readouterr().out
    stricter = ["0.2" if word == "0.3" else word for word in asked if word != "--json"]
    assert typed(*stricter, "--resume", "--dry-run") == 0
    assert "test round 2 on these held-out images" in (told := capsys.readouterr().out)
    assert "fresh seeds, and an error of 0.025" in told
    other = ["random" if word == "snip" else word for word in asked if word != "--json"]
    assert typed(*other[:-1], "other", "--dry-run") == 0
    told = capsys.readouterr().out
    there = re.search(r"(\d) reference networks of other searches are there, ", told)
    assert there, told
    left = re.search(r"at most (\d+) more \(in all: search 4, confirmation 6, controls (\d+)\)", told)
    assert left, told
    assert int(left[1]) == 4 + 6 + int(left[2]) - int(there[1])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # Dask leaves sockets to the garbage collector
def test_a_running_scheduler_gives_the_answer_of_one_process(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(data_root, "--method", "random", "--seeds", "1", "--confirm-seeds", "3", "--margin", "0.4",
                  "--low", "0.5", "--high", "0.6", "--json")  # fmt: skip
    with LocalCluster(n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        by_cluster = [*asked, "--scheduler", cluster.scheduler_address, "-o", "far", "--runs", "far runs"]
        assert typed(*by_cluster) == 2
        assert "has no worker: start some with 'dask worker'" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())
        cluster.scale(2)
        cluster.wait_for_workers(2)
        assert typed(*by_cluster) == 0
    far = json.loads(capsys.readouterr().out)
    assert typed(*asked, "-o", "near") == 0
    near = json.loads(capsys.readouterr().out)
    assert far["confirmation"] == near["confirmation"]
    assert (far["verdict"], far["compute"]["trainings"]) == (near["verdict"], near["compute"]["trainings"])
    gc.collect()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_search_of_multiply_adds(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = words(data_root, "--method", "random", "--unit", "macs", "--seeds", "1", "--confirm-seeds", "3",
                  "--margin", "0.4", "--low", "0.6", "--high", "0.999", "--controls", "-o", "search")  # fmt: skip
    assert typed(*asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["settings"]["pruning"]["granularity"]) == ("found", "channel")
    dense, *pruned = [network for network in found["networks"] if not network["control"]]
    for network in pruned:
        assert network["macs"] <= (1 - network["ratio"]) * dense["macs"]
    best = next(network for network in pruned if network["ratio"] == found["ratio"])
    small = {network["control"]: network for network in found["networks"] if network["control"]}
    assert list(small) == sorted(control["name"] for control in found["controls"])
    assert list(small) == ["flat-macs", "flat-params", "narrow-macs", "narrow-params"]
    assert small["narrow-macs"]["macs"] <= best["macs"]
    assert all(network["milliseconds"] > 0 for network in small.values())
    assert not any(probe["hopeless"] for probe in found["search"]), "ratios that no channels reach are not tried"
    assert max(found["reachable"]) < 0.999
    page = Page((tmp_path / "search" / "search.html").read_text()).text
    assert "of the multiply-adds removed" in page


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_search_of_milliseconds_and_cells(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "layer", lambda clock, shape: 0.01 + shape.inputs * shape.outputs / 1000)
    asked = words(data_root, "--method", "random", "--unit", "latency", "--round-to", "8", "--score", "seg", "--json",
                  "--seeds", "1", "--confirm-seeds", "3", "--margin", "0.49", "--low", "0.25", "--high", "0.3",
                  "--set", "model.widths=[16, 32]", "-o", "search")  # fmt: skip
    assert typed(*asked, "--max-trials", "3") == 0
    assert "shapes of layers timed in onnx " in capsys.readouterr().err
    monkeypatch.setattr(Clock, "layer", lambda clock, shape: 1.0)  # another machine, with a cache of its own
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    assert typed(*asked, "--resume") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["words"]["measure"]) == ("found", "SEG")
    assert (found["timed_in"]["engine"], found["timed_on"]["engine"]) == ("onnx", "onnx")
    dense, pruned = found["networks"]
    assert 0 < pruned["layers_ms"] <= 0.707107 * dense["layers_ms"]
    assert pruned["layers_ratio"] == pruned["layers_ms"] / dense["layers_ms"]
    assert pruned["time_ratio"] == pruned["milliseconds"] / dense["milliseconds"]
    kept = json.loads((tmp_path / "search" / "journal.json").read_text())["layer_times"]
    runs = [folder for path in (tmp_path / "runs").iterdir() if (folder := Folder(path)).has("layer_times")]
    assert len(runs) == 4
    assert all(json.loads(run.file("layer_times").read_text()) == kept for run in runs)
    for run in runs:
        scores, seeds = run.read_scores(), run.read_config()["seed"]
        own = {image.id: image.count.jaccard / image.count.true for image in scores.cells.images}
        if scores.part == "report":
            at = seeds - 1000
            evidence = found["confirmation"][0]
            reference = next(
                folder.read_scores().cells.images
                for path in (tmp_path / "runs").iterdir()
                if (folder := Folder(path)).read_config()["seed"] == seeds and not folder.has("layer_times")
            )
            for frame, row in zip(evidence["rows"], evidence["differences"], strict=True):
                other = next(image.count for image in reference if image.id == frame)
                assert row[at] == pytest.approx(own[frame] - other.jaccard / other.true)


@pytest.mark.slow
def test_a_small_search_among_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = small_pictures.npz(tmp_path / "own.npz")
    asked = ["search-max-ratio", "--task", "classification", "--dataset", str(images), "--model", "resnet20",
             "--method", "snip", "--set", "training.batch_size=16", "--set", "pruning.batch_size=16",
             "--set", "training.learning_rate=0.02", "--set", "data.holdout=0.2", "--epochs", "2", "--seeds", "1",
             "--confirm-seeds", "3", "--margin", "0.4", "--low", "0.5", "--high", "0.6", "-o", "search"]  # fmt: skip
    assert typed(*asked) == 0
    captured = capsys.readouterr()
    assert "chosen on 32 images, claimed about 24 held-out ones" in captured.err
    assert "24 images, 3 seeds" in captured.out
    assert f"the 24 test images of {images}" in captured.out
    assert "predict" not in captured.out
    page = Page((tmp_path / "search" / "search.html").read_text()).text
    assert "Accuracy against ratio" in page
    assert "IoU" not in page
    assert "frame" not in page
    assert typed(*asked, "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out)["words"]["measure"] == "accuracy"


@pytest.mark.slow
def test_a_dry_run_says_what_it_takes_and_leaves_nothing(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(data_root, "--method", "random", "--cv", "3", "--dry-run")
    assert typed(*asked) == 0
    told = capsys.readouterr().out
    assert "chosen on 3 × 3 frames, claimed about 18 held-out ones" in told
    assert "drops" not in told
    assert "at most 132 (search 72, confirmation 60, controls 0)" in told
    assert not list(tmp_path.iterdir())
    assert typed(*asked, "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["seconds_at_most"] == pytest.approx(planned["seconds_a_training"] * 132)
    assert planned["chosen_on_by_fold"] == [3, 3, 3]
    assert typed(*asked, "--truth", "complete") == 0
    assert "frames that the truth policy drops: 02/004: 1 of 11 cells" in capsys.readouterr().out


@pytest.mark.slow
def test_a_plan_is_timed_where_it_will_be_trained(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(data_root, "--method", "random", "--cv", "3", "--dry-run", "--workers", "2")
    assert typed(*asked, "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["seconds_at_most"] == pytest.approx(planned["seconds_a_training"] * 132 / 2)
    diverges = ["--set", "training.learning_rate=1.0e+30", "--set", "training.schedule=constant"]
    assert typed(*asked, *diverges) == 1
    assert "the epoch that is timed, with a ratio of 0.5, failed (the loss became nan" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--margin", "0"], "0 is no margin"),
        (["--confidence", "95"], "did you mean 0.95?"),
        (["--confidence", "abc"], "'abc' is no confidence: give a probability between 0.5 and 1, such as 0.95"),
        (["--low", "0.9", "--high", "0.6"], "cellprune: --low 0.9 is not below --high 0.6"),
        (["--low", "0.94", "--high", "0.95"], "take --low 0.9375 or --high 0.955806"),
        (["--low", ".99999999", "--high", ".999999999"], "between 0.99999999 and 0.999999999: take --low 0.999999"),
        (["--low", "0.1", "--high", "0.2"], "take --high 0.292893"),
        (["--seeds", "0"], "greater than or equal to 1"),
        (["--confirm-seeds", "2"], "2 seeds decide nothing"),
        (["--cv", "1"], "1 fold cannot be"),
        (["--cv", "99"], "--cv 99: no fold 0 of 99 over 18 annotated frames: from 2 to 18 folds"),
        (
            ["--set", "data.holdout=0.1"],
            "it takes at least 5: take --cv 5, which counts 18 annotated frames, each once",
        ),
        (["--set", "data.holdout=0.1", "--truth", "complete"], "02/004 dropped: 1 of 11 cells have no gold mask"),
        (
            ["--unit", "channels", "--granularity", "weight"],
            "--unit channels counts channels, but --granularity weight removes weights",
        ),
        (["--granularity", "channel"], "--unit weights counts weights, but --granularity channel removes channels"),
        (["--unit", "macs", "--method", "gradual"], "chooses weights, not channels"),
        (["--unit", "macs", "--method", "gradual", "--granularity", "weight"], "for masks chosen before training"),
        (
            ["--method", "flat"],
            "--unit weights counts weights, but --method flat removes none, it makes dense networks",
        ),
        (
            ["--unit", "latency", "--granularity", "weight"],
            "--unit latency cannot be counted: --budget latency=0.5 counts channels: add --granularity channel, or",
        ),
        (["--unit", "latency", "--method", "gradual-channel"], "chosen before training: pruning method"),
        (["--score", "dice"], "score"),
        (
            ["--method", "narrow", "--unit", "macs", "--low", "0.999", "--high", "0.9999"],
            "no ratio from 0.999 on (--low) can be tried: the highest ratio",
        ),
        (["--method", "snip", "--unit", "macs", "--round-to", "9"], "round_to=9 is more than the 4 channels of"),
        (
            ["--method", "gradual-channel", "--unit", "macs", "--round-to", "9"],
            "round_to=9 is more than the 4 channels of",
        ),
        (["--unit", "macs", "--budget", "macs=0.5"], "pruning.budget cannot be given"),
        (["--masks", "masks.safetensors"], "pruning.masks cannot be given"),
        (["--prune", "0.5"], "pruning.ratio cannot be given"),
        (["--set", "seed=3"], "seed cannot be given"),
        (["--set", "data.fold=[0,2]"], "data.fold cannot be given"),
        (["--method", "dense"], "--method dense removes nothing"),
        (["--workers", "-1"], "--workers -1"),
        (["--workers", "1.5"], "Invalid value for --workers: '1.5' is no whole number"),
        (["--max-trials", "1.5"], "Invalid value for --max-trials: '1.5' is no whole number"),
        (["--runs", __file__, "-o", "q"], "test_search_command.py is a file, not a folder: give another"),
        (["-o", f"{__file__}/q"], "test_search_command.py is a file, not a folder: give another"),
        (["--runs", "q/runs", "-o", "q"], "--runs q/runs lies in --output q, which holds a search and nothing else"),
        (["--scheduler", ""], "--scheduler names no address"),
        (["--set", "pruning.control=shuffle"], "pruning.control cannot be given to a search: --controls trains"),
        (["--set", "pruning.method=dense"], "--method dense removes nothing"),
        (["--cv", "1000000000"], "--cv 1000000000"),
        (["--low", "50"], "did you mean 0.5?"),
        (["--high", "nan"], "nan is outside"),
        (
            ["--method", "random", "--low", "0.999", "--high", "0.9999"],
            "the lowest ratio, 0.999023, is impossible (after",
        ),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:9"], "exclude each other"),
        (["--max-trials", "3", "--max-hours", "3"], "exclude each other"),
        (["--max-trials", "0"], "--max-trials 0"),
        (["--max-hours", "0"], "--max-hours 0"),
        (["--split", "sequence", "--cv", "5"], "2 annotated sequences is one fold"),
        (["--dataset", "PhC-C2DH-U373"], "cellprune data fetch"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_nothing_written(
    more: list[str], said: str, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*words(data_root, *more)) == 2
    message = capsys.readouterr().err
    assert said in message
    said_meanwhile = [line for line in message.splitlines() if line.endswith(" now")]  # on a busy machine
    assert message.count("\n") - len(said_meanwhile) == 1
    assert not list(tmp_path.iterdir())


def test_an_epoch_that_fails_is_told_as_the_one_that_is_timed(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diverges = ["--set", "training.learning_rate=1.0e+30", "--set", "training.schedule=constant"]
    assert typed(*words(data_root, "--method", "random", *diverges)) == 1
    message = capsys.readouterr().err
    assert "the epoch that is timed, with a ratio of 0.5, failed (the loss became nan in epoch 1, step " in message
    assert not list(tmp_path.iterdir())


def test_folds_of_test_images_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    images = small_pictures.npz(folder / "own.npz", x_test=np.zeros((3, 32, 32, 3), np.uint8), y_test=np.arange(3))
    asked = ["search-max-ratio", "--task", "classification", "--dataset", str(images), "--set", "data.holdout=0.2"]
    for more, said in (["--cv", "5"], "all of them count already"), ([], "5: test on more images"):
        assert typed(*asked, *more) == 2
        assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [folder]


def test_a_scheduler_that_is_silent_leaves_nothing(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_ANSWER_S", 1)
    monkeypatch.setattr("cellprune.search.timing.seconds_of_a_training", None)  # it is asked before an epoch is timed
    assert typed(*words(data_root, "--scheduler", "tcp://127.0.0.1:9")) == 2
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
