"""Which settings suit a data set of cells, by how many frames there are and how large frames and cells are."""

from collections.abc import Sequence
from math import ceil
from statistics import median_low

SMALLEST_CELL_PX = 10  # in the network: of smaller ones neighbours run into each other
LARGEST_CELL_PX = 40  # likewise: larger ones take long
_FEW = 24  # annotated frames, of which a pass is too few steps
_CROP_PX = 128
_STEP_PX = 16  # sides that the poolings of the usual U-Net halve without rest


def middle(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Give the middle (height, width) of some frames."""
    height, width = (median_low(sides) for sides in zip(*sizes, strict=True))
    return height, width


def stepped(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Give a (height, width) times a factor, or a little more: sides that poolings halve without rest."""
    return _STEP_PX * ceil(size[0] * factor / _STEP_PX), _STEP_PX * ceil(size[1] * factor / _STEP_PX)


def proposal(sizes: Sequence[tuple[int, int]], diameter_px: float | None, n_silver: int) -> str | None:
    """Say how to train on crops, where frames are few or of several sizes; None where whole frames will do.

    Args:
        sizes: (height, width) of each annotated frame.
        diameter_px: of the median cell, native; None where none is outlined.
        n_silver: frames with computed truth.
    """
    n_sizes = len(set(sizes))
    if not sizes or (len(sizes) > _FEW and n_sizes == 1):
        return None
    why = f"frames of {n_sizes} sizes" if n_sizes > 1 else f"{len(sizes)} annotated frames"
    size, scaled, scale = middle(sizes), "", "the frames' own scale"
    if diameter_px is not None and not SMALLEST_CELL_PX <= diameter_px <= LARGEST_CELL_PX:
        wanted = min(max(diameter_px, SMALLEST_CELL_PX), LARGEST_CELL_PX)
        size = stepped(size, wanted / diameter_px)
        scaled = f" --data.size {size[0]} {size[1]}"
        scale = f"a scale at which the median cell has {wanted} px or more"
    crop_px = min(_CROP_PX, *stepped(size, 1))
    silver = " --truth silver" if n_silver > len(sizes) else ""
    return f"{why}: try --crop {crop_px}{scaled}{silver}, to learn from crops at {scale}"
