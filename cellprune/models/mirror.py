"""Any image size for networks that take only some: continued by mirroring, and cut back to the middle.

Source: Ronneberger, Fischer, Brox, MICCAI 2015 (arXiv:1505.04597), the overlap-tile strategy.
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from cellprune.errors import CellpruneError


def mirrored(image: Tensor, size: Sequence[int]) -> Tensor:
    """Continue an image on all sides by reflection; one that has the size already is given back as it is.

    Args:
        image: (N, C, H, W).
        size: height and width of the result, each at least the image's.
    Raises:
        CellpruneError: a side of one pixel, which has nothing to mirror.
    """
    height, width = image.shape[-2:]
    while list(image.shape[-2:]) != list(size):
        padding = []
        for have, want in reversed(list(zip(image.shape[-2:], size, strict=True))):
            before = (want - have) // 2
            # a reflection reaches no further than the image itself: a small one is mirrored several times
            padding += [min(side, have - 1) for side in (before, want - have - before)]
        if not any(padding):
            raise CellpruneError(f"an image of {height} x {width} px is too small to mirror: give at least 2 px")
        image = F.pad(image, padding, mode="reflect")
    return image


def centre(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Cut the middle of `size` (height, width) out of maps (N, C, H, W); undoes `mirrored`."""
    if list(maps.shape[-2:]) == list(size):  # so that an exported network has no operator that cuts nothing
        return maps
    top, left = ((have - want) // 2 for have, want in zip(maps.shape[-2:], size, strict=True))
    return maps[..., top : top + size[0], left : left + size[1]]
