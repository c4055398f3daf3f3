"""One image to labels: zoom as in training, normalize, network, back to native size, decode into cells."""

import warnings
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.config.names import resolve
from cellprune.images.network_input import seen
from cellprune.images.read import UNSTACK, ImageError, is_blank
from cellprune.lab import tiles
from cellprune.lab.engine import Engine, Floats, engine_of
from cellprune.runs.modelcard import ModelCard
from cellprune.targets.decoders import Decoder, at_scale
from cellprune.targets.kinds import Classes, Instances
from cellprune.targets.target import Target
from cellprune.wording import many, quoted

_COLOURS = (3, 4)  # channels of a colour image, the second with transparency


def predict(model: object, image: NDArray) -> NDArray[np.int32]:
    """Label the cells of an image.

    Args:
        model: what `cellprune.load` gives, a run folder, a model file, an engine (`lab.engine.Engine`), or any torch
            network that gives one logit map per class; for such a network the image is not zoomed.
        image: (H, W), or for a network of several channels (C, H, W) or (H, W, C); any numbers. Where an image
            could be read in both ways, its channels stand first.
    Returns:
        (H, W) int32, 0 is background, one number per cell, from 1. A blank image, every pixel the same, has no cells.
    Raises:
        CellpruneError: no such file, other channels than the network takes, or an image that cannot be used.
    Example:
        >>> image = np.random.default_rng(0).poisson(100, (48, 64))
        >>> labels = predict("runs/cells", image)  # the folder of a finished run
        >>> labels.shape, labels.dtype
        ((48, 64), dtype('int32'))
    """
    engine = engine_of(model)
    pixels = _channels_first(_grey_levels(image), engine.card.in_channels)
    if not np.isfinite(pixels).all():
        raise ImageError("the image has NaN or infinite pixels: repair it, or leave the frame out")
    require_channels(engine, len(pixels), "the image")
    if is_blank(pixels):
        warnings.warn("the image is blank, every pixel is the same: it gets no cells", stacklevel=2)
        return np.zeros(pixels.shape[1:], np.int32)
    return cells_in(engine, pixels).labels.astype(np.int32)


def _grey_levels(image: object) -> Floats:
    """Give the numbers of an image, and refuse what is none, as of a file."""
    if isinstance(image, str | Path):
        raise ImageError(
            f"{quoted(str(image))} is a path, not an image: give its pixels (tifffile.imread gives them), or run "
            "'cellprune predict'"
        )
    values = np.asarray(image)
    if values.dtype.kind not in "uif":
        raise ImageError(f"the image holds {values.dtype} values, which are not grey levels: give integers or floats")
    if not values.size:
        raise ImageError(f"an image of shape {values.shape} has no pixels: give (H, W), or (C, H, W)")
    return np.asarray(values, np.float32)


def _channels_first(pixels: Floats, n_channels: int) -> Floats:
    """Give (C, H, W) of an image whose channels may stand last, as most libraries for images have them."""
    if pixels.ndim == 2:
        return pixels[None]
    if pixels.ndim != 3:
        raise ImageError(f"an image of shape {pixels.shape}: give (H, W), or (C, H, W)")
    first, _, last = (n in (n_channels, *_COLOURS) for n in pixels.shape)
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0)) if last and not first else pixels


def require_channels(
    engine: Engine, n_channels: int, image: str, *, looks_stacked: bool = False, may_pick: bool = False
) -> None:
    """Refuse an image of another number of channels than the network takes.

    Args:
        looks_stacked: see `images.header.Header`.
        may_pick: whether --channel takes one of them.
    Raises:
        ImageError: names the image and both numbers.
    """
    if n_channels != engine.card.in_channels:
        takes = engine.card.in_channels
        one = "name the channel to use as --channel, from 0" if may_pick else "save the one channel to use"
        if n_channels == 3:
            one = f"convert it to grey, or {one}" if may_pick else "convert it to grey"
        remedy = one if takes == 1 else f"give an image of {takes} channels"
        remedy = f"{UNSTACK}; else {remedy}" if looks_stacked else remedy
        raise ImageError(
            f"{image} has {many(n_channels, 'channel')}, but the model takes {takes}: {remedy}, or use another model"
        )


def cells_in(
    engine: Engine,
    image: Floats,
    *,
    zoom: tuple[float, float] | None = None,
    decoder: Decoder | None = None,
    min_area_px: float | None = None,
    memory_bytes: float = tiles.MEMORY_BYTES,
    step: tiles.Step | None = None,
) -> Instances:
    """Give the cells of an image.

    Args:
        engine: the network.
        image: (C, H, W) float32, native.
        zoom: (y, x) network pixels for a native one; None for the training's.
        decoder: how maps become cells, in native pixels of the training images; None for the card's own.
        min_area_px: smaller cells are dropped, in the image's own pixels; None for the decoder's own.
        memory_bytes: see `tiles.probabilities`.
        step: told after each tile.
    Returns:
        Labels of native size, which do not depend on the tiles where the maps do not.
    """
    card = engine.card
    maps = tiles.probabilities(engine, seen(image, card, zoom), memory_bytes=memory_bytes, step=step)
    target: Target = resolve("target", card.target)
    size = (image.shape[1], image.shape[2])
    return target.decode(maps, size, native_decoder(card, zoom=zoom, decoder=decoder, min_area_px=min_area_px))


def native_decoder(
    card: ModelCard,
    *,
    zoom: tuple[float, float] | None = None,
    decoder: Decoder | None = None,
    min_area_px: float | None = None,
) -> Decoder:
    """Give a decoder in the pixels of an image; the arguments are those of `cells_in`."""
    decoder = at_scale(decoder or card.usual_decoder, 1.0 if zoom is None else prod(card.zoom) / prod(zoom))
    return decoder if min_area_px is None else replace(decoder, min_area_px=min_area_px)


def class_map(engine: Engine, image: Floats, *, memory_bytes: float = tiles.MEMORY_BYTES) -> Classes:
    """Give each native pixel its class, as scores see it.

    Args:
        engine, image, memory_bytes: see `cells_in`.
    Returns:
        (H, W) uint8, an index into the model's classes.
    """
    maps = tiles.probabilities(engine, seen(image, engine.card), memory_bytes=memory_bytes)
    return pixel_classes(engine.card, maps, (image.shape[1], image.shape[2]), pixel_area=1)


def decoded(card: ModelCard, maps: Floats, size: tuple[int, int]) -> Instances:
    """Give the cells of an image of training pixels, as the card decodes them.

    Args:
        card: says what the maps mean.
        maps: (maps, h, w) float32, of the network's size.
        size: (height, width) of the image.
    """
    target: Target = resolve("target", card.target)
    return target.decode(maps, size, card.usual_decoder)


def pixel_classes(card: ModelCard, maps: Floats, size: tuple[int, int], *, pixel_area: float) -> Classes:
    """Give each pixel of an image its class, at any size.

    Args:
        card: says what the maps mean.
        maps: (maps, h, w) float32, of the network's size.
        size: (height, width) to reach.
        pixel_area: of one of its pixels, in native pixels of the training images.
    Returns:
        (height, width) uint8, an index into the card's classes.
    """
    target: Target = resolve("target", card.target)
    return target.classes(maps, size, at_scale(card.usual_decoder, 1 / pixel_area))
