"""The picture of napari on its page: a simulated sequence as layers, and the cells that two models find in it.

    cellprune data simulate cells
    cellprune train --dataset simulated --model.width 8 --data.size 128 128 --epochs 15 -o dense
    cellprune train --dataset simulated --model.width 8 --data.size 128 128 --epochs 15 -o pruned --prune 0.9 \\
        --granularity channel
    cellprune export dense -o dense.onnx
    cellprune export pruned -o pruned.onnx
    xvfb-run -a python benchmarks/napari_picture.py cells/02 dense.onnx pruned.onnx

It needs the plug-in with napari (plugins/napari-cellprune), and writes docs/pictures/napari.png.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

PICTURE = Path(__file__).parent.parent / "docs/pictures/napari.png"
SIZE = 1280, 760
FRAME = 8  # the one that is shown
LONGEST_S = 300


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sequence, dense, pruned = map(Path, sys.argv[1:])
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    viewer.open(sequence, plugin="napari-cellprune")
    _, widget = viewer.window.add_plugin_dock_widget("napari-cellprune", "Compare two models")
    widget.first.value, widget.second.value = dense, pruned
    widget.work.start()
    _wait(lambda: widget.work.button.enabled)
    truth, *found = (layer for layer in viewer.layers if isinstance(layer, napari.layers.Labels))
    truth.visible = False
    for layer in found:
        layer.contour = 2
    found[-1].visible = False
    viewer.dims.set_current_step(0, FRAME)
    _draw()
    viewer.reset_view()
    _draw()
    shown = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
    shown.quantize(256).save(PICTURE, optimize=True)
    print(widget.work.said.value, PICTURE.stat().st_size, "bytes", shown.size)
    viewer.close()


def _draw() -> None:
    """Let the window find its layout and draw itself."""
    began = time.monotonic()
    _wait(lambda: time.monotonic() - began > 2)


def _wait(until: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not until():
        QApplication.processEvents()
        time.sleep(0.02)
        assert time.monotonic() - began < LONGEST_S


if __name__ == "__main__":
    main()
