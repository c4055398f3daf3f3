"""What one large image takes of `cellprune predict`: seconds, peak memory, and bytes of scratch on the disk.

The image is a mosaic of a sequence's frames, mirrored so that their edges meet, and with noise of its own in each tile:
so cells lie across all seams. It is written tile by tile, and predicted in a process of its own, on one thread. With
--zarr it is an OME-Zarr in chunks and with smaller sizes, and its labels are written into it, too.

    cellprune export RUN -o NETWORK.onnx
    python benchmarks/large.py NETWORK.onnx PhC-C2DH-U373/01 --side 4096 16384 --folder ./large --json out.json [--zarr]
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
from itertools import product
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.images.omezarr import metadata
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
    parser.add_argument("--zarr", action="store_true", help="as OME-Zarr, in the place of TIFF")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows as JSON, too")
    arguments = parser.parse_args()
    frames = [read_grey_levels(image.path)[0] for image in find([arguments.frames])[0][:8]]
    arguments.folder.mkdir(exist_ok=True)
    rows = []
    for side in arguments.side:
        image = arguments.folder / f"mosaic-{side}.{'ome.zarr' if arguments.zarr else 'tif'}"
        if not image.exists():
            (write_zarr if arguments.zarr else write)(image, side, frames)
        output = arguments.folder / f"predicted-{side}{'-zarr' if arguments.zarr else ''}"
        more = {"side_px": side} | ({"format": "OME-Zarr"} if arguments.zarr else {})
        rows.append(measured(arguments.network, image, output) | more)
        print(rows[-1], flush=True)
        if arguments.json:
            versions = {name: version(name) for name in ("numpy", "scipy", "scikit-image", "tifffile", "onnxruntime")}
            versions["python"] = platform.python_version()
            documents.write_json(arguments.json, {"threads": 1, "versions": versions, "rows": rows})


def tiles(side: int, frames: list[NDArray]) -> Iterator[NDArray]:
    """Give a square image tile by tile, row by row."""
    height, width = frames[0].shape
    block = [[frame[:, ::flip] for flip in (1, -1)] for frame in frames]
    columns = [np.concatenate(pair, axis=1) for pair in block]
    wide = [np.concatenate([one, one[::-1]], axis=0) for one in columns]
    rng = np.random.default_rng(0)
    noises = rng.integers(-2, 3, (16, TILE_PX, TILE_PX))

    for top in range(0, side, TILE_PX):
        for left in range(0, side, TILE_PX):
            rows, across = np.arange(top, top + TILE_PX), np.arange(left, left + TILE_PX)
            frame = wide[(top // (2 * height) * 3 + left // (2 * width)) % len(wide)]
            tile = frame[np.ix_(rows % (2 * height), across % (2 * width))]
            yield np.clip(tile + noises[rng.integers(len(noises))], 0, 255).astype(tile.dtype)


def write(path: Path, side: int, frames: list[NDArray]) -> None:
    """Write a square image as a TIFF in tiles."""
    tifffile.imwrite(
        path, tiles(side, frames), shape=(side, side), dtype=frames[0].dtype, tile=(TILE_PX, TILE_PX),
        bigtiff=side > 2**15, photometric="minisblack", metadata=None,
    )  # fmt: skip


def write_zarr(path: Path, side: int, frames: list[NDArray]) -> None:
    """Write a square image as an OME-Zarr; its smaller sizes are left black, since nobody reads them here."""
    import zarr

    sizes = [side]
    while sizes[-1] > 2 * TILE_PX:
        sizes.append(sizes[-1] // 2)
    datasets = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [side / size] * 2}]}
        for n, size in enumerate(sizes)
    ]
    axes = [{"name": name, "type": "space"} for name in "yx"]
    metadata.write(path, {"multiscales": [{"axes": axes, "datasets": datasets}]}, "0.5")
    for n, size in enumerate(sizes):
        array = zarr.create_array(
            str(path / str(n)), shape=(size, size), dtype=frames[0].dtype, chunks=(TILE_PX, TILE_PX),
            dimension_names=["y", "x"],
        )  # fmt: skip
        starts = product(range(0, size, TILE_PX), repeat=2)
        for (top, left), tile in zip(starts, tiles(size, frames) if n == 0 else (), strict=False):
            bottom, right = min(size, top + TILE_PX), min(size, left + TILE_PX)
            array[top:bottom, left:right] = tile[: bottom - top, : right - left]


def measured(network: Path, image: Path, output: Path) -> dict[str, float | int]:
    """Predict in a process of its own; what it takes of the disk is looked at twice a second."""
    command = [sys.executable, "-m", "cellprune", "predict", str(network), str(image), "-o", str(output),
               "--engine", "onnx", *(["--zarr-labels", "cells"] if image.is_dir() else [])]  # fmt: skip
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
