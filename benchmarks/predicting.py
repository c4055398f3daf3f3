"""Predicting a large image, in tiles and in one piece: megapixels a second and peak memory, one thread.

Each case runs in a process of its own, so that its peak memory is its own. The image is 4096 x 4096 px of noise, zoom
1, from raw pixels to labels: normalized, through the network, decided, numbered. Whole is left out where it would need
more than --limit GB.

    python benchmarks/predicting.py                       width 8 and 64, tiled; whole where it fits: some half an hour
    python benchmarks/predicting.py --widths 8 --side 2048
    python benchmarks/predicting.py --json out.json       the same table for programs
"""

import argparse
import time
from typing import Any

import fresh_process


def main() -> None:
    """Measure every case in a fresh process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 64], help="of the U-Net's first level")
    parser.add_argument("--side", type=int, default=4096, help="of the image, px (default 4096)")
    parser.add_argument("--limit", type=float, default=6, help="GB that the network may take in one piece (default 6)")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON, too")
    arguments = parser.parse_args()
    rows = []
    print(f"{'network':10} {'way':>6} {'CPU s':>8} {'Mpx/s':>7} {'tiles':>6} {'peak MiB':>9} {'extra MiB':>10}")
    for width in arguments.widths:
        for way in ("tiled", "whole"):
            row = fresh_process.run(measure, width=width, way=way, side=arguments.side, limit=arguments.limit)
            rows.append(row)
            if row["cpu_s"] is None:
                print(f"unet{width:<6} {way:>6}   left out: would take {row['needs_gb']:.0f} GB", flush=True)
                continue
            print(f"unet{width:<6} {way:>6} {row['cpu_s']:8.1f} {row['mpx_s']:7.3f} {row['tiles']:6d} "
                  f"{row['peak_mib']:9.0f} {row['extra_mib']:10.0f}", flush=True)  # fmt: skip
    print("Mpx/s: native megapixels a second of CPU time; extra: beyond what the process held before the prediction")
    if arguments.json:
        fresh_process.write(arguments.json, rows=rows)


def measure(width: int, way: str, side: int, limit: float) -> dict[str, Any]:
    """Predict once in this process: CPU seconds, megapixels a second, tiles, peak and extra memory in MiB."""
    import numpy as np
    import psutil
    import torch

    from cellprune.engines.torch import engine
    from cellprune.lab import tiles
    from cellprune.lab.segment import cells_in
    from cellprune.models import build

    torch.manual_seed(0)
    network = engine(build({"name": "unet", "width": width}), device="cpu")
    needs = network.bytes_per_pixel * side**2
    row: dict[str, Any] = {"width": width, "way": way, "side": side, "needs_gb": needs / 1e9, "cpu_s": None}
    if way == "whole" and needs > limit * 1e9:
        return row
    assert network.receptive_field is not None  # measured here: a model file of today holds it
    image = np.random.default_rng(0).random((1, side, side), dtype=np.float32)
    n_tiles = 1

    def count(done: int, of: int) -> None:
        nonlocal n_tiles
        n_tiles = of

    before, began = psutil.Process().memory_info().rss / 2**20, time.process_time()
    memory = tiles.MEMORY_BYTES if way == "tiled" else float("inf")
    cells_in(network, image, memory_bytes=memory, step=count)
    spent = time.process_time() - began
    peak = fresh_process.peak_mib()
    measured = {"cpu_s": spent, "mpx_s": side**2 / 1e6 / spent, "tiles": n_tiles}
    return row | measured | {"peak_mib": peak, "extra_mib": peak - before}


if __name__ == "__main__":
    main()
