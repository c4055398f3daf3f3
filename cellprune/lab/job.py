"""Many images through one network into one folder: what is done stays done, what cannot be read is listed."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.header import MAX_PIXELS_IN_WINDOWS
from cellprune.images.network_input import network_size
from cellprune.images.read import in_unit_range, is_blank
from cellprune.lab import tiles
from cellprune.lab.cells import cells
from cellprune.lab.engine import Engine, Floats
from cellprune.lab.gathering import Failure
from cellprune.lab.inputs import Image
from cellprune.lab.large.one import Large, is_tiled, one
from cellprune.lab.large.predict import is_large
from cellprune.lab.output import Labels, Output
from cellprune.lab.overlay import overlay_png
from cellprune.lab.scale import Scale, unknown_scale
from cellprune.lab.segment import cells_in, native_decoder, require_channels
from cellprune.lab.table import Table
from cellprune.runs.atomic import UnwrittenError
from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import Instances
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
        wide: what is to be said of connected pieces that took more memory than all else.
        grey: files that are saved in colour, all channels equal, and were read as grey.
        blank: names of the images of which every pixel is the same, so that they have no cells.
    """

    failures: list[Failure]
    rows: Table
    images: list[dict[str, Any]] = field(default_factory=list)
    kept: int = 0
    tiled: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    grey: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)

    def record(self) -> dict[str, object]:
        """Give what prediction.json says of it."""
        return {
            "images": self.images,
            "cells": len(self.rows),
            "tiled": self.tiled,
            "blank": self.blank,
            "failed": [{"image": failure.shown, "why": failure.why} for failure in self.failures],
        }


@dataclass(frozen=True)
class Job:
    """How each image of a job is predicted.

    Attributes:
        engine: the network.
        output: the folder.
        numbers: whether overlays show the number of each cell.
        decoder, min_area_px: see `segment.cells_in`.
    """

    engine: Engine
    output: Output
    numbers: bool = False
    decoder: Decoder | None = None
    min_area_px: float | None = None

    def do(
        self, image: Image, done: Done, pixel_size_um: Scale | None, zoom: Scale | None, tell: Callable[[str], None]
    ) -> None:
        """Predict an image, if it is not done yet, and add what came of it.

        Args:
            image: that is meant.
            done: is added to.
            pixel_size_um: (y, x); None where unknown.
            zoom: (y, x) network pixels for a native one; without them the image is not predicted.
            tell: told what of the image is under way.
        Raises:
            WorkError: the disk is full, or the folder cannot be written.
        """
        if zoom is None:
            done.failures.append(Failure(image.shown, f"--rescale: {unknown_scale(image.shown)}"))
        elif is_large(image.header.size):
            decoder = native_decoder(self.engine.card, zoom=zoom, decoder=self.decoder, min_area_px=self.min_area_px)
            large = Large(self.engine, self.output, self.numbers)
            _one_large(large, image, done, decoder, pixel_size_um, zoom, tell)
        else:
            draw: Draw | None = None
            if self.output.overlays:
                draw = partial(overlay_png, numbers=self.numbers, pixel_size_um=pixel_size_um)
            decode = partial(
                cells_in, self.engine, decoder=self.decoder, min_area_px=self.min_area_px, zoom=zoom,
                step=lambda tile, n_tiles: tell(f"tile {tile}/{n_tiles}"),
            )  # fmt: skip
            _one(self.engine, image, self.output, done, decode, draw, pixel_size_um, zoom)


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
    job = Job(engine, output, numbers, decoder, min_area_px)
    with output.locked():
        output.sweep(images)
        done = Done(list(failures), output.table())
        finished = False
        try:
            for at, image in enumerate(images):
                size, began = pixel_sizes[image.name], monotonic()
                job.do(image, done, size, zooms.get(image.name), partial(_tell_of, tell, at, image))
                tell(at + 1, image.shown)
                if pace is not None and len(done.images) > done.kept:
                    pace(monotonic() - began, len(images) - at - 1)
                    pace = None
                if image.stack in output.stacks and image.plane == (n_planes := image.header.planes) - 1:
                    join(output, images[at + 1 - n_planes : at + 1], done, size)
            finished = True
        except WorkError as error:
            raise stopped(error, output, f"{len(done.images)} of {len(images)} images are") from error
        finally:
            # stopped by a full disk or Ctrl-C, the table is still made to fit the labels that are there, if it can be
            with nullcontext() if finished else suppress(WorkError):
                write(output, done, finished=finished)
    return done


def write(output: Output, done: Done, *, finished: bool) -> None:
    """Write the table and the record of what is done so far."""
    output.write_table(done.rows)
    output.write_record({"finished": finished, **done.record()})


def stopped(error: WorkError, output: Output, so_far: str) -> WorkError:
    """Say of an error that ends a job how much is done, and how it goes on.

    Args:
        so_far: how many images are done, as the start of a sentence.
    """
    what = error.what if isinstance(error, UnwrittenError) else str(error)
    return WorkError(
        f"{what}: {so_far} done and kept in {output.path}; free space or mend the folder, then give the same command "
        "again"
    )


def join(output: Output, stack: Sequence[Image], done: Done, pixel_size_um: Scale | None) -> None:
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
    zoom: Scale,
) -> None:
    try:
        levels = _levels(engine, image, done)
        there = output.labels_of(image)
        labels, class_of, overlay = (
            (*there, None) if there else _predicted(engine, image, levels, done, decode, draw, zoom)
        )  # fmt: skip
        outlines = output.outlines_of(image, labels, class_of, anew=not there)
    except (CellpruneError, OSError, MemoryError) as error:
        done.failures.append(_failure(image, error))
        return
    output.write_outlines(image, outlines)
    output.write_zarr_labels(image, lambda box: labels[box])
    if there:
        done.kept += 1
    else:
        output.write(image, labels, class_of, overlay, pixel_size_um)
    done.rows.add(
        cells(labels, class_of, levels, image=image.shown, frame=image.frame, pixel_size_um=pixel_size_um)
    )  # fmt: skip
    if is_blank(levels):
        done.blank.append(printable(image.name))
    _add(done, image, output, len(class_of) - 1)


def _add(done: Done, image: Image, output: Output, n_cells: int) -> None:
    turn = {} if output.shard is None else {"turn": image.turn}
    done.images.append(
        {"name": printable(image.name), "image": image.shown, "frame": image.frame, "cells": n_cells} | turn
    )


def _failure(image: Image, error: Exception) -> Failure:
    why = "the memory is not enough: cut it into parts" if isinstance(error, MemoryError) else str(error)
    return Failure(image.shown, printable(why), image.turn)


def _one_large(
    large: Large,
    image: Image,
    done: Done,
    decoder: Decoder,
    pixel_size_um: Scale | None,
    zoom: Scale,
    tell: Callable[[str], None],
) -> None:
    """Predict an image part by part; a full disk stops the job, all else is a failure of this image."""
    engine, output = large.engine, large.output
    try:
        if not _may_be_grey(engine, image):
            _require_channels(engine, image, str(image.path))
        came = one(large, image, done.rows, zoom=zoom, decoder=decoder, pixel_size_um=pixel_size_um, tell=tell)
        if came.channels != engine.card.in_channels:
            _require_channels(engine, image, str(image.path))
    except (CellpruneError, OSError, MemoryError) as error:
        if isinstance(error, UnwrittenError):
            raise
        done.failures.append(_failure(image, error))
        return
    if came.channels != image.header.channels and image.shown not in done.grey:
        done.grey.append(image.shown)
    if is_tiled(large, network_size(image.header.size, zoom, most_pixels=MAX_PIXELS_IN_WINDOWS)):
        done.tiled.append(printable(image.name))
    if came.is_blank:
        done.blank.append(printable(image.name))
    done.kept += came.kept
    done.wide += came.wide
    _add(done, image, output, came.n_cells)


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
    """Give the labels, the class name of each (the background's first), and the overlay; a blank image has no cells."""
    if is_blank(levels):
        labels, pixels = np.zeros(levels.shape[1:], np.uint16), np.zeros(levels.shape, np.float32)
        return labels, [engine.card.classes[0]], draw(pixels, labels) if draw else None
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
    if is_large(image.header.size):  # seen when its turn comes
        return True
    try:
        return image.looks_grey()
    except CellpruneError:  # told of when its turn comes
        return False


def _may_be_grey(engine: Engine, image: Image) -> bool:
    return engine.card.in_channels == 1 < image.header.channels


def _require_channels(engine: Engine, image: Image, shown: str) -> None:
    header = image.header
    require_channels(engine, header.channels, shown, looks_stacked=header.looks_stacked, may_pick=True)


def _tell_of(tell: Tell, done: int, image: Image, what: str) -> None:
    tell(done, f"{image.shown}, {what}")
