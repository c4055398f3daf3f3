"""Distance: how far a pixel is from its cell's edge, and how near to another cell. Two maps in 0..1.

Both are made at native size and move with the image, which a share of a cell's own depth can do unharmed. Where an
unknown region might be the nearer neighbour, a pixel is unknown in both maps.

Source: Scherr et al., PLoS ONE 2020 (10.1371/journal.pone.0243219), for maps, scaling and decoder; seeds as their entry
to the Cell Tracking Challenge (KIT-GE) takes them.
Note: their code also fills gaps between close cells by a bottom-hat transform; here a gap of some pixels of the
    network is filled as a border is drawn (`targets.border`). Their thresholds are the defaults.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.connected import pieces_of
from cellprune.targets.decoders import Decoder, DistanceSeeds
from cellprune.targets.growing import Heights, grow
from cellprune.targets.kinds import UNKNOWN, Box, Classes, Extent, Instances, Labels, Maps
from cellprune.targets.native import Native, Places, Window, brought_back_there, corrected
from cellprune.targets.neighbours import between, cells_in, depths, grown
from cellprune.targets.numbering import foreground, of_one_class
from cellprune.targets.pieces import ByPiece, Ground
from cellprune.targets.smooth import Smooth, reach_px, smooth
from cellprune.targets.target import Target

_FURTHER_PX = 3  # than its own depth a cell looks for neighbours, which makes more of small cells
_MOST_BOXES = 20  # of one pixel each; each takes a 40th of the image's time
_LEAST_SEED_PX, _LEAST_SEED_SHARE = 4, 0.1  # of the mean seed


def encode(labels: Labels, n_classes: int, pitch: float) -> Maps:
    """Give every pixel its two distances.

    Args:
        labels: see `targets.kinds.Labels`.
        n_classes: of the data; only numbered cells have an edge each, so 2.
        pitch: native pixels for one of the network's: so near, a neighbour is as near as it can be.
    Returns:
        (2, H, W) float32: the distance from the cell's edge as a share of its largest, and the nearness of the closest
        other cell, 0 where none is near and 1 where it touches; NaN in both where unknown.
    """
    depth = np.zeros(labels.shape, np.float32)
    near, may_be_near = np.zeros(labels.shape), np.zeros(labels.shape)
    for number, box in cells_in(labels):
        cell = labels[around := grown(box, 1, labels.shape)] == number
        deep = depths(cell)
        depth[around][cell] = (deep / deep.max())[cell]
        reach_px = deep.max() + _FURTHER_PX
        crop = labels[around := grown(box, int(np.ceil(reach_px)), labels.shape)]
        cell = crop == number
        others = (crop > 0) & ~cell
        near[around][cell] = _nearness(others, reach_px)[cell]
        unknown = crop == UNKNOWN
        may_be_near[around][cell] = _nearness(others | unknown, reach_px)[cell] if unknown.any() else near[around][cell]
    gap_px = max(1, round(pitch))
    near[between(labels, gap_px)] = 1
    may_be_near[between(labels, gap_px, unknown_is_cell=True)] = 1
    near, may_be_near = _sharpened(near), _sharpened(may_be_near)
    encoded = np.stack([depth, near]).astype(np.float32)
    encoded[:, (labels == UNKNOWN) | (near != may_be_near)] = np.nan
    return encoded


def _nearness(others: NDArray[np.bool_], reach_px: float) -> NDArray[np.float64]:
    """Give 1 less the distance to other cells as a share of the reach, at least 0."""
    from scipy import ndimage

    if not others.any():
        return np.zeros(others.shape)
    away: NDArray[np.float64] = ndimage.distance_transform_edt(~others)
    return (1 - away / reach_px).clip(0, 1)


def _sharpened(near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale nearness so that only what is quite near counts, and close pin holes; the numbers are the source's."""
    from scipy import ndimage

    scaled = (1 / np.sqrt(0.65 + 0.5 * np.exp(-11 * (near - 0.75))) - 0.19).clip(0, 1)
    closed: NDArray[np.float64] = ndimage.grey_closing(scaled, size=(3, 3))
    return closed


def decode(maps: Maps, size: Extent, decoder: Decoder) -> Instances:
    """Give the cells of the two maps.

    Args:
        maps: (2, h, w) float32.
        size: (height, width) to reach.
        decoder: `DistanceSeeds`.
    Returns:
        Cells of class 1; a piece of the foreground without a seed is none.
    """
    assert isinstance(decoder, DistanceSeeds)
    deep, near = Smooth(Native(maps[:1], size), decoder.smoothing_px), Native(maps[1:], size)
    rounding = deep.rounding * max(np.abs(maps).max(), decoder.foreground, decoder.seed)
    nearly = deep.nearly()
    is_cell = corrected(
        nearly - np.float32(decoder.foreground),
        rounding,
        lambda y, x: _at(y, x, lambda box: deep[box] > decoder.foreground),
    )
    is_middle = corrected(
        nearly - near.nearly() - np.float32(decoder.seed),
        rounding,
        lambda y, x: _at(y, x, lambda box: deep[box] - near[box] > decoder.seed),
    )
    pieces = _grown(deep, is_middle & is_cell, is_cell, None)
    return of_one_class(pieces, decoder.min_area_px)


def _at(y: Places, x: Places, made: Callable[[Box], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Give some pixels of what is made in boxes: one by one, or if they are many, of one box around all."""
    if len(y) <= _MOST_BOXES:
        pixels = (np.s_[row : row + 1, column : column + 1] for row, column in zip(y, x, strict=True))
        return np.array([made(pixel)[0, 0] for pixel in pixels])
    top, left = y.min(), x.min()
    return made(np.s_[top : y.max() + 1, left : x.max() + 1])[y - top, x - left]


def _grown(
    deep: Heights, is_middle: NDArray[np.bool_], is_cell: NDArray[np.bool_], seed_px: float | None
) -> NDArray[np.int32]:
    """Give each pixel of a foreground the number of the middle that it belongs to.

    Args:
        seed_px: the mean area of a middle; None for that of these.
    """
    middles = pieces_of(is_middle, corners=False)
    numbers = np.arange(middles.n + 1, dtype=np.int32)
    if middles.n:
        mean_px = middles.areas.mean() if seed_px is None else seed_px
        numbers[1:][middles.areas < max(_LEAST_SEED_PX, _LEAST_SEED_SHARE * mean_px)] = 0
    return grow(middles.painted(numbers), deep, is_cell)


def _ground(maps: Maps, window: Window, decoder: Decoder) -> Ground:
    assert isinstance(decoder, DistanceSeeds)
    deep, near = brought_back_there(maps, window)
    deep = smooth(deep, decoder.smoothing_px)
    return Ground((deep > decoder.foreground).astype(np.uint8), np.stack([deep, near]))


def _halo_px(decoder: Decoder) -> int:
    assert isinstance(decoder, DistanceSeeds)
    return reach_px(decoder.smoothing_px) + 1


def _middles(ground: Ground, decoder: Decoder) -> NDArray[np.bool_]:
    assert isinstance(decoder, DistanceSeeds)
    deep, near = ground.heights
    return (deep - near > decoder.seed) & (ground.classes > 0)


def _seed_areas(ground: Ground, decoder: Decoder) -> NDArray[np.intp]:
    return pieces_of(_middles(ground, decoder), corners=False).areas


def _of_pieces(ground: Ground, decoder: Decoder, seed_px: float) -> NDArray[np.int32]:
    return _grown(ground.heights[0], _middles(ground, decoder), ground.classes > 0, seed_px)


def _classes(maps: Maps, size: Extent, decoder: Decoder) -> Classes:
    return foreground(decode(maps, size, decoder))


TARGET = Target(
    encode=encode, decode=decode, classes=_classes, by_piece=ByPiece(_ground, _of_pieces, _halo_px, _seed_areas)
)
