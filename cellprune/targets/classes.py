"""Classes: every pixel is background or a class of cells, the published protocol. Cells that touch are cut afterwards.

Two decoders. `components`: what is connected is one cell. `watershed`: a connected piece is cut where it is narrow.
"""

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation.iou import IGNORED
from cellprune.targets.connected import pieces_of
from cellprune.targets.decoders import Decoder, Watershed
from cellprune.targets.kinds import UNKNOWN, Classes, Extent, Instances, Labels, Maps
from cellprune.targets.native import Window, decided, decided_there
from cellprune.targets.necks import cut
from cellprune.targets.numbering import of_one_class
from cellprune.targets.pieces import ByPiece, Ground
from cellprune.targets.target import Target


def encode(labels: Labels, n_classes: int, pitch: float = 1.0) -> Classes:
    """Give every pixel its class.

    Args:
        labels: see `targets.kinds.Labels`; where there are more than two classes, of classes.
        n_classes: 2: every label is a cell; more: labels are classes.
        pitch: native pixels for one of the network's; nothing here is so thin that it counts.
    Returns:
        (H, W) uint8: 0 background, then the classes, 255 unknown.
    """
    return np.where(labels == UNKNOWN, IGNORED, np.minimum(labels, n_classes - 1)).astype(np.uint8)


def decode(maps: Maps, size: Extent, decoder: Decoder) -> Instances:
    """Give the cells of class probabilities (classes, h, w) at native size."""
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
        return of_one_class(cut(classes > 0, decoder), decoder.min_area_px)
    return _components(classes, decoder.min_area_px)


def _components(classes: Classes, min_area_px: float) -> Instances:
    labels, class_of = np.zeros(classes.shape, np.int32), [np.zeros(1, np.uint8)]
    n_so_far = 0
    for value in range(1, int(classes.max(initial=0)) + 1):
        pieces = pieces_of(classes == value)
        is_kept = np.append(False, pieces.areas >= min_area_px)
        labels += pieces.painted(np.where(is_kept, np.cumsum(is_kept, dtype=np.int32) + n_so_far, 0).astype(np.int32))
        n_cells = int(is_kept.sum())
        class_of.append(np.full(n_cells, value, np.uint8))
        n_so_far += n_cells
    return Instances(labels.astype(np.uint16 if n_so_far < 2**16 else np.uint32), np.concatenate(class_of))


def _classes(maps: Maps, size: Extent, decoder: Decoder) -> Classes:
    """Give every pixel its class, specks included."""
    return decided(maps, size)


def _ground(maps: Maps, window: Window, decoder: Decoder) -> Ground:
    classes = decided_there(maps, window)
    pieces = (classes > 0).astype(np.uint8) if isinstance(decoder, Watershed) else classes
    return Ground(pieces, np.empty((0, *classes.shape), np.float32))


def _of_pieces(ground: Ground, decoder: Decoder, seed_px: float) -> NDArray[np.int32]:
    assert isinstance(decoder, Watershed)
    return cut(ground.classes > 0, decoder)


TARGET = Target(encode=encode, decode=decode, classes=_classes, by_piece=ByPiece(_ground, _of_pieces))
