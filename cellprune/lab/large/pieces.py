"""What is connected in a large image: found band by band, joined where two bands meet, and shared out to be decoded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprune.images.boxes import around, bands
from cellprune.lab.large.scratch import Scratch
from cellprune.targets.kinds import Box, Classes, Extent

_NEIGHBOURS = np.ones((3, 3), bool)  # corners connect, as in the decoders
_BLOCK_PX = 1024  # a piece that is longer or wider is decoded alone

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Pieces:
    """The pieces of an image, each array by number; number 0 is the background and means nothing.

    Attributes:
        of_part: the piece that each part belongs to; parts are what the scratch file holds.
        area: pixels.
        first: the place of the first pixel, in the order of reading.
        value: the class.
        tops, bottoms, lefts, rights: of the box around each; bottoms and rights lie outside.
    """

    of_part: NDArray[np.int32]
    area: Numbers
    first: Numbers
    value: Classes
    tops: Numbers
    bottoms: Numbers
    lefts: Numbers
    rights: Numbers

    def box(self, members: NDArray[np.intp], size: Extent) -> Box:
        """Give the box around some of them, with one pixel more where there is an image."""
        tight = (
            slice(int(self.tops[members].min()), int(self.bottoms[members].max())),
            slice(int(self.lefts[members].min()), int(self.rights[members].max())),
        )
        return around(tight, 1, size)[0]

    def shared_out(self, *, min_area_px: float) -> Iterator[NDArray[np.intp]]:
        """Give the pieces in groups that lie together; a large piece is a group of its own.

        Args:
            min_area_px: smaller pieces are left out.
        """
        numbers = np.flatnonzero(self.area >= max(1, min_area_px))
        heights, widths = self.bottoms - self.tops, self.rights - self.lefts
        is_large = np.maximum(heights, widths)[numbers] > _BLOCK_PX
        small = numbers[~is_large]
        rows, columns = self.tops[small] // _BLOCK_PX, self.lefts[small] // _BLOCK_PX
        order = np.lexsort((small, columns, rows))
        ends = np.flatnonzero((np.diff(rows[order]) != 0) | (np.diff(columns[order]) != 0)) + 1
        yield from (group for group in np.split(small[order], ends) if len(group))
        yield from (np.array([number]) for number in numbers[is_large])


def pieces_of(classes: Callable[[Box], Classes], size: Extent, parts: Scratch) -> Pieces:
    """Find the pieces of an image.

    Args:
        classes: gives the classes of a box, 0 is background.
        size: (height, width).
        parts: (1, height, width) uint32, is given the number of the part that each pixel belongs to.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    found: list[NDArray[np.int64]] = [np.zeros((7, 1), np.int64)]
    meeting: list[NDArray[np.int64]] = [np.zeros((2, 1), np.int64)]
    above_parts, above, n_parts = np.zeros(size[1], np.int64), np.zeros(size[1], np.uint8), 0
    for box in bands(size):
        here = classes(box)
        numbers, of_band = _labelled(here, n_parts)
        of_band[[1, 2]] += box[0].start
        of_band[6] += box[0].start * size[1]
        found.append(of_band)
        n_parts += of_band.shape[1]
        parts.write(box, numbers[None])
        meeting.append(_meeting(above_parts, above, numbers[0].astype(np.int64), here[0]))
        above_parts, above = numbers[-1].astype(np.int64), here[-1]
    one, other = np.concatenate(meeting, axis=1)
    graph = coo_matrix((np.ones(len(one), bool), (one, other)), (n_parts + 1, n_parts + 1))
    n_pieces, of_part = connected_components(graph, directed=False)
    area, top, bottom, left, right, value, first = np.concatenate(found, axis=1)
    # 0, the background, is the first part, and so of the first piece
    tops, lefts, firsts = (np.full(n_pieces, np.iinfo(np.int64).max) for _ in range(3))
    areas, bottoms, rights = (np.zeros(n_pieces, np.int64) for _ in range(3))
    values = np.zeros(n_pieces, np.uint8)
    values[of_part] = value
    np.add.at(areas, of_part, area)
    for least, of in ((tops, top), (lefts, left), (firsts, first)):
        np.minimum.at(least, of_part, of)
    for most, of in ((bottoms, bottom), (rights, right)):
        np.maximum.at(most, of_part, of)
    return Pieces(of_part.astype(np.int32), areas, firsts, values, tops, bottoms, lefts, rights)


def _labelled(classes: Classes, before: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Number the parts of a band, and give of each its area, top, bottom, left, right, class and first pixel."""
    from scipy import ndimage

    numbers = np.zeros(classes.shape, np.uint32)
    found = [np.zeros((7, 0), np.int64)]
    for value in np.flatnonzero(np.bincount(classes.ravel(), minlength=1)):
        if not value:
            continue
        parts, n_parts = ndimage.label(classes == value, structure=_NEIGHBOURS)
        boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in ndimage.find_objects(parts)]
        flat = parts.ravel()
        inside = np.flatnonzero(flat)
        area = np.bincount(flat[inside], minlength=n_parts + 1)[1:]
        first = np.zeros(n_parts + 1, np.int64)
        first[flat[inside][::-1]] = inside[::-1]  # of equal places the last one written stays: the first pixel
        of_value = np.empty((7, n_parts), np.int64)
        of_value[0], of_value[1:5], of_value[5], of_value[6] = area, np.array(boxes).T, value, first[1:]
        n_so_far = before + sum(of.shape[1] for of in found)
        numbers.ravel()[inside] = flat[inside] + n_so_far
        found.append(of_value)
    return numbers, np.concatenate(found, axis=1)


def _meeting(parts_above: Numbers, above: Classes, parts_below: Numbers, below: Classes) -> NDArray[np.int64]:
    """Give the pairs of parts of one class that touch across two rows, at corners, too."""
    width = len(above)
    pairs = []
    for shift in (-1, 0, 1):
        up, down = slice(max(0, shift), width + min(0, shift)), slice(max(0, -shift), width - max(0, shift))
        same = (above[up] == below[down]) & (below[down] > 0)
        pairs.append(np.stack([parts_above[up][same], parts_below[down][same]]))
    return np.unique(np.concatenate(pairs, axis=1), axis=1)
