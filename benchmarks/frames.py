"""What `cellprune predict` takes of one thread: frames per second from file to file, the start, the network alone.

CPU time, so that what else the machine does counts little. The cases take turns, some frames of each at a time; told is
the median frame. What was asked stands beside it; it is asked of frames of 520 x 696 and a flat network of width 16.

    cellprune export RUN -o NETWORK.onnx
    python benchmarks/frames.py path NETWORK.onnx PhC-C2DH-U373/01      some two minutes
    python benchmarks/frames.py start NETWORK.onnx PhC-C2DH-U373/01     some ten seconds
    python benchmarks/frames.py native NETWORK.onnx PhC-C2DH-U373/01    the network on a frame that is not zoomed
    python benchmarks/frames.py labelling NETWORK.onnx PhC-C2DH-U373/01 the network, and what makes cells of its maps
    python benchmarks/frames.py path NETWORK.onnx PhC-C2DH-U373/01 --json out.json
"""

import argparse
import os

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise, product
from pathlib import Path
from statistics import median
from time import process_time

from cellprune.config.decoding import Decoding
from cellprune.images.network_input import seen
from cellprune.images.read import read_image
from cellprune.lab import scale, tiles
from cellprune.lab.engine import Engine, engine_of
from cellprune.lab.inputs import Image, find
from cellprune.lab.job import run
from cellprune.lab.output import Output
from cellprune.lab.segment import decoded
from cellprune.runs import documents
from cellprune.structure.in_turn import in_turn

ENGINES = (("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "bf16"))
ASKED_FPS = {True: 10.0, False: 18.0}  # with and without overlays
ASKED_OF_START_S = 1.0
ASKED_OF_NATIVE_MS = {("openvino", "fp32"): 110.0, ("openvino", "bf16"): 45.0}
ASKED_OF_LABELLING = 0.2  # of the network's time
PART = 8  # frames at a time, of which the first is not counted

Row = dict[str, str | float | None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["path", "labelling", "start", "native"])
    parser.add_argument("network", type=Path, help="an ONNX file of 'cellprune export'")
    parser.add_argument("folder", help="with images in it")
    parser.add_argument("--frames", type=int, default=48, help="of each case (default 48)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows as JSON, too")
    arguments = parser.parse_args()
    images = find([arguments.folder])[0][: arguments.frames]
    measure = {"path": path, "labelling": labelling, "start": start, "native": native}[arguments.what]
    rows = measure(arguments.network, images)
    for row in rows:
        print("  ".join(f"{key} {value:.3g}" if isinstance(value, float) else str(value) for key, value in row.items()))
    if arguments.json:
        packages = [name for name in ("numpy", "scipy", "scikit-image", "onnxruntime", "openvino") if _is_here(name)]
        versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
        documents.write_json(arguments.json, {"what": arguments.what, "threads": 1, "versions": versions, "rows": rows})


def path(network: Path, images: Sequence[Image]) -> list[Row]:
    """Time frames from file to file, and apart from them the network and the labelling."""
    engines = _engines(network)
    own = next(iter(engines.values())).card.usual_decoder.name
    decoders = (own, "components") if own == "watershed" else (own,)
    cases = list(product(engines, decoders, (True, False)))
    took: dict[tuple[tuple[str, str], str, bool], list[float]] = {case: [] for case in cases}
    for first in range(0, len(images), PART):
        for case in cases:
            took[case] += _frames(engines[case[0]], images[first : first + PART], decoder=case[1], overlays=case[2])
    rows: list[Row] = []
    for (engine, decoder, overlays), seconds in took.items():
        shown = f"{' '.join(engine)}, {decoder}, {'overlays' if overlays else 'no overlays'}"
        asked = ASKED_FPS[overlays] if engine == ENGINES[0] else None
        rows.append({"case": shown, "ms": 1000 * median(seconds), "fps": 1 / median(seconds), "asked": asked})
    return [*rows, _labelling(engines[ENGINES[0]], images)]


def _frames(engine: Engine, images: Sequence[Image], *, decoder: str, overlays: bool) -> list[float]:
    """Predict some images into a folder, and give the seconds of all but the first."""
    sizes = scale.pixel_sizes(images, None)
    zooms = scale.zooms(engine.card, sizes, rescale=False)
    how = engine.card.decoder_by(Decoding(name=decoder))
    stamps: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        output = Output(Path(folder) / "cells", {}, [image.name for image in images], overlays=overlays)
        run(
            engine, images, output, pixel_sizes=sizes, zooms=zooms, decoder=how,
            tell=lambda done, message: stamps.append(process_time()),
        )  # fmt: skip
    return [after - before for before, after in pairwise(stamps)]


def labelling(network: Path, images: Sequence[Image]) -> list[Row]:
    """Time the network and its own decoder apart from all else."""
    return [_labelling(engine_of(network, engine=ENGINES[0][0], precision=ENGINES[0][1]), images)]


def _labelling(engine: Engine, images: Sequence[Image]) -> Row:
    """Time the network and what makes cells of its maps, frame by frame."""
    network, labelling = [], []
    for image in images:
        pixels = read_image(image.path, image.plane, channels=engine.card.in_channels)
        shown = seen(pixels, engine.card)
        begin = process_time()
        maps = tiles.probabilities(engine, shown)
        between = process_time()
        decoded(engine.card, maps, image.header.size)
        network.append(between - begin)
        labelling.append(process_time() - between)
    share = median(labelling) / median(network)
    return {
        "case": "labelling beside the network", "ms": 1000 * median(labelling), "network_ms": 1000 * median(network),
        "share": share, "asked": ASKED_OF_LABELLING,
    }  # fmt: skip


def start(network: Path, images: Sequence[Image]) -> list[Row]:
    """Time whole processes that predict one image: the least of five."""
    seconds = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "cellprune", "predict", str(network), str(images[0].path)]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*command, "-o", f"{folder}/cells", "--engine", "onnx"], check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return [{"case": "a process that predicts one image", "s": min(seconds), "asked": ASKED_OF_START_S}]


def native(network: Path, images: Sequence[Image]) -> list[Row]:
    """Time the network on an image that is not zoomed."""
    pixels = read_image(images[0].path, images[0].plane)[None]
    engines = _engines(network)
    passes = {f"{engine} {precision}": lambda run=made: run(pixels) for (engine, precision), made in engines.items()}
    took = in_turn(passes, threads=1, passes=9).milliseconds
    size = " x ".join(map(str, images[0].header.size))
    return [
        {"case": f"{' '.join(name)}, {size}", "ms": took[" ".join(name)], "asked": ASKED_OF_NATIVE_MS.get(name)}
        for name in engines
    ]


def _engines(network: Path) -> dict[tuple[str, str], Engine]:
    here = [row for row in ENGINES if row[0] == "onnx" or _is_here(row[0])]
    return {row: engine_of(network, engine=row[0], precision=row[1]) for row in here}


def _is_here(package: str) -> bool:
    return find_spec({"scikit-image": "skimage"}.get(package, package)) is not None


if __name__ == "__main__":
    main()
