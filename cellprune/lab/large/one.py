"""All of one large image: its labels, overlay, outlines and rows, as of any other, and never the whole in memory."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import prod

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.header import MAX_PIXELS, ImageError
from cellprune.images.network_windows import GreyLevels, grey_levels
from cellprune.lab import tiles
from cellprune.lab.engine import Engine
from cellprune.lab.inputs import Image
from cellprune.lab.large import labelled
from cellprune.lab.large.labelled import Boxes, Labelled
from cellprune.lab.large.predict import predicted, tile_bytes
from cellprune.lab.large.rows import rows
from cellprune.lab.output import Output, Said
from cellprune.lab.overlay import overlay_png_of_parts
from cellprune.lab.scale import Scale
from cellprune.lab.table import Table
from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import Box


@dataclass(frozen=True)
class Large:
    """How large images are predicted.

    Attributes:
        engine: the network.
        output: the folder.
        numbers: whether overlays show the number of each cell.
    """

    engine: Engine
    output: Output
    numbers: bool


@dataclass(frozen=True)
class Came:
    """What came of an image.

    Attributes:
        n_cells: how many.
        kept: whether its labels were there.
        channels: of the image that were read.
        is_blank: whether every pixel of it is the same.
        wide: what is to be said of pieces that took more memory than all else.
    """

    n_cells: int
    kept: bool
    channels: int
    is_blank: bool
    wide: tuple[str, ...]


def one(
    large: Large,
    image: Image,
    table: Table,
    *,
    zoom: Scale,
    decoder: Decoder,
    pixel_size_um: Scale | None,
    tell: Callable[[str], None],
) -> Came:
    """Predict a large image, or take what is there, and add its rows to the table.

    Args:
        large: how.
        image: that is meant.
        table: is given its rows.
        zoom: (y, x) network pixels for a native one.
        decoder: in the image's own pixels.
        pixel_size_um: (y, x); None when unknown.
        tell: told what is under way.
    Raises:
        CellpruneError: the image cannot be predicted; nothing of it is written.
        WorkError: the disk is full.
    """
    output, wide = large.output, []
    _require_outlines(output, image)

    def tell_wide(window: Box) -> None:
        wide.append(_wide(image, window))
        tell(wide[-1])

    with image.windows() as windows:
        levels = grey_levels(windows, image.header.size, image.path, channels=large.engine.card.in_channels)
        if levels.channels != large.engine.card.in_channels:
            return Came(0, kept=False, channels=levels.channels, is_blank=False, wide=())
        tell("looking at what is there")
        said = output.said_of(image)
        there = None if said is None else _boxes(said, image)
        if said is None or there is None:
            _predict(large, image, levels, zoom, decoder, pixel_size_um, tell, tell_wide)
            said = output.said_of(image)
            kept, there = False, None if said is None else _boxes(said, image)
        else:
            kept = True
        if said is None or there is None:
            raise WorkError(f"the labels of {image.shown} in {output.path} changed while they were made")
        tell("measuring its cells")
        with labelled.opened(said.path, said.plane, image.header.size, said.class_of) as labels:
            if kept:
                _write_beside(output, image, labels, anew=False)
            table.add(
                rows(labels, there, levels.saved, image=image.shown, frame=image.frame, pixel_size_um=pixel_size_um)
            )
    return Came(len(said.class_of) - 1, kept, levels.channels, levels.is_blank, tuple(wide))


def is_tiled(large: Large, size: tuple[int, int]) -> bool:
    """Tell whether a network image of this (height, width) goes through in several tiles."""
    return not tiles.fits(large.engine, size, tile_bytes(large.engine))


def _predict(
    large: Large,
    image: Image,
    levels: GreyLevels,
    zoom: Scale,
    decoder: Decoder,
    pixel_size_um: Scale | None,
    tell: Callable[[str], None],
    wide: Callable[[Box], None],
) -> None:
    """Make and write all files of an image, its labels last."""
    output = large.output
    tell("looking at its grey levels")

    def step(tile: int, n_tiles: int) -> None:
        tell(f"tile {tile}/{n_tiles}" if tile < n_tiles else "telling its cells apart")

    with (
        output.replacing_labels(image) as beside,
        predicted(large.engine, levels, zoom, decoder, beside.parent, step=step, wide=wide) as labels,
    ):
        if output.overlays:
            tell("drawing its overlay")
            overlay = overlay_png_of_parts(
                levels.in_unit_range, labels.labels, labels.size, pixel_size_um=pixel_size_um, numbers=large.numbers
            )
            output.write_overlay(image, overlay)
        _write_beside(output, image, labels, anew=True)
        tell("writing its labels")
        labelled.write(beside, labels, output.description(image, labels.class_of), pixel_size_um)


def _boxes(said: Said, image: Image) -> Boxes | None:
    """Give the boxes around the cells of labels that are there; None where they are damaged, so that they are made."""
    with (
        suppress(ImageError),
        labelled.opened(said.path, said.plane, image.header.size, said.class_of) as labels,
    ):
        return labelled.boxes_of(labels)
    return None


def _write_beside(output: Output, image: Image, labels: Labelled, *, anew: bool) -> None:
    """Write the files of outlines, which are made of all labels at once, and labels in an OME-Zarr, where wanted."""
    if output.lacking_outlines(image, anew=anew):
        whole = labels.labels((slice(0, labels.size[0]), slice(0, labels.size[1]))).astype(labels.dtype)
        output.write_outlines(image, output.outlines_of(image, whole, labels.class_of, anew=anew))
    output.write_zarr_labels(image, labels.labels)


def _require_outlines(output: Output, image: Image) -> None:
    if output.outlines and prod(image.header.size) > MAX_PIXELS:
        raise CellpruneError(
            f"{image.shown} has more than {MAX_PIXELS} pixels, for which no outlines are written: leave --outlines out"
        )


def _wide(image: Image, window: Box) -> str:
    height, width = (side.stop - side.start for side in window)
    return (
        f"{image.shown} has a connected piece of {height} x {width} px at row {window[0].start}, column "
        f"{window[1].start}: it is decoded as one, which takes about {height * width * 60 / 1e9:.1f} GB of memory"
    )
