"""`cellprune predict` as a user types it: against the run's own scores, and against everything that can be wrong."""

import csv
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr
from command_line import typed
from PIL import Image
from zarr_images import write_plate, write_zarr

import cellprune
from cellprune import models
from cellprune.cli.predict import list_failures
from cellprune.config.schema import Settings
from cellprune.data.cells.frames import Dataset
from cellprune.evaluation import iou
from cellprune.lab import segment, tiles
from cellprune.lab.gathering import Failure
from cellprune.lab.segment import predict
from cellprune.runs import container, modelfile
from cellprune.tasks.segmentation import TASK

SETTINGS = Settings.model_validate(
    {"data": {"size": (100, 84), "target": "classes"}, "model": {"width": 2, "depth": 2}}
)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return models.build({"name": "unet", "width": 2, "depth": 2}).eval()


@pytest.fixture(scope="module")
def dataset(data_root: Path) -> Dataset:
    return TASK.open(SETTINGS.data, data_root)


@pytest.fixture(scope="module")
def header(dataset: Dataset) -> dict:
    architecture = {
        "name": "unet",
        "width": 2,
        "depth": 2,
        "in_channels": dataset.channels,
        "classes": len(dataset.classes),
    }
    return {"architecture": architecture, **TASK.header(dataset, SETTINGS)}


@pytest.fixture(scope="module")
def model(network: torch.nn.Module, header: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    write_model(path, network, header)
    return path


def write_model(path: Path, network: torch.nn.Module, header: dict) -> None:
    modelfile.write(path, header, {name: value.numpy() for name, value in network.state_dict().items()}, {})


def call(*words: object) -> int:
    return typed("predict", *words)


def test_the_foreground_is_the_one_that_the_run_was_scored_with(
    network: torch.nn.Module, dataset: Dataset, model: Path, tmp_path: Path
) -> None:
    split = TASK.split(dataset, SETTINGS.data)
    loaders = TASK.loaders(dataset, split, SETTINGS, 0, torch.device("cpu"))
    scored = {
        image.id: image.classes for image in TASK.scores(network, loaders, "report").images if image.size == "native"
    }
    assert call(model, *(frame.image for frame in split.report), "-o", tmp_path / "out") == 0
    found = 0
    for sample in loaders.samples("report"):
        name = sample.frame.id.replace("/", "_t")
        foreground = tifffile.imread(tmp_path / "out" / "labels" / f"{name}.tif") > 0
        found += int(foreground.sum())
        counted = iou.counts(foreground.astype(np.uint8), sample.target_native, dataset.classes)
        assert counted == scored[sample.frame.id]
    assert found > 0, "an empty answer proves nothing"


def test_python_and_the_command_agree_also_in_tiles(
    dataset: Dataset, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = dataset.frames[0].image
    assert call(model, image, "-o", tmp_path / "whole") == 0
    labels = tifffile.imread(tmp_path / "whole" / "labels" / "01_t000.tif")
    pixels = tifffile.imread(image).astype(np.float32)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    assert np.array_equal(cellprune.predict(cellprune.load(model), pixels), labels)
    assert np.array_equal(predict(model, pixels), labels)
    monkeypatch.setitem(segment.cells_in.__kwdefaults__, "memory_bytes", 1)
    assert np.array_equal(predict(model, pixels), labels)


def test_json_says_what_came_of_it(dataset: Dataset, model: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "cut.tif").write_bytes(dataset.frames[0].image.read_bytes()[:99])
    code = call(model, dataset.frames[0].image, tmp_path / "cut.tif", "-o", tmp_path / "out", "--json")
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert code == 1, "one of two could not be read"
    assert [image["name"] for image in said["images"]] == ["01_t000"]
    assert said["cells"] == len((tmp_path / "out" / "cells.csv").read_text().splitlines()) - 1
    assert "cut.tif" in said["failed"][0]["image"]
    assert "not done: " in err
    assert "Traceback" not in err


def test_label_images_beside_their_images_are_left_out_and_said(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).write_bytes(dataset.frames[0].image.read_bytes())
    for name in ("a_masks.tif", "mask_b.tif"):
        (tmp_path / name).write_bytes(dataset.gold_frames[0].gold.read_bytes())
    assert call(model, tmp_path, "-o", tmp_path / "out", "--json") == 0
    out, err = capsys.readouterr()
    said = "a_masks.tif (and 1 more) is named as labels of the images beside it, or is a JPEG of one: left out"
    assert said in err
    assert said in json.loads(out)["warnings"][0]
    assert sorted(path.name for path in (tmp_path / "out" / "labels").iterdir()) == ["a.tif", "b.tif"]


def test_many_formats_in_one_folder_and_what_is_damaged_stops_no_other(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    folder, pixels = tmp_path / "in", tifffile.imread(dataset.frames[0].image)
    write_plate(folder / "p.zarr", {"A/1": [pixels], "A/2": [pixels]})
    (folder / "p.zarr/A/2/0/0/0/0").write_bytes(b"cut")
    write_zarr(folder / "q.zarr", pixels, scale=(9e9, 1))
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray((pixels // (pixels.max() // 255 + 1)).astype(np.uint8)).save(folder / name)
    (folder / "b.jpg").write_bytes((folder / "b.jpg").read_bytes()[:700])
    assert call(model, folder, "-o", tmp_path / "out", "--zarr-labels", "cells", "--json") == 1
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert [image["name"] for image in said["images"]] == ["a", "p_A_1_0", "q"]
    assert [Path(one["image"]).name for one in said["failed"]] == ["b.jpg", "0"]
    assert err.count("not done: ") == 2
    assert [line.split(":")[0] for line in said["warnings"]] == [
        "a.jpg (and 1 more) is a JPEG, whose compression changed the grey levels",
        "q.zarr states pixels of 9e+09 x 1 um, which no microscope has",
    ]
    labels = tifffile.imread(tmp_path / "out/labels/q.tif")
    assert np.array_equal(zarr.open_array(str(folder / "q.zarr/labels/cells/0"), mode="r")[...], labels)
    assert np.array_equal(tifffile.imread(tmp_path / "out/labels/p_A_1_0.tif"), labels)


def test_what_is_not_done_is_listed_line_by_line_and_in_the_record(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.tif").write_bytes(dataset.frames[0].image.read_bytes())
    (folder / "lost.tif").symlink_to("nowhere")
    for at in range(24):
        (folder / f"b{at:02d}.oib").touch()
    assert call(model, folder, "-o", folder / "out") == 1
    out, err = capsys.readouterr()
    assert "1 image, 25 not done" in out
    lines = [line for line in err.splitlines() if line.startswith("not done: ")]
    assert len(lines) == 21
    refusal = "has the format .oib, which cellprune does not read: export the original as OME-TIFF"
    assert lines[0] == f"not done: {folder}/b00.oib {refusal}"
    assert lines[-1] == f"not done: 5 more; all are listed in {folder}/out/prediction.json"
    assert len(json.loads((folder / "out" / "prediction.json").read_text())["failed"]) == 25
    assert call(model, folder, "-o", folder / "out") == 1
    assert "25 not done" in capsys.readouterr().out, "its own results are no input"


def test_a_stack_that_fails_is_said_once(tmp_path: Path, capsys) -> None:
    stack = [Failure("s.tif", "s.tif has 1 channel, but the model takes 3")] * 4
    list_failures([*stack, Failure("a.tif", "torn"), *[Failure(f"b{n}.tif", "torn") for n in range(30)]], tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "not done: s.tif has 1 channel, but the model takes 3 (4 frames)"
    assert lines[1] == "not done: a.tif: torn"
    assert lines[20] == f"not done: 12 more; all are listed in {tmp_path}/prediction.json"


def test_people_are_told_what_to_look_at_and_the_same_again_is_done(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    words = (model, dataset.root / "01", "-o", tmp_path / "out")
    assert call(*words) == 0
    assert f"{tmp_path / 'out' / 'cells.csv'}   one line per cell" in capsys.readouterr().out
    assert call(*words) == 0
    assert "(12 of them were there already)" in capsys.readouterr().out


def test_cells_are_followed_and_the_same_again_changes_nothing(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    frames = sorted((dataset.root / "01").iterdir())[:3]
    film = np.stack([tifffile.imread(frame) for frame in frames])
    tifffile.imwrite(tmp_path / "film.tif", film, photometric="minisblack")
    words = (model, *frames, tmp_path / "film.tif", "-o", tmp_path / "out", "--no-overlays")
    assert call(*words, "--track", "--ctc", "--json") == 0
    said = json.loads(capsys.readouterr().out)["recordings"]
    assert [(one["sequence"], one["frames"]) for one in said] == [("01", 3), ("film", 3)]
    record = json.loads((tmp_path / "out/prediction.json").read_text())
    assert record["linking"] == {"max_distance_px": None, "max_gap": 2, "overlap": 1.0, "off_middle": 0.25}
    files = (
        "tracks.csv",
        "tracked/01_t002.tif",
        "tracked/film.tif",
        "ctc/01_RES/res_track.txt",
        "ctc/film_RES/mask002.tif",
    )
    made = [tmp_path / "out" / name for name in files]
    before = [path.read_bytes() for path in made]
    cells = (tmp_path / "out/cells.csv").read_text()
    rows = list(csv.DictReader(cells.splitlines()))
    tracked = tifffile.imread(made[1])
    assert np.array_equal(tifffile.imread(made[2])[2], tracked), "the labels of a stack are a stack"
    last = [row for row in rows if row["frame"] == "2"]
    assert {int(row["track"]) for row in last} == set(np.unique(tracked[tracked > 0]).tolist())
    assert call(*words, "--track", "--ctc") == 0
    assert "a cell may move" in capsys.readouterr().out
    assert ([path.read_bytes() for path in made], (tmp_path / "out/cells.csv").read_text()) == (before, cells)


def test_numbers_are_another_picture_and_so_another_folder(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    image = next((dataset.root / "01").iterdir())
    assert call(model, image, "-o", tmp_path / "plain") == 0
    assert call(model, image, "-o", tmp_path / "numbered", "--numbers") == 0
    plain, numbered = (next((tmp_path / name / "overlays").iterdir()).read_bytes() for name in ("plain", "numbered"))
    assert plain != numbered
    capsys.readouterr()
    assert call(model, image, "-o", tmp_path / "plain", "--numbers") == 2
    assert "another --numbers" in capsys.readouterr().err


def test_a_stack_is_a_stack_or_files_and_one_folder_holds_one_of_both(
    dataset: Dataset, model: Path, tmp_path: Path, capsys
) -> None:
    film = np.stack([tifffile.imread(frame.image) for frame in dataset.frames[:2]])
    tifffile.imwrite(tmp_path / "film.tif", film, photometric="minisblack")
    for options, wanted in (((), ["film.tif"]), (("--separate",), ["film_t000.tif", "film_t001.tif"])):
        words = "predict", model, tmp_path / "film.tif", "-o", tmp_path / f"out{len(options)}", "--no-overlays"
        assert typed(*words, *options) == 0
        assert sorted(path.name for path in (tmp_path / f"out{len(options)}" / "labels").iterdir()) == wanted
        capsys.readouterr()
        assert typed(*words, *(() if options else ("--separate",))) == 2
        assert "was predicted with another --separate: give the same as before" in capsys.readouterr().err


def test_cells_are_decoded_as_the_model_says_or_as_is_asked(
    dataset: Dataset, network, header, tmp_path: Path, capsys
) -> None:
    cells = {"area_px": 300, "radius_px": 9}
    learned = {"cells": cells, "decoder": {"name": "watershed", "radius_px": 9, "min_area_px": 4}}
    model, image = tmp_path / "model.safetensors", dataset.frames[0].image
    write_model(model, network, header | learned)
    asked = {
        "own": [],
        "cut": ["--decoder", "components"],
        "all": ["--min-area", 0],
        "few": ["--min-area", 40],
        "same": ["--set", "decoder.min_area_px=40", "--set", "decoder.depth=0.3", "--set", "decoder.depth=0.1"],
    }
    n_cells = {}
    for name, words in asked.items():
        assert call(model, image, "-o", tmp_path / name, *words) == 0
        n_cells[name] = tifffile.imread(tmp_path / name / "labels" / "01_t000.tif").max()
    assert n_cells["same"] == n_cells["few"] < n_cells["own"] < n_cells["all"] == n_cells["cut"]
    said = json.loads((tmp_path / "few" / "prediction.json").read_text())["settings"]
    assert (said["min_area"], said.get("decoder"), said.get("set")) == (40, None, None)
    same = json.loads((tmp_path / "same" / "prediction.json").read_text())
    assert same["settings"]["set"] == {"min_area_px": 40, "depth": 0.1}
    assert same["decoder"] == {"name": "watershed", "radius_px": 9, "depth": 0.1, "min_area_px": 40}
    capsys.readouterr()
    for words, refusal in {
        ("own", "--min-area", 40): "predicted with another --min-area",
        ("new", "--decoder", "border"): "--decoder border: this model was trained with --target classes, whose",
        ("new", "--set", "decoder.seed=0.4"): "decoder.seed is no number of the decoder watershed: give radius_px or",
        ("new", "--set", "decoder.dept=0.4"): "unknown key 'decoder.dept', did you mean 'decoder.depth'?",
        ("new", "--set", "decoder.depth=99"): "decoder.depth: 99: input should be less than or equal to 10",
        ("same", "--set", "decoder.depth=0.2"): "predicted with another --set",
        ("new", "--min-area", -1): "--min-area -1: give a number of pixels, from 0 to",
    }.items():
        assert call(model, image, "-o", tmp_path / words[0], *words[1:]) == 2
        assert refusal in capsys.readouterr().err
    write_model(model, network, header)  # of an older version
    assert call(model, image, "-o", tmp_path / "new", "--decoder", "watershed") == 2
    assert "does not say how large its training cells were" in capsys.readouterr().err
    assert call(model, image, "-o", tmp_path / "old") == 0
    old, cut = (tifffile.imread(tmp_path / name / "labels" / "01_t000.tif") for name in ("old", "cut"))
    assert np.array_equal(old, cut), "what is connected is one cell, and no speck is dropped, as it was"


def test_another_pixel_size_is_warned_of_and_rescaled(
    dataset: Dataset, network, header, tmp_path: Path, capsys
) -> None:
    model = tmp_path / "model.safetensors"
    write_model(model, network, header | {"pixel_size_um": [0.65, 0.65]})
    image = dataset.frames[0].image
    assert call(model, image, "-o", tmp_path / "a", "--pixel-size", 0.3, 0.3) == 0
    assert (
        "learned from 0.65 x 0.65 um: to the model its cells have another size; use --rescale"
        in capsys.readouterr().err
    )
    assert call(model, image, "-o", tmp_path / "b", "--pixel-size", 0.3, 0.3, "--rescale") == 0
    said = capsys.readouterr().err
    assert said.count("warning") == 1
    assert "01_t000 states pixels of 0.65 x 0.65 um; --pixel-size, 0.3 x 0.3 um, is used instead" in said
    a, b = (tifffile.imread(tmp_path / out / "labels" / "01_t000.tif") for out in "ab")
    assert a.shape == b.shape
    assert not np.array_equal(a > 0, b > 0)
    assert call(model, image, "-o", tmp_path / "b", "--pixel-size", 0.3, 0.3) == 2
    assert "predicted with another --rescale" in capsys.readouterr().err


def test_a_network_without_bound_in_tiles_is_said(
    dataset: Dataset, header, tmp_path: Path, monkeypatch, capsys
) -> None:
    torch.manual_seed(0)
    architecture = header["architecture"] | {"norm": "instance"}
    model = tmp_path / "model.safetensors"
    write_model(model, models.build(architecture), header | {"architecture": architecture})
    monkeypatch.setattr(tiles, "fits", lambda *_: False)
    assert call(model, dataset.frames[0].image, "-o", tmp_path / "out") == 0
    assert "went through in tiles, but a pixel of this network depends on the whole image" in capsys.readouterr().err


def bad_models(folder: Path, network: torch.nn.Module, header: dict) -> dict[str, str]:
    """Write files that are no models; name -> what is said of it."""
    (folder / "pickle").write_bytes(pickle.dumps({"weight": [1.0] * 9}))
    torch.save(network.state_dict(), folder / "checkpoint.pt")
    (folder / "gigabyte").write_bytes((2**30).to_bytes(8, "little") + b"{}")
    with (folder / "long").open("wb") as file:  # a file with holes: it has the length that its header claims
        file.write((2**30).to_bytes(8, "little") + b"{")
        file.truncate(2**30 + 8)
    write_model(folder / "zoom", network, header | {"zoom": [-1, 1]})
    write_model(folder / "classes", network, {key: value for key, value in header.items() if key != "classes"})
    write_model(folder / "width", network, header | {"architecture": header["architecture"] | {"width": 10**9}})
    wrong = {"other": {"width": 3}, "deep": {"depth": 10**9}, "wide": {"widths": [2] * 5000}, "odd": {"depth": [[]]}}
    for name, settings in wrong.items():
        write_model(folder / name, network, header | {"architecture": header["architecture"] | settings})
    write_model(folder / "maps", network, header | {"classes": ["background", "cell", "debris"]})
    write_model(folder / "unknown", network, header | {"architecture": {"name": "unett"}})
    container.write(folder / "newer", {}, kind="model", version=99, note={"masks": {}, "header": header})
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "config.yaml").touch()
    (folder / "empty").mkdir()
    return {
        "pickle": "is a pickle", "checkpoint.pt": "is a pickle", "gigabyte": "is no model file, or is damaged",
        "long": "is no model file, or is damaged", "zoom": "zoom.0: input should be greater than",
        "classes": "classes: field required", "width": "describes no network that can be built",
        "other": "tensors do not fit, such as 'down.0.0.weight'", "deep": "a whole number from 1 to 15",
        "wide": "2 to 16 whole numbers", "odd": "a whole number from 1 to 15",
        "maps": "3 classes have names, the network gives 2", "unknown": "Did you mean 'unet'?",
        "newer": "update cellprune", "empty": "is no run: give the folder", "nowhere": "cannot be read",
        "unfinished": "is not a finished run: finish it",
    }  # fmt: skip


def test_a_model_that_is_none_is_refused_in_a_line(
    network, header, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, said in bad_models(tmp_path, network, header).items():
        assert call(tmp_path / name, dataset.frames[0].image, "-o", tmp_path / "out") == 2, name
        out, err = capsys.readouterr()
        assert said in err, name
        assert len(err.strip().splitlines()) <= 2, err
        assert len(err) < 1500, err
        assert out == ""
        assert not (tmp_path / "out").exists(), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["MODEL", "-o", "out"], "give image files or folders"),
        (["MODEL", "IMAGE"], "output"),
        (["MODEL", "nowhere.tif", "-o", "out"], "there is no file or folder 'nowhere.tif'"),
        (["MODEL", "IMAGE", "-o", "out", "--pixel-size", "0", "1"], "--pixel-size 0 1"),
        (["MODEL", "IMAGE", "-o", "out", "--z", "mean"], "--z mean: give max, each, or the number of a slice from 0"),
        (["MODEL", "IMAGE", "-o", "out", "--shard", "-1/3"], "--shard -1/3: write the number of the shard and of all"),
        (["MODEL", "COLOUR", "-o", "out", "--channel", "3"], "has no channel 3: it holds 3, counted from 0"),
        (["MODEL", "IMAGE", "-o", "out", "--pixel-size", "nan", "1"], "--pixel-size nan 1"),
        (["MODEL", "IMAGE", "-o", "out", "--device", "tpu"], "tpu"),
        (["MODEL", "IMAGE", "-o", "out", "--rescal"], "rescale"),
        (["MODEL", "IMAGE", "-o", "out", "--track"], "01_t000.tif is alone: tracks need two images or more"),
        (
            ["MODEL", "SLICES", "-o", "out", "--z", "each", "--track"],
            "--z each makes images of the slices of slices.tif, and --track follows cells through time: give --z max",
        ),
        (["MODEL", "SLICES", "-o", "out", "--axes", "ZZYX"], "--axes ZZYX: the axis Z stands there twice"),
        (["MODEL", "SLICES", "-o", "out", "--axes", "TYX"], "says that its axes are ZYX (3 x 10 x 10), not TYX"),
        (["MODEL", "IMAGE", "-o", "out", "--zarr-labels", "a"], "--zarr-labels a: no image lies in an OME-Zarr"),
        (["MODEL", "IMAGE", "-o", "out", "--ctc"], "--ctc writes tracks: add --track"),
        (["MODEL", "IMAGE", "--watch", ".", "-o", "out"], "--watch takes the images of one folder: leave out"),
        (["MODEL", "--watch", "absent", "-o", "out"], "--watch absent: there is no such folder"),
        (["MODEL", "--watch", ".", "-o", "out", "--track"], "--track needs all frames: watch without it"),
        (["MODEL", "--watch", ".", "-o", "out", "--shard", "1/2"], "leave out --shard"),
        (["MODEL", "COLOUR", "-o", "out"], "has 3 channels, but the model takes 1: convert it to grey"),
        (
            ["MODEL", "STACK", "-o", "out"],
            "the model takes 1: if these are images of a stack, save them with photometric=",
        ),
    ],
)
def test_bad_words_are_answered_and_nothing_is_written(
    words: list[str], said: str, model: Path, dataset: Dataset, tmp_path: Path, monkeypatch, capsys
) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.arange(300, dtype=np.uint8).reshape(10, 10, 3), photometric="rgb")
    planar = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "stack.tif", np.arange(300, dtype=np.uint8).reshape(3, 10, 10), **planar)
    ramps = np.arange(300, dtype=np.uint8).reshape(3, 10, 10)
    tifffile.imwrite(tmp_path / "slices.tif", ramps, imagej=True, metadata={"axes": "ZYX"})
    monkeypatch.chdir(tmp_path)
    known = {"MODEL": model, "IMAGE": dataset.frames[0].image, "COLOUR": "rgb.tif", "STACK": "stack.tif"}
    known |= {"SLICES": "slices.tif"}
    assert call(*(known.get(word, word) for word in words)) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert len(err.strip().splitlines()) <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rgb.tif", "slices.tif", "stack.tif"]


def test_a_watched_folder_ends_by_ctrl_c_as_done(
    model: Path, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (tmp_path / "in").mkdir()
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            shutil.copy(dataset.frames[0].image, tmp_path / "in/a.tif")
            for name in ("b.jpg", "c.jpg"):
                Image.linear_gradient("L").save(tmp_path / "in" / name)
            shutil.copy(tmp_path / "in/a.tif", tmp_path / "in/a_mask.tif")
        if len(waits) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", wait)
    assert call(model, "--watch", tmp_path / "in", "-o", tmp_path / "out", "--no-overlays", "--json") == 0
    out, err = capsys.readouterr()
    assert "0 cells in 0 images; waiting for images in" in err
    assert "in 3 images; waiting for images in" in err
    warnings = json.loads(out)["warnings"]
    assert [line[:17] for line in warnings] == ["a_mask.tif is nam", "b.jpg is a JPEG, "], "of each kind one"
    assert [f"warning: {line}" for line in warnings] == [line for line in err.splitlines() if "warning" in line]
    assert (tmp_path / "out/labels/a.tif").exists()
    assert len(waits) == 4, "one look more than it takes to see that a file stays as it is"


@pytest.fixture(scope="module")
def exported(model: Path) -> Path:
    path = model.with_name("model.onnx")
    assert call_export(model, "-o", path) == 0
    return path


def test_blank_images_are_warned_of_and_stop_no_pipeline(
    dataset: Dataset, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(dataset.frames[0].image, tmp_path / "in/a.tif")
    for name in "bc":
        tifffile.imwrite(tmp_path / "in" / f"{name}.tif", np.full((40, 50), 7, np.uint16))
    assert call(model, tmp_path / "in", "-o", tmp_path / "out", "--json") == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["blank"], json.loads(out)["failed"]) == (["b", "c"], [])
    said = [line for line in err.splitlines() if line.startswith("warning")]
    assert said[-1].startswith("warning: b (and 1 more): blank, every pixel is the same, so no cells are found there;")
    assert not tifffile.imread(tmp_path / "out/labels/b.tif").any()


def call_export(*words: object) -> int:
    return typed("export", *words)


def labels_in(folder: Path) -> dict[str, np.ndarray]:
    return {path.name: tifffile.imread(path) for path in sorted((folder / "labels").iterdir())}


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_an_onnx_file_gives_the_label_images_of_torch(
    engine: str, dataset: Dataset, model: Path, exported: Path, tmp_path: Path
) -> None:
    pytest.importorskip({"onnx": "onnxruntime"}.get(engine, engine))
    images = [frame.image for frame in dataset.frames[:6]]
    assert call(model, *images, "-o", tmp_path / "torch") == 0
    assert call(exported, *images, "-o", tmp_path / engine, "--engine", engine) == 0
    ours, theirs = labels_in(tmp_path / engine), labels_in(tmp_path / "torch")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert any(image.any() for image in ours.values()), "an empty answer proves nothing"
    assert (tmp_path / engine / "cells.csv").read_text() == (tmp_path / "torch" / "cells.csv").read_text()
    said = json.loads((tmp_path / engine / "prediction.json").read_text())
    assert said["settings"]["engine"] == engine
    assert said["engine"] | {"versions": 0} == {
        "engine": engine, "precision": "fp32", "device": "cpu", "threads": 1, "versions": 0
    }  # fmt: skip
    said = json.loads((tmp_path / "torch" / "prediction.json").read_text())
    assert said["engine"]["engine"] == "torch"
    assert "engine" not in said["settings"], "as before there were others"


def test_a_folder_goes_on_in_the_engine_that_began_it(
    dataset: Dataset, model: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = dataset.frames[0].image
    assert call(exported, image, "-o", tmp_path / "out", "--engine", "onnx") == 0
    assert call(exported, image, "-o", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out" / "prediction.json").read_text())["engine"]["engine"] == "onnx"
    assert call(model, image, "-o", tmp_path / "out") == 2
    assert "--engine onnx runs ONNX files, which" in capsys.readouterr().err


def test_precision_is_a_setting_of_the_folder(
    dataset: Dataset, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    openvino = pytest.importorskip("cellprune.engines.openvino", exc_type=ImportError)
    if not openvino.has_bf16():
        pytest.skip("this processor has no bf16")
    image = dataset.frames[0].image
    assert call(exported, image, "-o", tmp_path / "out", "--precision", "bf16") == 0
    said = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert (said["settings"]["precision"], said["engine"]["precision"]) == ("bf16", "bf16")
    assert call(exported, image, "-o", tmp_path / "out") == 2
    assert "was predicted with another --precision" in capsys.readouterr().err


def test_overlays_can_be_left_out_and_drawn_later(dataset: Dataset, model: Path, tmp_path: Path, capsys) -> None:
    image = dataset.frames[0].image
    assert call(model, image, "-o", tmp_path / "out", "--no-overlays") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cells.csv", "labels", "prediction.json"]
    assert "out/overlays" not in capsys.readouterr().out
    labels = labels_in(tmp_path / "out")
    assert call(model, image, "-o", tmp_path / "out", "--no-overlays", "--outlines", "rois", "geojson") == 0
    assert "1 of them were there already" in capsys.readouterr().out
    assert sorted(path.suffix for path in (tmp_path / "out" / "outlines").iterdir()) == [".geojson", ".zip"]
    assert call(model, image, "-o", tmp_path / "out") == 0
    assert [path.name for path in (tmp_path / "out" / "overlays").iterdir()] == ["01_t000.png"]
    assert all(np.array_equal(image, labels[name]) for name, image in labels_in(tmp_path / "out").items())


def test_an_array_of_slurm_shares_the_files_and_merge_makes_one_table(
    dataset: Dataset, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    frames = [frame.image for frame in dataset.frames[:3]]
    (tmp_path / "cut.tif").write_bytes(frames[0].read_bytes()[:99])
    words = (model, *frames, tmp_path / "cut.tif", "--no-overlays", "-o")
    out = tmp_path / "out"
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    for task, code in (("0", 0), ("1", 1)):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        assert call(*words, out) == code, "the last file is of the second shard"
        told = capsys.readouterr()
        assert f"shard {int(task) + 1}/2, as SLURM's array says; --shard 1/1 predicts all images" in told.err
        assert f"once all 2 shards are done: cellprune merge {out}" in told.out
    assert call(*words, out, "--track") == 2
    assert "--track needs all frames, and a shard has some of them" in capsys.readouterr().err
    assert typed("merge", out) == 1
    told = capsys.readouterr()
    assert "in 3 images, 1 not done, from 2 tables" in told.out
    assert "not done: " in told.err
    assert typed("merge", out, out) == 2
    assert "several folders are given" in capsys.readouterr().err
    assert call(*words, tmp_path / "whole", "--shard", "1/1") == 1
    for name in ("cells.csv", "labels/01_t001.tif"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
