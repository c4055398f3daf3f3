"""What one large image takes of `cellprune predict`: seconds, peak memory, and bytes of scratch on the disk.

The image is a mosaic of a sequence's frames, mirrored so that their edges meet, and with noise of its own in each tile:
so cells lie across all seams. It is written tile by tile, and predicted in a process of its own, on one thread.

    cellprune export RUN -o NETWORK.onnx
    python benchmarks/large.py NETWORK.onnx PhC-C2DH-U373/01 --side 4096 16384 --folder ./large --json out.json
"""

import argparse
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.images.read import read_grey_levels
from cellprune.lab.inputs import find
from cellprune.runs import documents

TILE_PX = 512


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help="an ONNX file of 'cellprune export'")
    parser.add_argument("frames", help="folder with images in it")
    parser.add_argument("--side", type=int, nargs="+", default=[4096], help="of the square image, in pixels")
    parser.add_argument("--folder", type=Path, default=Path("large"), help="for the images and results")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows as JSON, too")
    arguments = parser.parse_args()
    frames = [read_grey_levels(image.path)[0] for image in find([arguments.frames])[0][:8]]
    arguments.folder.mkdir(exist_ok=True)
    rows = []
    for side in arguments.side:
        image = arguments.folder / f"mosaic-{side}.tif"
        if not image.exists():
            write(image, side, frames)
        rows.append(measured(arguments.network, image, arguments.folder / f"predicted-{side}") | {"side_px": side})
        print(rows[-1], flush=True)
        if arguments.json:
            versions = {name: version(name) for name in ("numpy", "scipy", "scikit-image", "tifffile", "onnxruntime")}
            versions["python"] = platform.python_version()
            documents.write_json(arguments.json, {"threads": 1, "versions": versions, "rows": rows})


def write(path: Path, side: int, frames: list[NDArray]) -> None:
    """Write a square image tile by tile."""
    height, width = frames[0].shape
    block = [[frame[:, ::flip] for flip in (1, -1)] for frame in frames]
    columns = [np.concatenate(pair, axis=1) for pair in block]
    wide = [np.concatenate([one, one[::-1]], axis=0) for one in columns]
    rng = np.random.default_rng(0)
    noises = rng.integers(-2, 3, (16, TILE_PX, TILE_PX))

    def tiles() -> Iterator[NDArray]:
        for top in range(0, side, TILE_PX):
            for left in range(0, side, TILE_PX):
                rows, across = np.arange(top, top + TILE_PX), np.arange(left, left + TILE_PX)
                frame = wide[(top // (2 * height) * 3 + left // (2 * width)) % len(wide)]
                tile = frame[np.ix_(rows % (2 * height), across % (2 * width))]
                yield np.clip(tile + noises[rng.integers(len(noises))], 0, 255).astype(tile.dtype)

    tifffile.imwrite(
        path, tiles(), shape=(side, side), dtype=frames[0].dtype, tile=(TILE_PX, TILE_PX),
        bigtiff=side > 2**15, photometric="minisblack", metadata=None,
    )  # fmt: skip


def measured(network: Path, image: Path, output: Path) -> dict[str, float | int]:
    """Predict in a process of its own; what it takes of the disk is looked at twice a second."""
    command = [sys.executable, "-m", "cellprune", "predict", str(network), str(image), "-o", str(output),
               "--engine", "onnx"]  # fmt: skip
    most = {"scratch": 0}
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            sizes = (path.stat().st_blocks * 512 for path in (output / "labels").glob(".*/*") if path.exists())
            most["scratch"] = max(most["scratch"], sum(sizes))

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    done.set()
    watcher.join()
    if status:
        raise SystemExit(f"predict ended with {status}")
    record = documents.read_json(output / "prediction.json")
    return {
        "wall_s": round(time.monotonic() - began, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6),
        "scratch_mb": round(most["scratch"] / 1e6),
        "cells": record["cells"],
    }


if __name__ == "__main__":
    main()
