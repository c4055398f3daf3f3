"""The lab works where torch is not: what a later machine without it needs of this house."""

import subprocess
import sys

CODE = """
import sys
for name in ("torch", "monai", "sklearn"):
    sys.modules[name] = None  # importing it raises ImportError
import numpy as np
from pathlib import Path
import cellprune
from cellprune.lab import cells, engine, inputs, instances, job, output, overlay, scale, segment, tiles
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
