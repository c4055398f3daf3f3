"""One image to labels: zoom as in training, normalize, network, back to native size, decide, number the cells."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.images.network_input import seen
from cellprune.images.read import UNSTACK, ImageError
from cellprune.lab import tiles
from cellprune.lab.engine import Engine, Floats, engine_of
from cellprune.lab.instances import instances
from cellprune.wording import many, quoted

Classes = NDArray[np.uint8]
_BAND_PX = 256  # rows that are decided at once
# of the largest value: each of some 30 roundings of a difference of two mixed maps moves it by 2^-24 of that at most
_ROUNDING = np.float32(2**-18)
_COLOURS = (3, 4)  # channels of a colour image, the second with transparency


def predict(model: object, image: NDArray) -> NDArray[np.int32]:
    """Label the cells of an image.

    Args:
        model: what `cellprune.load` gives, a run folder, a model file, an engine (`lab.engine.Engine`), or any torch
            network that gives one logit map per class; for such a network the image is not zoomed.
        image: (H, W), or for a network of several channels (C, H, W) or (H, W, C); any numbers, not constant. Where an
            image could be read in both ways, its channels stand first.
    Returns:
        (H, W) int32, 0 is background, one number per cell, from 1.
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
    if not np.isfinite(pixels).all() or pixels.min() == pixels.max():
        raise ImageError("the image is constant or has NaN or infinite pixels: there is nothing to see")
    require_channels(engine, len(pixels), "the image")
    return instances(class_map(engine, pixels))[0].astype(np.int32)


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


def require_channels(engine: Engine, n_channels: int, image: str, *, looks_stacked: bool = False) -> None:
    """Refuse an image of another number of channels than the network takes.

    Args:
        looks_stacked: see `images.header.Header`.
    Raises:
        ImageError: names the image and both numbers.
    """
    if n_channels != engine.card.in_channels:
        takes = engine.card.in_channels
        one = "convert it to grey" if n_channels == 3 else "save the one channel to use"
        remedy = one if takes == 1 else f"give an image of {takes} channels"
        remedy = f"{UNSTACK}; else {remedy}" if looks_stacked else remedy
        raise ImageError(
            f"{image} has {many(n_channels, 'channel')}, but the model takes {takes}: {remedy}, or use another model"
        )


def class_map(
    engine: Engine,
    image: Floats,
    *,
    zoom: tuple[float, float] | None = None,
    memory_bytes: float = tiles.MEMORY_BYTES,
    step: tiles.Step | None = None,
) -> Classes:
    """Give each native pixel its class.

    Args:
        engine: the network.
        image: (C, H, W) float32, native.
        zoom: (y, x) network pixels for a native one; None for the training's.
        memory_bytes: see `tiles.probabilities`.
        step: told after each tile.
    Returns:
        (H, W) uint8, an index into the model's classes.
    """
    size = (image.shape[1], image.shape[2])
    maps = tiles.probabilities(engine, seen(image, engine.card, zoom), memory_bytes=memory_bytes, step=step)
    return decided(maps, size)


def decided(probabilities: Floats, size: tuple[int, int]) -> Classes:
    """Map probabilities back to native size, bilinearly, and take the class of the largest: labels are never mixed.

    Args:
        probabilities: (classes, h, w) float32.
        size: (height, width) to reach.
    Returns:
        (height, width) uint8; of equal probabilities the first class wins.
    Note:
        the same sums as torch's `interpolate(mode="bilinear", align_corners=False)` of two classes on a processor with
        fused multiply-adds, bit for bit; a band of rows at a time.
    """
    classes = np.empty(size, np.uint8)
    rows, columns = _weights(probabilities.shape[1], size[0]), _weights(probabilities.shape[2], size[1])
    decide = _larger_of_two if len(probabilities) == 2 else _largest
    for start in range(0, size[0], _BAND_PX):
        band = slice(start, start + _BAND_PX)
        up, down, low = rows[0][band], rows[1][band], rows[2][band]
        first, last = up[0], down[-1] + 1
        classes[band] = decide(probabilities[:, first:last], (up - first, down - first, low), columns)
    return classes


Between = tuple[NDArray[np.intp], NDArray[np.intp], Floats]  # the two old places around each new, the second's share


def _largest(maps: Floats, rows: Between, columns: Between) -> NDArray[np.intp]:
    (up, down, low), (left, right, far) = rows, columns
    wide = _mixed(maps[..., left], maps[..., right], far)
    return _mixed(wide[:, up], wide[:, down], low[:, None]).argmax(0)


def _larger_of_two(maps: Floats, rows: Between, columns: Between) -> NDArray[np.bool_]:
    """Give what `_largest` gives of two maps, in a quarter of its time.

    How far the second is ahead is mixed once, not both maps. Where that is no more than rounding may do, the few
    pixels are decided by the sums that both are held to.
    """
    (up, down, low), (left, right, far) = rows, columns
    ahead = _nearly_mixed(maps[1] - maps[0], left, right, far, axis=1)
    ahead = _nearly_mixed(ahead, up, down, low[:, None], axis=0)
    second = ahead > 0
    y, x = np.nonzero(~(np.abs(ahead) > _ROUNDING * np.abs(maps).max()))  # so that NaN is in doubt, too
    above, below = (_mixed(maps[:, at[y], left[x]], maps[:, at[y], right[x]], far[x]) for at in (up, down))
    second[y, x] = _mixed(above, below, low[y]).argmax(0)
    return second


def _nearly_mixed(
    values: Floats, before: NDArray[np.intp], after: NDArray[np.intp], share: Floats, *, axis: int
) -> Floats:
    """Give values between two places along an axis, as `_mixed` but for rounding."""
    mixed, other = np.take(values, before, axis), np.take(values, after, axis)
    other -= mixed
    other *= share
    mixed += other
    return mixed


def _weights(old: int, new: int) -> Between:
    """Give for each new place along an axis the two old ones that it lies between, and its share of the second."""
    scale = np.float64(np.float32(old) / np.float32(new))
    # float64 holds the product exactly: rounded once, as by a fused multiply-add
    place = np.maximum((scale * (np.arange(new) + 0.5) - 0.5).astype(np.float32), np.float32(0))
    before = np.minimum(place.astype(np.intp), old - 1)
    share = np.minimum(place - before.astype(np.float32), np.float32(1))
    return before, np.minimum(before + 1, old - 1), share


def _mixed(one: Floats, other: Floats, share: Floats) -> Floats:
    """Give `one` with so large a share of `other`: a product, and a fused multiply-add to it."""
    rest = np.float32(1) - share
    return (one * rest.astype(np.float64) + other * share).astype(np.float32)
