"""Classes: every pixel is background or a class of cells, the published protocol. Cells that touch are cut afterwards.

Two decoders. `components`: what is connected is one cell. `watershed`: a connected piece is cut where it is narrow.
Each local maximum of the distance from the edge grows downhill until it meets others; the place where two meet is the
neck between them. From the widest neck to the narrowest, two parts are joined again where the neck is nearly as wide as
the narrower part, which is what remains of a rough outline.

Source: Vincent, Soille 1991 (10.1109/34.87344) for the watershed of a distance transform; joining by depth is the
h-maxima transform (Soille 2003, section 6.3.4) taken region by region, which is five times as fast.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation.iou import IGNORED
from cellprune.targets.decoders import Decoder, Watershed
from cellprune.targets.native import decided
from cellprune.targets.numbering import numbered, of_one_class
from cellprune.targets.target import UNKNOWN, Classes, Extent, Instances, Labels, Maps, Target

_NEIGHBOURS = np.ones((3, 3), bool)  # corners connect, too: a diagonal line is one thing


def encode(labels: Labels, n_classes: int, pitch: float = 1.0) -> Classes:
    """Give every pixel its class.

    Args:
        labels: see `targets.target.Labels`; where there are more than two classes, of classes.
        n_classes: 2: every label is a cell; more: labels are classes.
        pitch: native pixels for one of the network's; nothing here is so thin that it counts.
    Returns:
        (H, W) uint8: 0 background, then the classes, 255 unknown.
    """
    return np.where(labels == UNKNOWN, IGNORED, np.minimum(labels, n_classes - 1)).astype(np.uint8)


def decode(maps: Maps, size: Extent, decoder: Decoder) -> Instances:
    """Give the cells of class probabilities (classes, h, w) at native size; raises as `cells_of`."""
    return cells_of(decided(maps, size), decoder)


def cells_of(classes: Classes, decoder: Decoder) -> Instances:
    """Number the cells of each class but the background.

    Args:
        classes: (H, W) uint8, 0 is background.
        decoder: how; with more classes than one of cells, only `Components`.
    Returns:
        The cells, class by class in the order of reading.
    """
    if isinstance(decoder, Watershed):
        return of_one_class(_cut(classes > 0, decoder), decoder.min_area_px)
    return _components(classes, decoder.min_area_px)


def _components(classes: Classes, min_area_px: float) -> Instances:
    from scipy import ndimage

    labels, class_of = np.zeros(classes.shape, np.int32), [np.zeros(1, np.uint8)]
    n_so_far = 0
    for value in range(1, int(classes.max(initial=0)) + 1):
        pieces, n_cells = ndimage.label(classes == value, structure=_NEIGHBOURS)
        if min_area_px > 1:
            pieces = numbered(pieces, min_area_px).astype(np.int32)
            n_cells = int(pieces.max(initial=0))
        labels[pieces > 0] = pieces[pieces > 0] + n_so_far
        class_of.append(np.full(n_cells, value, np.uint8))
        n_so_far += n_cells
    return Instances(labels.astype(np.uint16 if n_so_far < 2**16 else np.uint32), np.concatenate(class_of))


def _cut(foreground: NDArray[np.bool_], decoder: Watershed) -> NDArray[np.int32]:
    """Cut a foreground at its necks; pieces have any numbers, with gaps."""
    from scipy import ndimage
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    if not foreground.any():
        return np.zeros(foreground.shape, np.int32)
    if foreground.all():  # there is no edge to be far from
        return np.ones(foreground.shape, np.int32)
    widths = ndimage.distance_transform_edt(foreground).astype(np.float32)
    tops, n_parts = ndimage.label(local_maxima(widths, connectivity=2) & foreground, structure=_NEIGHBOURS)
    parts = watershed(-widths, tops, mask=foreground, connectivity=2).astype(np.int32)
    height = np.zeros(n_parts + 1, np.float32)
    height[tops.ravel()] = widths.ravel()  # equal all over a top
    areas = np.bincount(parts.ravel(), minlength=n_parts + 1)
    depth_px = decoder.depth * decoder.radius_px
    of = np.arange(n_parts + 1)  # the part that each now belongs to
    for one, other, neck in _necks(parts, widths):
        while of[one] != one:
            one = of[one]
        while of[other] != other:
            other = of[other]
        low, high = sorted((one, other), key=lambda part: (height[part], -part))
        is_shallow = height[low] - neck < depth_px
        if low != high and (is_shallow or min(areas[low], areas[high]) < decoder.min_area_px):
            of[low] = high
            areas[high] += areas[low]
    for part in range(1, n_parts + 1):
        root = part
        while of[root] != root:
            root = of[root]
        of[part] = root
    return of.astype(np.int32)[parts]


def _necks(parts: NDArray[np.int32], widths: Maps) -> Iterator[tuple[int, int, float]]:
    """Give each two parts that touch and how wide it is between them, the widest first."""
    pairs, heights = [], []
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        one, other = parts[here], parts[there]
        y, x = np.nonzero((one != other) & (one > 0) & (other > 0))
        pairs.append(np.stack([np.minimum(one[y, x], other[y, x]), np.maximum(one[y, x], other[y, x])]))
        heights.append(np.minimum(widths[here][y, x], widths[there][y, x]))
    (ones, others), necks = np.concatenate(pairs, axis=1), np.concatenate(heights)
    order = np.lexsort((others, ones, -necks))
    seen: set[tuple[int, int]] = set()
    for one, other, neck in zip(ones[order].tolist(), others[order].tolist(), necks[order].tolist(), strict=True):
        if (one, other) not in seen:
            seen.add((one, other))
            yield one, other, neck


def _classes(maps: Maps, size: Extent, decoder: Decoder) -> Classes:
    """Give every pixel its class, specks included."""
    return decided(maps, size)


TARGET = Target(encode=encode, decode=decode, classes=_classes)
