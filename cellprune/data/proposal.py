"""Which settings suit a data set of cells, by how many frames there are and how large frames and cells are."""

from collections.abc import Sequence
from math import ceil
from statistics import median_low

from cellprune.config.data import Data

NETWORK_SIZE_PX: tuple[int, int] = Data.model_fields["size"].default  # (height, width), where nothing else is asked for
SMALLEST_CELL_PX = 10  # in the network: of smaller ones neighbours run into each other
LARGEST_CELL_PX = 40  # likewise: larger ones take long
STEP_PX = 16  # of sides that the poolings of the usual U-Net halve without rest
_FEW = 24  # annotated frames, of which a pass is too few steps
_CROP_PX = 128


def middle(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Give the middle (height, width) of some frames."""
    height, width = (median_low(sides) for sides in zip(*sizes, strict=True))
    return height, width


def stepped(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Give a (height, width) times a factor, or a little more: sides that poolings halve without rest."""
    return STEP_PX * ceil(size[0] * factor / STEP_PX), STEP_PX * ceil(size[1] * factor / STEP_PX)


def shaped(size: tuple[int, int], area: tuple[int, int] = NETWORK_SIZE_PX, step_px: int = STEP_PX) -> tuple[int, int]:
    """Give a (height, width) of the shape of one size and about the area of another, each side a multiple of a step.

    Example:
        >>> shaped((520, 696)), shaped((512, 500)), shaped((100, 2000))
        ((224, 304), (256, 256), (64, 1152))
    """
    height, width = (step_px * max(1, round(side * zoom(size, area) / step_px)) for side in size)
    return height, width


def zoom(size: tuple[int, int], network: tuple[int, int]) -> float:
    """Give the network pixels for a native one, of a frame that is brought to the network's (height, width)."""
    return ((network[0] * network[1]) / (size[0] * size[1])) ** 0.5


def too_small(diameter_px: float, sizes: Sequence[tuple[int, int]], network: tuple[int, int]) -> list[str]:
    """Warn of cells that are too small in the network, with a size that would do, of the frames' shape.

    Args:
        diameter_px: of the median cell, in the network.
        sizes: (height, width) of each annotated frame.
        network: (height, width) that all of them are brought to.
    """
    if diameter_px >= SMALLEST_CELL_PX:
        return []
    size = middle(sizes)
    enough = stepped(size, SMALLEST_CELL_PX / diameter_px * zoom(size, network))
    return [
        f"cells of {diameter_px:.1f} px in the network can hardly be told apart: train with --data.size "
        f"{enough[0]} {enough[1]}, which gives them {SMALLEST_CELL_PX} px or more"
    ]


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
