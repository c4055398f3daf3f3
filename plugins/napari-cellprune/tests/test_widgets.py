"""The widgets in a real viewer: what is chosen is predicted beside it, cancelled, or refused in one line.

They need a screen, or a virtual one: `xvfb-run -a pytest plugins/napari-cellprune/tests`.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from drawn_recording import N_FRAMES, SIZE, bright_model, cells_at

pytest.importorskip("napari", reason="needs napari: pip install 'napari-cellprune[test]'")
pytest.importorskip("pytestqt")

from napari.components import ViewerModel
from napari.utils.notifications import NotificationSeverity, notification_manager

from cellprune.lab import segment
from napari_cellprune import predicting
from napari_cellprune.layers import Plane, image_layer
from napari_cellprune.widgets import Compare, Predict

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

PLUGIN = "napari-cellprune"
WAIT_MS = 60_000


@pytest.fixture
def viewer(make_napari_viewer: "Callable[..., Viewer]") -> "Viewer":
    notification_manager.records.clear()
    return make_napari_viewer()


def said(severity: NotificationSeverity) -> list[str]:
    return [note.message for note in notification_manager.records if note.severity == severity]


def opened(viewer: "Viewer", name: str) -> "Predict | Compare":
    """Open a widget as the menu does, by the manifest."""
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    return widget


def test_a_folder_is_opened_and_a_damaged_one_is_one_line(viewer: "Viewer", challenge: Path) -> None:
    viewer.open(challenge, plugin=PLUGIN)
    names = ["01 image", "01 truth (1 of 3 frames)", "01 true tracks", "01 result", "01 tracks"]
    assert [layer.name for layer in viewer.layers] == names
    assert viewer.dims.range[0].stop == N_FRAMES - 1
    (challenge / "01/t001.tif").write_bytes(b"II*\0broken")
    assert viewer.open(challenge, plugin=PLUGIN) == []
    (line,) = said(NotificationSeverity.ERROR)
    assert "t001.tif is not a whole TIFF or PNG" in line


def test_images_of_any_channels_become_layers(tmp_path: Path) -> None:
    viewer = ViewerModel()
    for name, shape, axes in (("grey", SIZE, None), ("two", (2, *SIZE), "CYX"), ("rgb", (*SIZE, 3), None)):
        path, said_of_axes = tmp_path / f"{name}.tif", axes and {"axes": axes}
        tifffile.imwrite(path, np.ones(shape, np.uint16), imagej=bool(axes), metadata=said_of_axes)
        for n_planes in (1, 2):
            data, said, _ = image_layer(name, [Plane(path)] * n_planes, (0.5, 0.25))
            added = viewer.add_image(data, **said)
            added = added if isinstance(added, list) else [added]
            assert len(added) == (2 if name == "two" else 1)
            for layer in added:
                assert (layer.rgb, layer.data.ndim) == (name == "rgb", 1 + n_planes + (name == "rgb"))
                assert tuple(layer.scale[-2:]) == (0.5, 0.25)


def test_cells_are_found_beside_the_image(viewer: "Viewer", model: Path, qtbot: "QtBot") -> None:
    stack = np.stack([cells_at(at) for at in range(N_FRAMES)])
    image = viewer.add_image(stack, name="film", scale=(1, 500, 500), units=("pixel", "nm", "nm"), translate=(0, 3, 4))
    widget = opened(viewer, "Find cells")
    assert widget.image.value is image
    widget.model.value = model
    widget.work.start()
    assert not widget.work.button.enabled
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT_MS)
    labels = viewer.layers[1]
    assert labels.name == "film cells (bright)"
    assert np.array_equal(labels.data > 0, stack > 0)
    for of in ("scale", "translate", "units"):
        assert tuple(getattr(labels, of)) == tuple(getattr(image, of))
    assert widget.work.said.value == "7 cells"
    assert widget.work.button.enabled
    assert said(NotificationSeverity.WARNING) == [], "500 nm are the model's 0.5 um"
    image.units = ("pixel", "um", "um")
    widget.work.start()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=WAIT_MS)
    (line,) = said(NotificationSeverity.WARNING)
    assert line.startswith("film has pixels of 500 x 500 um, but the model learned from 0.5 x 0.5 um")


def test_cancelling_leaves_the_layers_as_they_were(
    viewer: "Viewer", model: Path, qtbot: "QtBot", monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(*words: object, **options: object) -> object:
        began.set()
        assert go_on.wait(20)
        return segment.cells_in(*words, **options)

    monkeypatch.setattr(predicting, "cells_in", slow)
    viewer.add_image(np.stack([cells_at(0)] * 50), name="film")
    widget = opened(viewer, "Find cells")
    widget.model.value = model
    widget.work.start()
    qtbot.waitUntil(began.is_set, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: widget.work.said.value == "image 1 of 50", timeout=WAIT_MS)
    assert widget.work.cancel.enabled
    widget.work.stop()
    go_on.set()
    qtbot.waitUntil(lambda: widget.work.button.enabled, timeout=WAIT_MS)
    assert widget.work.said.value == "cancelled: the layers are as they were"
    assert (widget.work.bar.value, len(viewer.layers)) == (0, 1)


def test_two_models_are_two_layers_and_a_sentence(
    viewer: "Viewer", model: Path, tmp_path: Path, qtbot: "QtBot"
) -> None:
    viewer.add_image(np.stack([cells_at(0)] * 3, axis=-1).astype(np.uint8), rgb=True, name="photo")
    widget = opened(viewer, "Compare two models")
    widget.first.value, widget.second.value = model, bright_model(tmp_path / "pruned.onnx", above=-0.001)
    widget.work.start()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=WAIT_MS)
    assert [layer.name for layer in viewer.layers][1:] == ["photo cells (bright)", "photo cells (pruned)"]
    assert viewer.layers[1].data.shape == SIZE
    assert widget.work.said.value == "2 cells in both (IoU above 0.5), 0 in bright alone, 0 in pruned alone"


def test_what_stands_in_the_way_is_one_line(viewer: "Viewer", tmp_path: Path, qtbot: "QtBot") -> None:
    widget = opened(viewer, "Find cells")
    widget.work.start()
    viewer.add_image(np.zeros(SIZE), metadata={"cellprune model": str(tmp_path / "a run")}, name="blank")
    assert Path(widget.model.value) == tmp_path / "a run", "an image of a run names it"
    widget.work.start()
    qtbot.waitUntil(lambda: widget.work.button.enabled, timeout=WAIT_MS)
    widget.model.value = None
    widget.work.start()
    assert said(NotificationSeverity.ERROR) == [
        "no image is open: open one, and choose it",
        f"there is no file or folder {str(tmp_path / 'a run')!r}: choose a model",
        "a model is missing: choose an ONNX file, a model file or the folder of a run",
    ]
    assert len(viewer.layers) == 1


def test_a_widget_that_is_closed_stops_its_work(
    viewer: "Viewer", model: Path, qtbot: "QtBot", monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, left = threading.Event(), threading.Event()

    def slow(*words: object, **options: object) -> object:
        assert go_on.wait(20)
        left.set()
        return segment.cells_in(*words, **options)

    monkeypatch.setattr(predicting, "cells_in", slow)
    viewer.add_image(np.stack([cells_at(0)] * 5), name="film")
    widget = opened(viewer, "Find cells")
    widget.model.value = model
    widget.work.start()
    work = widget.work
    widget.native.deleteLater()
    qtbot.waitUntil(lambda: work._worker is None, timeout=WAIT_MS)
    go_on.set()
    qtbot.waitUntil(left.is_set, timeout=WAIT_MS)
    qtbot.wait(200)
    assert len(viewer.layers) == 1
