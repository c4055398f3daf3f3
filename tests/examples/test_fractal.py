"""The task for Fractal writes the labels that `cellprune predict` would, and its manifest is that of its code."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_files import onnx_file

from cellprune.lab.engine import engine_of
from cellprune.lab.segment import predict

ngio = pytest.importorskip("ngio", reason="ngio is not installed, which the task for Fractal reads and writes with")
pytest.importorskip("fractal_task_tools", reason="fractal-task-tools is not installed")
pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[2] / "examples" / "fractal"


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PACKAGE))
    monkeypatch.chdir(PACKAGE)


def image(path: Path, frames: np.ndarray, axes: str, version: str = "0.4") -> str:
    ngio.create_ome_zarr_from_array(
        str(path), frames, pixelsize=0.65, axes_names=axes, channels_meta=["empty", "DAPI"], ngff_version=version,
        consolidation_mode="auto",
    )  # fmt: skip
    return str(path)


def test_the_labels_are_those_of_each_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cellprune_fractal import predict_cells
    from fractal_task_tools.task_wrapper import run_fractal_task

    model = onnx_file(tmp_path / "cells.onnx")
    seen = np.random.default_rng(0).poisson(100, (2, 48, 64)).astype(np.uint16)
    zarr = image(tmp_path / "image.zarr", np.stack([np.zeros_like(seen), seen], axis=1)[:, :, None], "tczyx")
    asked, out = tmp_path / "asked.json", tmp_path / "out.json"
    asked.write_text(json.dumps({"zarr_url": zarr, "model": str(model), "channel": "DAPI"}))
    monkeypatch.setattr(sys, "argv", ["task", "--args-json", str(asked), "--out-json", str(out)])
    run_fractal_task(task_function=predict_cells.predict_cells, skip_logging_configuration=True)
    label = ngio.open_ome_zarr_container(zarr).get_label("cells")
    assert label.pixel_size.x == 0.65
    expected = [predict(engine_of(model), frame) for frame in seen]
    assert max(labels.max() for labels in expected) > 0
    assert np.array_equal(label.get_as_numpy()[:, 0], expected)


def test_a_blank_frame_has_no_cells_and_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from cellprune_fractal.predict_cells import predict_cells

    model = onnx_file(tmp_path / "cells.onnx")
    frames = np.random.default_rng(0).poisson(100, (2, 2, 1, 48, 64)).astype(np.uint16)
    frames[0] = 7
    zarr = image(tmp_path / "blank.zarr", frames, "tczyx")
    predict_cells(zarr_url=zarr, model=str(model), channel="DAPI")
    labels = ngio.open_ome_zarr_container(zarr).get_label("cells").get_as_numpy()[:, 0]
    assert not labels[0].any()
    assert np.array_equal(labels[1], predict(engine_of(model), frames[1, 1, 0]))
    assert f"{zarr}: a frame is blank, every pixel is 7: it gets no cells" in caplog.messages


def test_what_cannot_be_whole_is_not_written(tmp_path: Path) -> None:
    from cellprune_fractal.predict_cells import predict_cells

    model = str(onnx_file(tmp_path / "cells.onnx"))
    damaged = np.random.default_rng(0).normal(size=(2, 2, 1, 48, 64)).astype(np.float32)
    damaged[1] = np.nan
    zarr = image(tmp_path / "damaged.zarr", damaged, "tczyx")
    with pytest.raises(Exception, match="NaN or infinite pixels"):
        predict_cells(zarr_url=zarr, model=model, channel="DAPI")
    assert ngio.open_ome_zarr_container(zarr).list_labels() == []
    slices = image(tmp_path / "slices.zarr", np.ones((2, 3, 48, 64), np.uint16), "czyx")
    with pytest.raises(ValueError, match="project it first"):
        predict_cells(zarr_url=slices, model=model)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_label_is_replaced_only_by_a_whole_one(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cellprune_fractal import predict_cells

    model = str(onnx_file(tmp_path / "cells.onnx"))
    frames = np.random.default_rng(0).poisson(100, (2, 2, 1, 48, 64)).astype(np.uint16)
    zarr = image(tmp_path / "a.zarr", frames, "tczyx", version)
    predict_cells.predict_cells(zarr_url=zarr, model=model, channel="DAPI")
    label = ngio.open_ome_zarr_container(zarr).get_label("cells")
    usual, mine = label.get_as_numpy(), np.full_like(label.get_as_numpy(), 3)
    label.set_array(mine)  # corrected by hand
    asked = {"zarr_url": zarr, "model": model, "channel": "DAPI", "overwrite": True}

    def full(network: object, plane: np.ndarray) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(predict_cells, "predict", full)
        with pytest.raises(Exception, match="No space left"):
            predict_cells.predict_cells(**asked)
    assert np.array_equal(ngio.open_ome_zarr_container(zarr).get_label("cells").get_as_numpy(), mine)
    predict_cells.predict_cells(**asked)
    made = ngio.open_ome_zarr_container(zarr)
    assert made.list_labels() == ["cells"]
    assert np.array_equal(made.get_label("cells").get_as_numpy(), usual)
    assert made.get_label("cells").meta.name == "cells"
    assert sorted(path.name for path in Path(zarr, "labels").iterdir() if path.is_dir()) == ["cells"]
    with pytest.raises(Exception, match="already exists"):
        predict_cells.predict_cells(**asked | {"overwrite": False})


def test_the_manifest_is_that_of_the_task() -> None:
    from fractal_task_tools._create_manifest import MANIFEST_FILENAME, create_manifest

    manifest = json.loads((PACKAGE / "cellprune_fractal" / MANIFEST_FILENAME).read_text())
    assert manifest == create_manifest(raw_package_name="cellprune_fractal", task_list_path="dev.task_list")
    [task] = manifest["task_list"]
    assert (PACKAGE / "cellprune_fractal" / task["executable_parallel"]).is_file()
    assert task["args_schema_parallel"]["required"] == ["zarr_url", "model"]
