"""StarDist from scratch on the training part of a run of cellprune: the cells of the held-out part as label images.

One thread; the time of training and of prediction is CPU time of the process.

    python stardist_cells.py RUN IMAGES -o FOLDER --steps 1200     some 20 CPU minutes for crops of 256 x 256
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"})

import numpy as np
import yaml
from csbdeep.utils import normalize
from skimage.io import imread
from stardist.models import Config2D, StarDist2D
from tifffile import imwrite

CROP_PX, CROPS = 256, 4
SHARE_TO_WATCH = 0.1  # of the training part: its thresholds are chosen there


def main() -> None:
    """Train, choose the thresholds, find the cells, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="whose split.yaml says what is held out")
    parser.add_argument("images", type=Path, help="folder with images/NAME.png and labels/NAME.tif")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200, help="of four crops (default 1200)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    parts = yaml.safe_load((arguments.run / "split.yaml").read_text())["parts"]
    names = {part: [Path(frame["name"]).stem for frame in parts[part]] for part in ("train", "report")}
    random = np.random.default_rng(arguments.seed)
    shuffled = list(random.permutation(names["train"]))
    n_watched = round(SHARE_TO_WATCH * len(shuffled))
    watched, learned = (read(arguments.images, part) for part in (shuffled[:n_watched], shuffled[n_watched:]))

    started = time.process_time()
    epochs = 12
    model = StarDist2D(
        Config2D(n_rays=32, grid=(2, 2), train_patch_size=(CROP_PX, CROP_PX), train_batch_size=CROPS,
                 train_epochs=epochs, train_steps_per_epoch=arguments.steps // epochs, train_tensorboard=False),
        name="model",
        basedir=str(arguments.output),
    )  # fmt: skip
    model.train(*learned, validation_data=watched, augmenter=Augment(random), seed=arguments.seed)
    model.optimize_thresholds(*watched)
    training_s = time.process_time() - started

    for kind in ("truth", "result"):
        (arguments.output / kind).mkdir(parents=True, exist_ok=True)
    pixels, started = 0, time.process_time()
    for name in names["report"]:
        image = read(arguments.images, [name], pad=False)[0][0]
        labels, _ = model.predict_instances(image)
        imwrite(arguments.output / "result" / f"{name}.tif", labels.astype(np.uint16))
        shutil.copy(arguments.images / "labels" / f"{name}.tif", arguments.output / "truth" / f"{name}.tif")
        pixels += image.size
    seconds = time.process_time() - started
    print(json.dumps({"training_cpu_s": round(training_s), "cpu_s_per_megapixel": round(seconds / pixels * 1e6, 3)}))


def read(folder: Path, names: Sequence[str], *, pad: bool = True) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read images, percentiles 1 and 99.8 at 0 and 1, and their labels; small ones are padded to a crop's size."""
    images, labels = [], []
    for name in names:
        image = imread(folder / "images" / f"{name}.png")
        grey = image if image.ndim == 2 else image[..., :3].mean(-1)
        short = [(0, max(0, CROP_PX - side)) if pad else (0, 0) for side in grey.shape]
        images.append(np.pad(normalize(grey, 1, 99.8).astype(np.float32), short, mode="reflect"))
        labels.append(np.pad(imread(folder / "labels" / f"{name}.tif").astype(np.int32), short, mode="constant"))
    return images, labels


class Augment:
    """Turns, flips and brightness, as StarDist's own examples have them."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def __call__(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Change an image and its labels alike."""
        turns, mirror = self._random.integers(4), self._random.random() < 0.5
        image, labels = (np.rot90(part, turns) for part in (image, labels))
        if mirror:
            image, labels = image[::-1], labels[::-1]
        scale, shift = self._random.uniform(0.6, 2), self._random.uniform(-0.2, 0.2)
        return image * scale + shift + 0.02 * self._random.standard_normal(image.shape), labels


if __name__ == "__main__":
    main()
