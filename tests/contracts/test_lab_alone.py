"""The lab works where torch is not: what a later machine without it needs of this house."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile
from onnx_files import model_file, network_of, onnx_file

from cellprune import predict

CODE = """
import sys
for name in ("torch", "monai", "sklearn"):
    sys.modules[name] = None  # importing it raises ImportError
import numpy as np
from pathlib import Path
import cellprune
from cellprune.lab import cells, engine, inputs, job, output, overlay, scale, segment, tiles
from cellprune.runs.modelcard import ModelCard, ReceptiveField

class Bright:
    card = ModelCard.model_validate({"classes": ["background", "cell"], "zoom": (0.5, 0.5)})
    input_size = int
    receptive_field = ReceptiveField(radius_px=0, stride_px=1)
    bytes_per_pixel = 1.0
    def __call__(self, images):
        return np.concatenate([images < 1, images >= 1], axis=1).astype(np.float32)

image = np.zeros((40, 40)); image[10:20, 10:20] = 1
print(cellprune.predict(Bright(), image).max())
"""


def test_the_lab_predicts_with_torch_blocked() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"


PREDICT = """
import sys
for name in ("torch", "torchvision", "monai", "sklearn", "onnx", "accelerate", "psutil"):
    sys.modules[name] = None
for name in ("yaml", "rich.progress", "platformdirs", "cellprune.runs.folder"):
    sys.modules[name] = None  # which the core has, but loading them would take a tenth of the start
from cellprune.cli.main import main
main(sys.argv[1:])
"""


def test_an_onnx_file_predicts_with_torch_blocked(tmp_path: Path) -> None:
    network = network_of()
    rng = np.random.default_rng(0)
    for at in range(2):
        tifffile.imwrite(tmp_path / f"a{at}.tif", rng.integers(0, 255, (50, 60)).astype(np.uint8))
    images = sorted(tmp_path.glob("*.tif"))
    words = ["predict", onnx_file(tmp_path / "a.onnx", network), *images, "-o", tmp_path / "out", "--engine", "onnx"]
    done = subprocess.run([sys.executable, "-c", PREDICT, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for image in images:
        labels = tifffile.imread(tmp_path / "out" / "labels" / image.name)
        # untrained, its image is zoomed as the card says
        model = model_file(tmp_path / "model.safetensors", network)
        assert np.array_equal(labels, predict(model, tifffile.imread(image)))
        assert labels.any()


def test_a_run_without_torch_says_what_to_do(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.arange(64, dtype=np.uint8).reshape(8, 8))
    words = ["predict", str(tmp_path / "model.safetensors"), str(tmp_path / "a.tif"), "-o", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", PREDICT, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "needs torch, which is not installed: pip install 'cellprune[train]', or make an ONNX file" in done.stderr
