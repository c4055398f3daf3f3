"""Do two versions of cellprune train the same networks? Eleven small runs with each, compared bit for bit.

    python benchmarks/same_results.py OLD NEW

OLD and NEW are folders that hold the package, such as two worktrees of this repository. Both run in this Python, one
thread, simulated cells and made-up images. The exit code is 1 where a mask or a weight differs.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cellprune.runs.folder import Folder

CELLS = (
    "--dataset simulated --model.width 4 --model.depth 2 --data.size 64 64 --epochs 3 "
    "--target classes --set training.batch_size=2 --set pruning.batch_size=4"
)
IMAGES = "--task classification --model resnet20 --epochs 1 --set training.batch_size=32 --set pruning.batch_size=16"
RUNS = {
    "prospr": f"{CELLS} --method prospr --prune 0.9",
    "snip": f"{CELLS} --method snip --prune 0.9",
    "force": f"{CELLS} --method force --prune 0.9 --set pruning.rounds=5",
    "grasp": f"{CELLS} --method grasp --prune 0.8",
    "synflow": f"{CELLS} --method synflow --prune 0.9 --set pruning.rounds=10",
    "magnitude": f"{CELLS} --method magnitude --prune 0.8",
    "gradual": f"{CELLS} --method gradual --prune 0.8",
    "lottery": f"{CELLS} --method lottery --prune 0.5",
    "rigl": f"{CELLS} --method rigl --prune 0.8",
    "channel": f"{CELLS} --method prospr --granularity channel --prune 0.5",
    "classification": f"{IMAGES} --method snip --prune 0.9 --dataset",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS), help="these alone")
    arguments = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.runs:
            old, new = (digests(tree, name, Path(place)) for tree in (arguments.old, arguments.new))
            same = old == new
            differing += not same
            told = "same" if same else f"DIFFERENT: {old[0]} {old[1]}"
            print(f"{name:15} masks {new[0]}  weights {new[1]}  {told}", flush=True)
    sys.exit(1 if differing else 0)


def digests(tree: Path, name: str, place: Path) -> tuple[str, str]:
    """Train one run with the package in a tree; hash its masks and its weights."""
    words = RUNS[name].split()
    section = tree / "cellprune" / "config" / "pruning.py"
    if name == "channel" and section.exists() and "shrink: bool" in section.read_text(encoding="utf-8"):
        words += ["--set", "pruning.shrink=false"]  # as older ones did: a smaller network sums in another order
    if name == "classification":
        words.append(str(made_up_images(place)))
    run = place / f"{hashlib.sha256(str(tree).encode()).hexdigest()[:8]}-{name}"
    program = "import sys; from cellprune.cli.main import main; main(sys.argv[1:])"
    # -c looks in the current folder first, so that must not be a tree
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve()), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", program, "train", *words, "-o", str(run), "--data-root", str(place)],
        env=environment, cwd=place, check=True, capture_output=True, text=True,
    )  # fmt: skip
    _, weights, masks = Folder(run).read_model()
    return digest(masks), digest(weights)


def made_up_images(place: Path) -> Path:
    """Write images of ten classes as an npz: grey noise, brighter in a place that the class decides."""
    path = place / "images.npz"
    if not path.exists():
        random = np.random.default_rng(0)
        arrays: dict[str, np.ndarray] = {}
        for part, n_images in (("train", 320), ("test", 80)):
            labels = np.arange(n_images) % 10
            images = random.integers(0, 90, (n_images, 32, 32, 3))
            for image, label in zip(images, labels, strict=True):
                image[3 * label : 3 * label + 4] += 100
            arrays |= {f"x_{part}": images.astype(np.uint8), f"y_{part}": labels}
        np.savez(path, label_names=np.array([f"class {number}" for number in range(10)]), **arrays)
    return path


def digest(arrays: dict[str, np.ndarray]) -> str:
    content = hashlib.sha256()
    for name in sorted(arrays):
        content.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + arrays[name].tobytes())
    return content.hexdigest()[:12]


if __name__ == "__main__":
    main()
