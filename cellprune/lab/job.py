"""Many images through one network into one folder: what is done stays done, what cannot be read is listed."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from numpy.typing import NDArray

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.network_input import network_size
from cellprune.images.read import in_unit_range
from cellprune.lab import tiles
from cellprune.lab.cells import cells
from cellprune.lab.engine import Engine, Floats
from cellprune.lab.gathering import Failure
from cellprune.lab.inputs import Image
from cellprune.lab.output import Labels, Output
from cellprune.lab.overlay import overlay_png
from cellprune.lab.scale import Scale, unknown_scale
from cellprune.lab.segment import cells_in, require_channels
from cellprune.lab.table import Table
from cellprune.targets.decoders import Decoder
from cellprune.targets.target import Instances
from cellprune.wording import printable

Tell = Callable[[int, str], None]  # images done, and what is under way
Pace = Callable[[float, int], None]  # seconds of the first image that is computed, and images that are left
Draw = Callable[..., bytes]  # an image and its labels -> an overlay
Decode = Callable[[Floats], Instances]  # a native image -> its cells


@dataclass
class Done:
    """What came of a job, image by image as it goes on.

    Attributes:
        rows: of the table of cells.
        images: name, source, frame and number of cells of each image that is done; of a shard its turn, too.
        kept: how many of these were there before.
        failures: what could not be predicted.
        tiled: names of the images that went through in tiles.
        grey: files that are saved in colour, all channels equal, and were read as grey.
    """

    failures: list[Failure]
    rows: Table
    images: list[dict[str, Any]] = field(default_factory=list)
    kept: int = 0
    tiled: list[str] = field(default_factory=list)
    grey: list[str] = field(default_factory=list)

    def record(self) -> dict[str, object]:
        """Give what prediction.json says of it."""
        return {
            "images": self.images,
            "cells": len(self.rows),
            "tiled": self.tiled,
            "failed": [{"image": failure.shown, "why": failure.why} for failure in self.failures],
        }


def run(
    engine: Engine,
    images: Sequence[Image],
    output: Output,
    *,
    pixel_sizes: dict[str, Scale | None],
    zooms: dict[str, Scale],
    failures: Sequence[Failure] = (),
    numbers: bool = False,
    decoder: Decoder | None = None,
    min_area_px: float | None = None,
    tell: Tell = lambda done, message: None,
    pace: Pace | None = None,
) -> Done:
    """Predict every image that is not done yet.

    Args:
        engine: the network.
        images: as `inputs.find` gives them.
        output: the folder.
        pixel_sizes: (y, x) in um by the image's name; None where unknown.
        zooms: (y, x) network pixels for a native one by the image's name; an image without them is not predicted.
        failures: inputs that are lost already, for the record.
        numbers: whether overlays show the number of each cell.
        decoder, min_area_px: see `segment.cells_in`.
        tell: told of each image, and of each tile of a large one.
        pace: told once.
    Returns:
        What came of it; all of it is on the disk.
    Raises:
        ImageError: no image has the channels that the network takes; nothing is written. Of a shard, which need not
            see them all, its images are failures then.
        WorkError: the output cannot be written; what is done stays, and the same call goes on from there.
    """
    if output.shard is None and not any(_fits(engine, image) for image in images):
        _require_channels(engine, images[0], images[0].shown)
    draw: Draw | None = partial(overlay_png, numbers=numbers) if output.overlays else None
    decode = partial(cells_in, engine, decoder=decoder, min_area_px=min_area_px)
    with output.locked():
        output.sweep(images)
        done = Done(list(failures), output.table())
        finished = False
        try:
            for at, image in enumerate(images):
                size, zoom, step = pixel_sizes[image.name], zooms.get(image.name), _tiles(tell, at, image)
                drawn, began = draw and partial(draw, pixel_size_um=size), monotonic()
                _one(engine, image, output, done, partial(decode, zoom=zoom, step=step), drawn, size, zoom)
                tell(at + 1, image.shown)
                if pace is not None and len(done.images) > done.kept:
                    pace(monotonic() - began, len(images) - at - 1)
                    pace = None
                if image.stack in output.stacks and image.plane == (n_planes := image.header.planes) - 1:
                    _join(output, images[at + 1 - n_planes : at + 1], done, size)
            finished = True
        except WorkError as error:
            reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else None
            raise WorkError(
                f"{reason or error}: {len(done.images)} of {len(images)} images are done and kept in {output.path}; "
                "free space or mend the folder, then give the same command again"
            ) from error
        finally:
            # stopped by a full disk or Ctrl-C, the table is still made to fit the labels that are there, if it can be
            with nullcontext() if finished else suppress(WorkError):
                output.write_table(done.rows)
                output.write_record({"finished": finished, **done.record()})
    return done


def _join(output: Output, stack: Sequence[Image], done: Done, pixel_size_um: Scale | None) -> None:
    """Make one file of a stack's labels; if an image of it failed, all keep their own, so that none looks empty."""
    if {printable(image.name) for image in stack} <= {image["name"] for image in done.images[-len(stack) :]}:
        output.join(stack, pixel_size_um)


def _one(
    engine: Engine,
    image: Image,
    output: Output,
    done: Done,
    decode: Decode,
    draw: Draw | None,
    pixel_size_um: Scale | None,
    zoom: Scale | None,
) -> None:
    if zoom is None:
        done.failures.append(Failure(image.shown, f"--rescale: {unknown_scale(image.shown)}"))
        return
    try:
        levels = _levels(engine, image, done)
        there = output.labels_of(image)
        labels, class_of, overlay = (
            (*there, None) if there else _predicted(engine, image, levels, done, decode, draw, zoom)
        )  # fmt: skip
        outlines = output.outlines_of(image, labels, class_of, anew=not there)
    except (CellpruneError, OSError, MemoryError) as error:
        why = "the memory is not enough: cut it into parts" if isinstance(error, MemoryError) else str(error)
        done.failures.append(Failure(image.shown, printable(why), image.turn))
        return
    output.write_outlines(image, outlines)
    output.write_zarr_labels(image, labels)
    if there:
        done.kept += 1
    else:
        output.write(image, labels, class_of, overlay, pixel_size_um)
    done.rows.add(
        cells(labels, class_of, levels, image=image.shown, frame=image.frame, pixel_size_um=pixel_size_um)
    )  # fmt: skip
    turn = {} if output.shard is None else {"turn": image.turn}
    done.images.append(
        {"name": printable(image.name), "image": image.shown, "frame": image.frame, "cells": len(class_of) - 1} | turn
    )


def _levels(engine: Engine, image: Image, done: Done) -> NDArray:
    """Read the grey levels as they are saved, (C, H, W), of the channels that the network takes."""
    if not _may_be_grey(engine, image):
        _require_channels(engine, image, str(image.path))  # by the header: before memory is taken
    levels = image.levels(channels=engine.card.in_channels)
    if len(levels) != engine.card.in_channels:
        _require_channels(engine, image, str(image.path))
    elif len(levels) != image.header.channels and image.shown not in done.grey:
        done.grey.append(image.shown)
    return levels


def _predicted(
    engine: Engine, image: Image, levels: NDArray, done: Done, decode: Decode, draw: Draw | None, zoom: Scale
) -> tuple[Labels, list[str], bytes | None]:
    """Give the labels, the class name of each (the background's first), and the overlay."""
    if not tiles.fits(engine, network_size(image.header.size, zoom)):
        done.tiled.append(printable(image.name))
    pixels = in_unit_range(levels)
    labels, class_of = decode(pixels)
    return labels, [engine.card.classes[k] for k in class_of], draw(pixels, labels) if draw else None


def _fits(engine: Engine, image: Image) -> bool:
    """Tell whether an image has the channels that the network takes; grey that is saved in colour has one."""
    if image.header.channels == engine.card.in_channels:
        return True
    if not _may_be_grey(engine, image):
        return False
    try:
        return image.looks_grey()
    except CellpruneError:  # told of when its turn comes
        return False


def _may_be_grey(engine: Engine, image: Image) -> bool:
    return engine.card.in_channels == 1 < image.header.channels


def _require_channels(engine: Engine, image: Image, shown: str) -> None:
    require_channels(engine, image.header.channels, shown, looks_stacked=image.header.looks_stacked)


def _tiles(tell: Tell, done: int, image: Image) -> tiles.Step:
    return lambda tile, n_tiles: tell(done, f"{image.shown}, tile {tile}/{n_tiles}")
