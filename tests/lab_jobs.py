"""Predictions without a network, as the command makes them, and all that they leave."""

from pathlib import Path

from lab_engines import Bright

from cellprune.lab import scale
from cellprune.lab.inputs import digest, find
from cellprune.lab.job import Done, run
from cellprune.lab.output import Output

SETTINGS = {"model": "0" * 64, "pixel_size": None, "rescale": False}


def predicted(
    inputs: Path | str,
    out: Path,
    engine: Bright | None = None,
    *,
    pixel_size=None,
    separate=False,
    shard=None,
    pace=None,
    outlines=(),
    axes=None,
    zarr_labels=None,
    **settings,
) -> Done:
    engine = engine or Bright()
    images, failures, _ = find([str(inputs)], axes)
    stacks = set() if separate else {image.stack for image in images if image.stack}
    output = Output(
        out, SETTINGS | settings, [image.name for image in images], stacks=stacks, outlines=outlines, shard=shard,
        inputs=digest(images, failures), zarr_labels=zarr_labels,
    )  # fmt: skip
    output.require_own_zarr_labels(images)
    if shard is not None:
        images, failures = ([one for one in all_ if shard.has(one.turn)] for all_ in (images, failures))
    sizes = scale.pixel_sizes(images, pixel_size)
    zooms = scale.zooms(engine.card, sizes, rescale=settings.get("rescale", False))
    return run(engine, images, output, pixel_sizes=sizes, zooms=zooms, failures=failures, pace=pace)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
