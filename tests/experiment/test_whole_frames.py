"""Whole frames keep their shape in the network, and a run says what `data check` says of them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from cellprune import experiment
from cellprune.config.load import load, recorded
from cellprune.config.schema import Runtime, Settings
from cellprune.data.check import check
from cellprune.experiment.opening import Opened, open_data
from cellprune.experiment.whole_frames import advice, is_size_open

WIDE, HIGH = (52, 70), (70, 52)


def drawn(folder: Path, *sizes: tuple[int, int], cell_px: int = 12) -> Path:
    """Write images of these sizes, of two cells each."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number, size in enumerate(sizes):
        labels = np.zeros(size, np.uint8)
        labels[2 : 2 + cell_px, 2 : 2 + cell_px], labels[2 : 2 + cell_px, 20 : 20 + cell_px] = 1, 2
        tifffile.imwrite(folder / "images" / f"a{number}.tif", 90 * labels)
        tifffile.imwrite(folder / "labels" / f"a{number}.tif", labels)
    return folder


def asked(folder: Path, *more: str) -> Settings:
    return load(assignments=[f"data.dataset={folder}", "data.holdout=0.4", *more])


def opened(folder: Path, *more: str) -> Opened:
    return open_data(asked(folder, *more), None)


def size(folder: Path, *more: str) -> tuple[int, int]:
    return opened(folder, *more).settings.data.size


def said(folder: Path, *more: str) -> list[str]:
    run = opened(folder, *more)
    return advice(run.settings, run.frames, run.loaders(0, torch.device("cpu")))


def test_frames_of_a_users_own_folder_keep_their_shape(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wide = drawn(tmp_path / "wide", WIDE, WIDE)
    assert size(wide) == size(wide) == (224, 304)
    said_of_wide = "frames of 52 x 70 px are resized to 224 x 304 px, which keeps their shape: --data.size HEIGHT WIDTH"
    assert caplog.text.count(said_of_wide) == 1
    down, across = (side / native for side, native in zip((224, 304), WIDE, strict=True))
    assert down == pytest.approx(across, rel=0.01), "round cells stay round"
    assert size(drawn(tmp_path / "high", HIGH, HIGH)) == (304, 224)
    assert size(drawn(tmp_path / "mixed", WIDE, HIGH)) == (256, 256), "of the middle one"
    assert size(wide, "model.depth=6") == (192, 320), "sides that its poolings halve without rest"
    assert size(wide, "model.name=smp:Unet/resnet18") == (224, 288)
    caplog.clear()
    assert size(drawn(tmp_path / "squares", (60, 61), (60, 61))) == (256, 256)
    assert size(wide, "data.size=[256, 256]") == (256, 256)
    assert "size" not in opened(wide, "data.crop=32").settings.model_dump()["data"], "crops keep the frames' scale"
    assert not caplog.records


def test_one_size_is_told_whoever_asks_and_an_older_run_keeps_its_own(tmp_path: Path) -> None:
    wide = drawn(tmp_path, WIDE, WIDE)
    told = opened(wide).settings
    assert told.identity() == asked(wide, "data.size=[224, 304]").identity(), "by either way the same run"
    assert experiment.settled(asked(wide), runtime=Runtime(device="cpu")).data == told.data, "as a sweep asks it"
    older = recorded(asked(wide).model_dump(mode="json"))  # which says 256 x 256
    assert open_data(older, None).settings.data.size == (256, 256)
    assert not is_size_open(load(assignments=["data.dataset=PhC-C2DH-U373"])), "a published protocol"
    assert check(str(wide)).network_size_px == (224, 304)
    assert is_size_open(load(assignments=["model.width=2"]), images=wide), "a pretraining on a folder of images"
    assert not is_size_open(load(assignments=["data.size=[32, 32]"]), images=wide)


def test_a_run_says_what_a_check_proposes(tmp_path: Path) -> None:
    mixed = drawn(tmp_path / "mixed", *[WIDE, (60, 60)] * 13)
    (line,) = said(mixed)
    assert line in check(str(mixed)).facts
    assert line == "frames of 2 sizes: try --crop 64, to learn from crops at the frames' own scale"
    assert not said(mixed, "data.crop=32", "training.steps_per_epoch=1")
    alike = drawn(tmp_path / "alike", *[WIDE] * 25)
    assert not said(alike)
    (line,) = said(alike, "data.size=[32, 48]")
    assert line.startswith("cells of 8.8 px in the network can hardly be told apart: train with --data.size 48 64, ")
